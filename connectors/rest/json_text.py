"""JSON as a department wrote it: numbers stay the digits they are, and members are found by dotted paths."""

import codecs
import json
from collections.abc import Mapping
from typing import Any

import httpx

from connectors.rest import refusals
from connectors.source import Source

ABSENT: Any = object()


class Number(str):
    """A number of JSON with a fraction, as it is written; a whole number is a Python ``int``, which loses nothing."""

    __slots__ = ()


def parsed(content: bytes, headers: httpx.Headers, source: Source, place: str) -> Any:
    """Parse an answer; raises ``WrongFormat`` that names what came instead."""
    try:
        return json.loads(_decoded(content, headers), parse_float=Number, parse_constant=Number)
    except (ValueError, RecursionError):
        pass  # its words quote the text
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    html = "html" in kind or content.lstrip()[:1] == b"<"
    raise refusals.wrong(
        source,
        place,
        "answered with a page for people, and no JSON" if html else "answered with what is no JSON",
        "Check options.url: a login page or a gateway may stand before the interface." if html else "",
    )


def member(value: Any, path: str) -> Any:
    """Return what is under a dotted path, ``ABSENT`` where nothing is; a member whose own name has the dots comes first."""
    if not path:
        return value
    if not isinstance(value, dict):
        return ABSENT
    if path in value:
        return value[path]
    name, dot, rest = path.partition(".")
    return member(value.get(name, ABSENT), rest) if dot else ABSENT


def with_member(body: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return the body with the value under the dotted path."""
    name, dot, rest = path.partition(".")
    inner = body.get(name)
    return {
        **body,
        name: with_member(inner if isinstance(inner, Mapping) else {}, rest, value) if dot else value,
    }


def text(value: Any) -> str | None:
    """Write a value as the hub reads it: objects and lists as JSON, truth as ``true`` and ``false``."""
    if value is None or value is ABSENT:
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def _decoded(content: bytes, headers: httpx.Headers) -> bytes | str:
    """Decode by the charset that the answer declares, where it is none of Unicode's, which JSON tells by itself."""
    charset = headers.get("Content-Type", "").lower().partition("charset=")[2].partition(";")[0].strip("\"' ")
    try:
        name = codecs.lookup(charset).name if charset else "utf-8"
    except LookupError:
        return content
    name = "gb18030" if name in ("gb2312", "gbk") else name
    return content if name.startswith("utf") else content.decode(name)
