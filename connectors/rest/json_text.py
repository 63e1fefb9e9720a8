"""What a department's interface answers, as JSON."""

import codecs
from typing import Any

import httpx

from connectors.json_members import loads
from connectors.rest import refusals
from connectors.source import Source


def parsed(content: bytes, headers: httpx.Headers, source: Source, place: str) -> Any:
    """Parse an answer; raises ``WrongFormat`` that names what came instead."""
    try:
        return loads(_decoded(content, headers))
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


def _decoded(content: bytes, headers: httpx.Headers) -> bytes | str:
    """Decode by the charset that the answer declares, where it is none of Unicode's, which JSON tells by itself."""
    charset = headers.get("Content-Type", "").lower().partition("charset=")[2].partition(";")[0].strip("\"' ")
    try:
        name = codecs.lookup(charset).name if charset else "utf-8"
    except LookupError:
        return content
    name = "gb18030" if name in ("gb2312", "gbk") else name
    return content if name.startswith("utf") else content.decode(name)
