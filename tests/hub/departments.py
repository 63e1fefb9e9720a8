"""Small departments of every kind that live through three days, for tests that disturb the hub while it follows them.

Each day changes, repairs, adds and ends some of a hundred firms. A department writes the day in its own way and says
what the hub has to do then. Whatever it shows is a function of the day, so that two hubs can be led through the same days.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pyarrow as pa
import shapely
import xlsxwriter
from made_codes import credit_code
from python_calamine import CalamineWorkbook

from hub import quarantine
from hub.city.geopackage import write_geopackage
from hub.composition import Hub
from tests.connectors.json_interface import JsonInterface, Reply, Request

DAYS = 3
COLUMNS = ("id", "code", "name", "staff", "person", "updated", "ended")
PAGE = 30
Act = Mapping[str, Any]

DEFINITION = """
code: firms
resource: legal_person
department: 市场监督管理局
title: 企业
ordinal: 77
connector: {connector}
options: {options}
row_id: id
observed_at: updated
authority: {{default: 50}}
mapping:
  credit_code: {{column: code}}
  name: {{column: name}}
  staff_count: {{column: staff}}
  representative_name: {{column: person}}
{more}
"""


def firms(day: int) -> list[dict[str, Any]]:
    """The firms as they stand that day; 90 is 10 once more, told later; 33, 34 and 71 have impossible codes at first."""
    found = {n: _firm(n, credit_code(10 if n == 90 else n), f"重庆{n}公司", 5, 0) for n in range(100)}
    for number, code in ((33, "X"), (34, "9150000000000034XX"), (71, "nonsense")):
        found[number]["code"] = code
    if day >= 1:
        for number in (*range(5, 15), 33):
            found[number] = _firm(number, credit_code(number), f"重庆{number}改名公司", 5, 1)
        found[71] = _firm(71, "other nonsense", "重庆71公司", 5, 1)
        found |= {n: _firm(n, credit_code(n), f"重庆{n}新公司", 1, 1) for n in range(100, 110)}
        found |= {n: found[n] | {"ended": "2026-01-02", "updated": _time(n, 1)} for n in (20, 21)}
    if day >= 2:
        found |= {n: found[n] | {"staff": 8, "updated": _time(n, 2)} for n in (12, *range(40, 60), 105)}
        found |= {n: found[n] | {"ended": "2026-01-03", "updated": _time(n, 2)} for n in (22, 101)}
        found[20] = _firm(20, credit_code(20), "重庆20公司", 5, 2)
    return [found[number] for number in sorted(found)]


def standing(day: int) -> list[dict[str, Any]]:
    """The firms that day without those that have ended."""
    return [firm for firm in firms(day) if not firm["ended"]]


def _firm(number: int, code: str, name: str, staff: int, day: int) -> dict[str, Any]:
    person = f"代表{number}"
    return dict(zip(COLUMNS, (number, code, name, staff, person, _time(number, day), None), strict=True))


def _time(number: int, day: int) -> str:
    return f"2026-01-0{day + 1} {number // 60:02d}:{number % 60:02d}:00"


def _values(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(firm[name] for name in COLUMNS) for firm in found]


def write_sqlite(path: Path, found: list[dict[str, Any]], staff: str = "INTEGER") -> None:
    kinds = (
        f"id INTEGER PRIMARY KEY, code TEXT, name TEXT, staff {staff}, person TEXT, updated TEXT, ended TEXT"
    )
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE IF EXISTS firms")
        connection.execute(f"CREATE TABLE firms ({kinds})")
        connection.executemany("INSERT INTO firms VALUES (?, ?, ?, ?, ?, ?, ?)", _values(found))
    connection.close()


class Department:
    """What each kind does in its own way. ``resumes``: a run that was killed goes on where it stopped, and no row comes again."""

    resumes: ClassVar[bool] = True
    unlike: ClassVar[tuple[str, ...]] = ()  # parts of ``pulled_state`` that no two runs have alike
    connector: ClassVar[str] = "file"
    more: ClassVar[str] = ""
    resource: ClassVar[str] = "legal_person"

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True)

    def options(self) -> dict[str, Any]:
        return {"path": str(self.folder / "day*")}

    def definition(self) -> str:
        options = json.dumps(self.options(), ensure_ascii=False)
        return DEFINITION.format(connector=self.connector, options=options, more=self.more)

    def begin(self) -> None:
        """Go back to before the first day."""
        for path in self.folder.iterdir():
            path.unlink()

    def days(self, hub: Hub) -> Iterator[Act]:
        """Let one day after the other come, and say what the hub, which may be asked before, has to do then."""
        for day in range(DAYS):
            self.turn(day)
            yield self.ingest()

    def turn(self, day: int) -> None:
        """Let a day come."""
        raise NotImplementedError

    def ingest(self) -> Act:
        return {"do": "ingest", "source": "firms", "rows": 40}

    def close(self) -> None:
        """Let servers go."""


class OfSqlite(Department):
    """No watermark: everything is read and compared, and what is gone is found by its key."""

    resumes = False
    connector = "sql"
    more = "deletions: {by: comparison, at_most: 0.3, every_hours: 0}"

    def options(self):
        return {"url": f"sqlite:///{self.folder / 'firms.sqlite'}", "table": "firms"}

    def turn(self, day):
        write_sqlite(self.folder / "firms.sqlite", standing(day))


class OfPostgres(Department):
    """A watermark, and a column that tells what has ended."""

    connector = "sql"
    more = "watermark: {column: updated, type: string}\ndeletions: {by: tombstone, column: ended}"

    def __init__(self, folder: Path, url: str):
        super().__init__(folder)
        self.url = url
        kinds = "id integer PRIMARY KEY, code text, name text, staff integer, person text, updated text, ended text"
        self.execute(f"CREATE TABLE firms ({kinds})")

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def options(self):
        return {"url": self.url, "table": "firms"}

    def begin(self):
        self.execute("DELETE FROM firms")

    def turn(self, day):
        sets = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])
        with psycopg.connect(self.url) as connection:
            connection.cursor().executemany(
                f"INSERT INTO firms VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET {sets} "
                "WHERE firms.updated <> excluded.updated",
                _values(firms(day)),
            )


class OfChanges(OfPostgres):
    """The same table, followed by its log; rows that have ended are deleted."""

    unlike = ("watermarks",)  # places in the log
    connector = "stream"
    more = ""

    def options(self):
        return {"url": self.url, "changes": {"table": "firms", "publication": "hub", "slot": "hub_kills"}}

    def begin(self):
        super().begin()
        self._drop_slot()
        self.execute("DROP PUBLICATION IF EXISTS hub", "CREATE PUBLICATION hub FOR TABLE firms")

    def _drop_slot(self) -> None:
        self.execute(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'hub_kills' AND active",
            "DO $$ BEGIN FOR i IN 1..500 LOOP EXIT WHEN NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = "
            "'hub_kills' AND active); PERFORM pg_sleep(0.01); END LOOP; END $$",
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'hub_kills'",
        )

    def turn(self, day):
        super().turn(day)
        ended = [firm["id"] for firm in firms(day) if firm["ended"]]
        self.execute(
            *(f"DELETE FROM firms WHERE id = {number}" for number in ended)
        )  # in this order in the log

    def close(self):
        self._drop_slot()


class OfCsv(Department):
    """A new file every day, of what changed since."""

    more = "deletions: {by: tombstone, column: ended}"

    def turn(self, day):
        before = firms(day - 1) if day else []
        rows = [",".join("" if v is None else str(v) for v in row) for row in _values(_changed(before, day))]
        path = self.folder / f"day{day}.csv"
        path.write_text("\n".join([",".join(COLUMNS), *rows, ""]), encoding="gb18030")
        _stamp(path, day)


class OfExcel(Department):
    """One workbook, delivered anew every day."""

    more = "deletions: {by: tombstone, column: ended}"

    def turn(self, day):
        path = self.folder / "day.xlsx"
        with xlsxwriter.Workbook(str(path)) as book:
            book.set_properties({"created": datetime(2026, 1, 1 + day, tzinfo=UTC)})  # the same bytes again
            sheet = book.add_worksheet("企业")
            sheet.write(0, 0, "企业名册")
            for place, row in enumerate([COLUMNS, *_values(firms(day))], start=1):
                sheet.write_row(place, 0, row)
        _stamp(path, day)


class OfGeopackage(Department):
    """A layer of points, delivered anew every day; one point has no name at first."""

    connector = "spatial"
    resource = "place"

    def options(self):
        return {"path": str(self.folder / "day.gpkg"), "layer": "places"}

    def definition(self):
        mapping = {name: {"column": name} for name in ("place_code", "name", "division", "geometry")}
        told = {
            "code": "firms", "resource": "place", "department": "规划和自然资源局", "title": "地名", "ordinal": 77,
            "connector": "spatial", "options": self.options(), "row_id": "place_code", "observed_at": "updated",
            "mapping": mapping,
        }  # fmt: skip
        return json.dumps(told, ensure_ascii=False)

    def turn(self, day):
        found = firms(day)
        table = pa.table(
            {
                "place_code": [f"P{firm['id']:03d}" for firm in found],
                "name": [None if len(firm["code"]) != 18 else firm["name"] for firm in found],
                "division": ["500103"] * len(found),
                "updated": [firm["updated"] for firm in found],
                "geometry": [
                    shapely.to_wkb(shapely.Point(106.5, 29.5 + firm["id"] / 1000)) for firm in found
                ],
            }
        )
        path = self.folder / "day.gpkg"
        write_geopackage(path, {"places": (table, "Point")})
        _stamp(path, day)


class OfRest(Department):
    """A JSON interface, page after page, asked for what changed since."""

    connector = "rest"
    more = "watermark: {column: updated, type: datetime}\ndeletions: {by: tombstone, column: ended}"

    def __init__(self, folder: Path):
        super().__init__(folder)
        self._now: list[dict[str, Any]] = []
        self._server = JsonInterface(self._answer)

    def options(self):
        paging = {"by": "cursor", "parameter": "after", "cursor": "next"}
        return {
            "url": f"{self._server.url}/firms",
            "records": "items",
            "paging": paging,
            "since": {"parameter": "since"},
        }

    def _answer(self, request: Request) -> Reply:
        found = [firm for firm in self._now if firm["updated"] >= request.query.get("since", "")]
        found.sort(key=lambda firm: (firm["updated"], firm["id"]))
        at = int(request.query.get("after", "0"))
        more = {"next": at + PAGE} if at + PAGE < len(found) else {}
        return Reply({"items": found[at : at + PAGE]} | more)

    def turn(self, day):
        self._now = firms(day)

    def close(self):
        self._server.close()


class ByPush(Department):
    """What changed, pushed every day under a key of its own."""

    connector = "push"
    more = "deletions: {by: tombstone, column: ended}"

    def options(self):
        return {"systems": ["registry"]}

    def days(self, hub):
        for day in range(DAYS):
            path = self.folder / f"day{day}.jsonl"
            rows = _changed(firms(day - 1) if day else [], day)
            path.write_text(
                "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
            )
            yield {"do": "push", "source": "firms", "path": str(path), "key": f"day{day}"}


class OfRepairs(OfSqlite):
    """What was refused comes back repaired in the workbook that was exported, and is replayed after that."""

    more = ""

    def days(self, hub):
        self.turn(0)
        yield self.ingest()
        exported = self.folder / "exported.xlsx"
        quarantine.export(hub, hub.source("firms"), exported, "operator:test")
        yield {"do": "take back", "source": "firms", "path": str(_repaired(exported, {"X": credit_code(33)}))}
        yield {"do": "replay", "source": "firms"}
        self.turn(1)
        yield self.ingest()


class OfDrift(OfSqlite):
    """A column changes its type: the rows wait until a person accepts it, and are replayed."""

    more = "drift: quarantine"

    def days(self, hub):
        self.turn(0)
        yield self.ingest()
        write_sqlite(self.folder / "firms.sqlite", standing(1), staff="TEXT")
        yield self.ingest()
        yield {"do": "accept", "source": "firms"}
        yield {"do": "replay", "source": "firms"}
        write_sqlite(self.folder / "firms.sqlite", standing(2), staff="TEXT")
        yield self.ingest()


def _changed(before: list[dict[str, Any]], day: int) -> list[dict[str, Any]]:
    return [firm for firm in firms(day) if firm not in before]


def _stamp(path: Path, day: int) -> None:
    """A file is as old as its day, so that two hubs meet the same version."""
    os.utime(path, (1_767_200_000 + 86_400 * day,) * 2)


def _repaired(exported: Path, repairs: Mapping[str, str]) -> Path:
    rows = CalamineWorkbook.from_path(str(exported)).get_sheet_by_index(0).to_python()
    code = rows[0].index("code")
    path = exported.with_name("repaired.xlsx")
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate(rows):
            row[code] = repairs.get(row[code], row[code])
            sheet.write_row(place, 0, row)
    return path
