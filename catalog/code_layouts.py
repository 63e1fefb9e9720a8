"""Tables of codes as authorities and their users publish them, read into one form.

A layout is data: which columns hold what. A file that has the columns of none is refused with the columns it has.
"""

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from schemas.code_sets import code_set
from schemas.divisions import ALWAYS, Division, Level, Transfer
from schemas.errors import DefinitionError, WrongCodeTable

Row = Mapping[str, str]
_BY_LENGTH = {2: Level.PROVINCE, 4: Level.CITY, 6: Level.COUNTY, 9: Level.TOWN, 12: Level.VILLAGE}
_BY_DEPTH = dict(zip("01234", Level, strict=True))
_ENCODINGS = ("utf-8-sig", "gb18030")


@dataclass(frozen=True)
class Layout:
    """One form of table: the columns it is known by, and how its rows are read; ``precision`` of its dates."""

    name: str
    needs: frozenset[str]
    read: Callable[[list[Row]], list[Division]]
    precision: str = "day"


@dataclass(frozen=True)
class TableFile:
    """What one file held."""

    name: str
    layout: Layout
    divisions: list[Division]
    rows: int


def read_table(path: Path) -> TableFile:
    """Read a table of codes: CSV or tab-separated, plain, ``.gz`` or ``.zst``; ``WrongCodeTable`` says what is amiss."""
    rows, columns = _rows(path)
    layout = next((known for known in LAYOUTS if known.needs <= columns), None)
    if layout is None:
        raise WrongCodeTable(
            f"{path.name} has the columns {', '.join(sorted(columns)) or '(none)'}, which no known table has.",
            hint="Give it a header with at least code and name; level, parent, valid_from, valid_to, successors may follow.",
        )
    try:
        found = layout.read(rows)
    except (KeyError, ValueError, DefinitionError) as error:
        raise WrongCodeTable(f"{path.name} is not what its header says ({layout.name}): {error}.") from None
    return TableFile(path.name, layout, found, len(rows))


def _rows(path: Path) -> tuple[list[Row], frozenset[str]]:
    text = _text(path)
    dialect = "excel-tab" if "\t" in text.partition("\n")[0] else "excel"
    reader = csv.DictReader(io.StringIO(text), dialect=dialect, restval="")
    try:
        rows: list[Row] = [
            {name: value.strip() for name, value in row.items() if name is not None} for row in reader
        ]
    except (csv.Error, AttributeError) as error:
        raise WrongCodeTable(f"{path.name} is no table: {error}.") from None
    return rows, frozenset(name for name in reader.fieldnames or () if name)


def _text(path: Path) -> str:
    try:
        raw = _unpacked(path)
    except (OSError, EOFError) as error:
        raise WrongCodeTable(f"{path.name} cannot be read: {type(error).__name__}.") from error
    for encoding in _ENCODINGS:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise WrongCodeTable(f"{path.name} is neither UTF-8 nor GB18030.", hint="Save it as UTF-8.")


def _unpacked(path: Path) -> bytes:
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        import zstandard

        try:
            with path.open("rb") as file:
                return zstandard.ZstdDecompressor().stream_reader(file).read()
        except zstandard.ZstdError as error:
            raise OSError(str(error)) from None
    return path.read_bytes()


# ── the layouts ──────────────────────────────────────────────────────────────────────────────────────


def _plain(rows: list[Row]) -> list[Division]:
    """code, name, and what else of a ``Division`` there is, as ``schemas/data/divisions_chongqing.csv`` has it."""
    return [
        Division(
            code=row["code"],
            name=row["name"],
            level=_level(row.get("level", ""), row["code"]),
            parent=row.get("parent", ""),
            valid_from=_day(row.get("valid_from", "")) or ALWAYS,
            valid_to=_day(row.get("valid_to", "")),
            successors=tuple(row.get("successors", "").split()),
        )
        for row in _filled(rows, "code", "name")
    ]


def _statistical(rows: list[Row]) -> list[Division]:
    """The statistics bureau's tables, one a level, each row with the codes of all above it."""
    above = [
        name for name in ("streetCode", "areaCode", "cityCode", "provinceCode") if rows and name in rows[0]
    ]
    return [
        Division(row["code"], row["name"], _BY_LENGTH[len(row["code"])], row[above[0]], ALWAYS, None)
        for row in _filled(rows, "code", "name")
    ]


def _four_levels(rows: list[Row]) -> list[Division]:
    """All levels in one table: id, id of the parent, depth from 0, short and full name."""
    return [
        Division(row["id"], row["ext_name"] or row["name"], _BY_DEPTH[row["deep"]], row["pid"].strip("0") and row["pid"],
                 ALWAYS, None)
        for row in _filled(rows, "id", "name")
    ]  # fmt: skip


def _yearly(rows: list[Row]) -> list[Division]:
    """The civil affairs ministry's yearly tables joined: each meaning of a code with its first and last year.

    A table tells the last day of its year, so a meaning holds from the 31 December of its first year.
    """
    parents = _Parents(rows)
    return [
        Division(
            code=row["代码"],
            name=row["名称"],
            level=_level(row["级别"], row["代码"]),
            parent=parents.of(row),
            valid_from=_end_of(row["启用时间"]),
            valid_to=_end_of(row["变更/弃用时间"]) if row["变更/弃用时间"] else None,
            successors=_successors(row["新代码"], bool(row["变更/弃用时间"])),
            transfers=_transfers(row["新代码"]),
        )
        for row in _filled(rows, "代码", "名称")
    ]


class _Parents:
    """Finds a row's parent by the names it gives of the levels above, in the years it was in force."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._named: dict[tuple[str, str], list[Row]] = {}
        for row in rows:
            if row["级别"] != "县级":
                self._named.setdefault((row["一级行政区"], row["名称"]), []).append(row)

    def of(self, row: Row) -> str:
        province = self._found(row, row["一级行政区"])
        if row["级别"] == "省级":
            return ""
        return (row["级别"] == "县级" and self._found(row, row["二级行政区"])) or province

    def _found(self, row: Row, name: str) -> str:
        begins, ends = row["启用时间"], row["变更/弃用时间"] or "9999"
        there = [
            one["代码"]
            for one in self._named.get((row["一级行政区"], name), ())
            if one["启用时间"] < ends and begins < (one["变更/弃用时间"] or "9999")
        ]
        return next((code for code in there if code[:4] == row["代码"][:4]), there[0] if there else "")


def _successors(text: str, ended: bool) -> tuple[str, ...]:
    parts = text.split(";") if text and ended else []
    return tuple(part for part in parts if "[" not in part)


def _transfers(text: str) -> tuple[Transfer, ...]:
    dated = [part for part in text.split(";") if "[" in part]
    return tuple(Transfer(part[:6], _end_of(part[7:11])) for part in dated)


def _end_of(year: str) -> date:
    return date(int(year), 12, 31)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _level(word: str, code: str) -> Level | None:
    if not word:
        return _BY_LENGTH.get(len(code)) if code.isdecimal() and len(code) > 4 else None
    known = code_set("division_level").code_of(word)
    if known is None:
        raise ValueError(f"{word!r} is no level of division")
    return Level(known)


def _filled(rows: list[Row], *names: str) -> Iterable[Row]:
    return (row for row in rows if all(row[name] for name in names))


LAYOUTS = (
    Layout(
        "yearly tables",
        frozenset(
            {"代码", "名称", "级别", "一级行政区", "二级行政区", "启用时间", "变更/弃用时间", "新代码"}
        ),
        _yearly,
        "year",
    ),
    Layout("four levels", frozenset({"id", "pid", "deep", "name", "ext_name"}), _four_levels),
    Layout("statistical codes", frozenset({"code", "name", "provinceCode"}), _statistical),
    Layout("codes and names", frozenset({"code", "name"}), _plain),
)
