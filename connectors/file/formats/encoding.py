"""Telling in which encoding a text file is, by strict decoding of the whole of it.

UTF-8 text with Chinese in it is practically never valid by accident, so it is tried first. Nearly any bytes are
valid GB18030 (GB 18030-2022), so what decodes must also look like Chinese as it is written: mostly common
hanzi. Nothing is guessed beyond that.
"""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from connectors.file.formats import Wanted
from connectors.file.spool import Spool
from schemas.errors import DefinitionError, TruncatedFile, UnknownEncoding

UTF_8 = "utf-8-sig"
_CHUNK = 1 << 20
_QUOTE = ord('"')
_SAMPLE = 20_000
_COMMON_SHARE = 0.6
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "utf-8": UTF_8}


Copy = Callable[[], Spool]
"""Makes an empty file for a text in UTF-8."""


@dataclass(frozen=True)
class Encoding:
    """A codec that reads the whole file, how many quotation marks the text has, and whether it ends in a line end."""

    codec: str
    quotes: int
    ends_in_newline: bool


@dataclass(frozen=True)
class _Failure:
    offset: int
    at_end: bool


class _Sample:
    """The first characters beyond ASCII of a text."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0

    def add(self, text: str) -> None:
        if self._length < _SAMPLE and not text.isascii():
            part = "".join(character for character in text[: 4 * _SAMPLE] if character > "\x7f")
            self._parts.append(part)
            self._length += len(part)

    def looks_chinese(self) -> bool:
        """Whether most characters are first-level hanzi or symbols of GB 2312, as in any ordinary Chinese text."""
        text = "".join(self._parts)
        if not text:
            return True
        leads = np.frombuffer(text.encode("gb2312", "ignore"), dtype=np.uint8)
        leads = leads[(leads > 0x7F)][::2]
        common = ((leads >= 0xA1) & (leads <= 0xA3)) | ((leads >= 0xB0) & (leads <= 0xD7))
        return int(common.sum()) >= _COMMON_SHARE * len(text)


def tell_encoding(path: Path, source: Wanted, copy: Copy | None = None) -> Encoding:
    """Return the file's encoding; ``options.encoding`` may name it, else it is told from the bytes.

    A text in another encoding than UTF-8 is written in UTF-8 into what ``copy`` makes, where it is wanted.
    Raises ``UnknownEncoding`` naming the first byte that does not fit, ``TruncatedFile`` when the file is empty or ends
    within a character, ``DefinitionError`` when the declared encoding does not exist.
    """
    place = f"Source {source.code}, file {path.name}"
    head = _head(path, source.code, place)
    declared = str(source.option("encoding")).lower()
    if declared != "auto":
        return _as_declared(path, source.code, declared, place, copy)
    failures: list[str] = []
    for codec in _candidates(head):
        sample = _Sample()
        found = _read_as(path, codec, sample, copy)
        if isinstance(found, _Failure):
            _refuse_cut_character(found, sample, path, source.code, place)
            failures.append(f"{codec} up to byte {found.offset:,}")
        elif codec == "gb18030" and not sample.looks_chinese():
            failures.append(f"{codec} in form, but it would be no Chinese text")
        else:
            return found
    raise UnknownEncoding(
        f"{place} is in no encoding that can be told: it reads as {', as '.join(failures)}.",
        hint=_hint(path),
        source=source.code,
        file=path.name,
    )


def _head(path: Path, source: str, place: str) -> bytes:
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise TruncatedFile(f"{place} is empty.", source=source, file=path.name)
    return head


def _as_declared(path: Path, source: str, declared: str, place: str, copy: Copy | None) -> Encoding:
    codec = _WIDER.get(declared, declared)
    try:
        codecs.lookup(codec)
    except LookupError:
        raise DefinitionError(
            f"Source {source}: options.encoding {declared!r} is no known encoding."
        ) from None
    sample = _Sample()
    found = _read_as(path, codec, sample, copy)
    if isinstance(found, _Failure):
        _refuse_cut_character(found, sample, path, source, place)
        raise UnknownEncoding(
            f"{place} is declared as {declared} but byte {found.offset:,} does not fit it.",
            hint="Correct options.encoding, or leave it at auto.",
            source=source,
            file=path.name,
        )
    return found


def _candidates(head: bytes) -> tuple[str, ...]:
    for mark, codec in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return (codec,)
    if b"\0" in head:  # only UTF-16 text has zero bytes: those of its ASCII characters
        return ("utf-16-le",) if head[1::2].count(0) > head[0::2].count(0) else ("utf-16-be",)
    return (UTF_8, "gb18030")


def _read_as(path: Path, codec: str, sample: _Sample, copy: Copy | None) -> Encoding | _Failure:
    if codec == UTF_8:
        return _as_utf8(path) or _decode(path, codec, sample)
    return _decode(path, codec, sample, copy() if copy else None)


def _as_utf8(path: Path) -> Encoding | None:
    """Look whether the whole file is UTF-8 by Arrow's own check, which is several times as fast as decoding it."""
    quotes, last, held = 0, b"", b""
    for chunk in _chunks(path):
        content = held + chunk
        whole = len(content) - (_begun(content) if chunk else 0)
        ends = pa.py_buffer(np.array([0, whole], dtype=np.int32))
        try:
            pa.StringArray.from_buffers(1, ends, pa.py_buffer(content)).validate(full=True)
        except pa.ArrowInvalid:
            return None
        held, last = content[whole:], content[-1:] or last
        quotes += _quotes(chunk)
    return Encoding(UTF_8, quotes, last in b"\r\n")


def _quotes(content: bytes) -> int:
    """Count the quotation marks; NumPy does it several times as fast as ``bytes.count``."""
    return int(np.count_nonzero(np.frombuffer(content, dtype=np.uint8) == _QUOTE))


def _begun(content: bytes) -> int:
    """Count the bytes of a character that is cut off at the end."""
    for length in range(1, min(3, len(content)) + 1):
        byte = content[-length]
        if byte >= 0xC0:
            return length if length < (2 + (byte >= 0xE0) + (byte >= 0xF0)) else 0
        if byte < 0x80:
            return 0
    return 0


def _decode(path: Path, codec: str, sample: _Sample, copy: Spool | None = None) -> Encoding | _Failure:
    decoder = codecs.getincrementaldecoder(codec)("strict")
    quotes, read, last = 0, 0, ""
    for chunk in _chunks(path):
        held = len(decoder.getstate()[0])
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            at_end = not chunk or (len(chunk) < _CHUNK and error.end >= held + len(chunk))
            return _Failure(read - held + error.start, at_end)
        read += len(chunk)
        content = text.encode()
        quotes += _quotes(content)
        if copy:
            copy.write(content)
        sample.add(text)
        last = text[-1:] or last
    return Encoding(codec, quotes, last in "\r\n")


def _chunks(path: Path) -> Iterator[bytes]:
    """Yield the file's chunks, then an empty one that stands for its end."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
    yield b""


def _refuse_cut_character(failure: _Failure, sample: _Sample, path: Path, source: str, place: str) -> None:
    if failure.at_end and sample.looks_chinese():
        raise TruncatedFile(
            f"{place} ends within a character, at byte {failure.offset:,}.",
            hint="Ask the department to deliver the file again.",
            source=source,
            file=path.name,
        )


def _hint(path: Path) -> str:
    from charset_normalizer import from_bytes

    with path.open("rb") as file:
        best = from_bytes(file.read(64 * 1024)).best()
    guess = f" It may be {best.encoding}." if best else ""
    return f"Name it in options.encoding.{guess}"
