"""Tables of codes as authorities and their users publish them, read into one form.

A layout is data: which columns hold what. A file that has the columns of none is refused with the columns it has. Rows are
handed on as they are read, for a table of villages has 600,000.
"""

import csv
import gzip
import io
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from schemas.code_sets import code_set
from schemas.divisions import ALWAYS, Division, Level, Transfer
from schemas.errors import DefinitionError, WrongCodeTable

Row = Mapping[str, str]
_BY_LENGTH = {2: Level.PROVINCE, 4: Level.CITY, 6: Level.COUNTY, 9: Level.TOWN, 12: Level.VILLAGE}
_BY_DEPTH = dict(zip("01234", Level, strict=True))
_ENCODINGS = ("utf-8-sig", "gb18030")
_CHUNK = 1 << 20
_BROKEN = (OSError, EOFError)


@dataclass(frozen=True)
class Layout:
    """One form of table: the columns it is known by, and how its rows are read; ``precision`` of its dates."""

    name: str
    needs: frozenset[str]
    read: Callable[[Iterable[Row]], Iterable[Division]]
    precision: str = "day"


@dataclass
class TableFile:
    """One file: its layout, and how many rows and codes ``divisions`` has read of it so far."""

    path: Path
    layout: Layout
    encoding: str
    rows: int = field(default=0, init=False)
    codes: int = field(default=0, init=False)

    @property
    def name(self) -> str:
        """The file's name, for reports."""
        return self.path.name

    def divisions(self) -> Iterator[Division]:
        """Read the file from its beginning, row by row; ``WrongCodeTable`` says what is amiss."""
        self.rows = self.codes = 0
        try:
            for division in self.layout.read(self._counted()):
                self.codes += 1
                yield division
        except (KeyError, ValueError, DefinitionError) as error:
            raise WrongCodeTable(
                f"{self.name} is not what its header says ({self.layout.name}), near row {self.rows + 1}: {error}."
            ) from None

    def _counted(self) -> Iterator[Row]:
        with _readable(self.path), closing(_opened(self.path, self.encoding)) as text:
            reader = _reader(text)
            columns = next(reader, [])
            for cells in reader:
                self.rows += bool(cells)
                short = [""] * (len(columns) - len(cells))
                yield dict(zip(columns, map(str.strip, cells + short), strict=False))


def open_table(path: Path) -> TableFile:
    """Look at a table of codes: CSV or tab-separated, plain, ``.gz`` or ``.zst``; ``WrongCodeTable`` says what is amiss."""
    with _readable(path):
        encoding = _encoding(path)
        with closing(_opened(path, encoding)) as text:
            columns = frozenset(name for name in next(_reader(text), []) if name)
    layout = next((known for known in LAYOUTS if known.needs <= columns), None)
    if layout is None:
        raise WrongCodeTable(
            f"{path.name} has the columns {', '.join(sorted(columns)) or '(none)'}, which no known table has.",
            hint="Give it a header with at least code and name; level, parent, valid_from, valid_to, successors may follow.",
        )
    return TableFile(path, layout, encoding)


def _reader(text: io.TextIOWrapper) -> "Iterator[list[str]]":
    first = text.readline()
    return csv.reader(_from(first, text), dialect="excel-tab" if "\t" in first else "excel")


def _from(first: str, text: io.TextIOWrapper) -> Iterator[str]:
    if first:
        yield first
    yield from text


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what may befall a file into what is wrong with it."""
    try:
        yield
    except _BROKEN as error:
        # Arrow tells a cut file from a broken one in words alone.
        if isinstance(error, EOFError) or "Truncated" in str(error):
            raise WrongCodeTable(
                f"{path.name} ends before what is packed in it does.", hint="Get the file again."
            ) from None
        raise WrongCodeTable(f"{path.name} cannot be read: {type(error).__name__}.") from error
    except csv.Error as error:
        raise WrongCodeTable(f"{path.name} is no table: {error}.") from None


def _encoding(path: Path) -> str:
    """Find the encoding that every byte of the file is of."""
    for encoding in _ENCODINGS:
        decoder = getincrementaldecoder(encoding)()
        try:
            with closing(_unpacked(path)) as file:
                while chunk := file.read(_CHUNK):
                    decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise WrongCodeTable(f"{path.name} is neither UTF-8 nor GB18030.", hint="Save it as UTF-8.")


def _opened(path: Path, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(_unpacked(path), encoding=encoding, newline="")


def _unpacked(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return cast("BinaryIO", gzip.open(path, "rb"))
    if path.suffix == ".zst":
        return cast("BinaryIO", pa.input_stream(str(path), compression="zstd"))
    return path.open("rb")


# ── the layouts ──────────────────────────────────────────────────────────────────────────────────────


def _plain(rows: Iterable[Row]) -> Iterator[Division]:
    """code, name, and what else of a ``Division`` there is, as ``schemas/data/divisions_chongqing.csv`` has it."""
    for row in _filled(rows, "code", "name"):
        yield Division(
            code=row["code"],
            name=row["name"],
            level=_level(row.get("level", ""), row["code"]),
            parent=row.get("parent", ""),
            valid_from=_day(row.get("valid_from", "")) or ALWAYS,
            valid_to=_day(row.get("valid_to", "")),
            successors=tuple(row.get("successors", "").split()),
        )


def _statistical(rows: Iterable[Row]) -> Iterator[Division]:
    """The statistics bureau's tables, one a level, each row with the codes of all above it."""
    for row in _filled(rows, "code", "name"):
        above = next(name for name in ("streetCode", "areaCode", "cityCode", "provinceCode") if name in row)
        level = _BY_LENGTH.get(len(row["code"]))
        if level is None:
            raise ValueError(f"{row['code']!r} is not as long as the codes of any level")
        yield Division(row["code"], row["name"], level, row[above], ALWAYS, None)


def _four_levels(rows: Iterable[Row]) -> Iterator[Division]:
    """All levels in one table: id, id of the parent, depth from 0, short and full name."""
    for row in _filled(rows, "id", "name"):
        level, parent = _BY_DEPTH[row["deep"]], row["pid"].strip("0") and row["pid"]
        yield Division(row["id"], row["ext_name"] or row["name"], level, parent, ALWAYS, None)


def _yearly(read: Iterable[Row]) -> Iterator[Division]:
    """The civil affairs ministry's yearly tables joined: each meaning of a code with its first and last year.

    A table tells the last day of its year, so a meaning holds from the 31 December of its first year; of
    what stands in the very first table, the beginning is not told.
    """
    rows = list(read)
    parents = _Parents(rows)
    first = min((row["启用时间"] for row in rows), default="")
    for row in _filled(rows, "代码", "名称"):
        yield Division(
            code=row["代码"],
            name=row["名称"],
            level=_level(row["级别"], row["代码"]),
            parent=parents.of(row),
            valid_from=ALWAYS if row["启用时间"] == first else _end_of(row["启用时间"]),
            valid_to=_end_of(row["变更/弃用时间"]) if row["变更/弃用时间"] else None,
            successors=_successors(row["新代码"], bool(row["变更/弃用时间"])),
            transfers=_transfers(row["新代码"]),
        )


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


def _filled(rows: Iterable[Row], *names: str) -> Iterable[Row]:
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
