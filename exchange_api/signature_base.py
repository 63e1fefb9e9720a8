"""What exactly is signed: the signature base of a message (RFC 9421, section 2.5), made from its covered components."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from urllib.parse import parse_qsl, quote, urlsplit

from exchange_api.signature_fields import Component, Covered
from schemas.errors import InvalidSignature

TAG = "exchange-hub"
"""By which a signature that is meant for a hub is told from those of others."""
ACTED_ON = (
    "hub-purpose", "hub-legal-basis", "hub-case-code", "content-digest", "content-type", "idempotency-key", "authorization",
)  # fmt: skip
"""What of a call's fields the hub acts on, and so has to be signed where it is there."""


class Message(Protocol):
    """A message as far as its components are made from it."""

    def values(self, name: str) -> Sequence[str]:
        """Return the values of a field, in lower case, one for each of its lines."""
        ...

    def derived(self, name: str) -> str | None:
        """Return a derived component such as ``@method``; None where such a message has none."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: its scheme, authority, path and query, as they stand in its normalised URI."""

    scheme: str
    authority: str
    path: str
    query: str = ""

    @property
    def uri(self) -> str:
        """The whole of it."""
        return f"{self.scheme}://{self.authority}{self.path}{'?' if self.query else ''}{self.query}"


def target_of(url: str, raw_path: str = "", query: str = "") -> Target:
    """Return where a request to that URL goes, its scheme and authority normalised (RFC 9421, section 2.2.3)."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "")
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return Target(parts.scheme, f"{host}{port}", raw_path or parts.path.rstrip("/"), query)


@dataclass(frozen=True, slots=True)
class RequestMessage:
    """A request: its method, where it goes, and its fields by name in lower case."""

    method: str
    target: Target
    fields: Mapping[str, Sequence[str]]

    def values(self, name: str) -> Sequence[str]:
        """Return the values of a field."""
        return self.fields.get(name, ())

    def derived(self, name: str) -> str | None:
        """Return a derived component of a request (section 2.2)."""
        made = _DERIVED.get(name)
        return made(self) if made else None


_DERIVED: Mapping[str, Callable[[RequestMessage], str]] = {
    "@method": lambda m: m.method,
    "@target-uri": lambda m: m.target.uri,
    "@authority": lambda m: m.target.authority,
    "@scheme": lambda m: m.target.scheme,
    "@request-target": lambda m: m.target.path + (f"?{m.target.query}" if m.target.query else ""),
    "@path": lambda m: m.target.path,
    "@query": lambda m: f"?{m.target.query}",
}


@dataclass(frozen=True, slots=True)
class AnswerMessage:
    """An answer: its status and its fields by name in lower case."""

    status: int
    fields: Mapping[str, Sequence[str]]

    def values(self, name: str) -> Sequence[str]:
        """Return the values of a field."""
        return self.fields.get(name, ())

    def derived(self, name: str) -> str | None:
        """Return the one derived component of an answer."""
        return str(self.status) if name == "@status" else None


def signature_base(message: Message, covered: Covered) -> bytes:
    """Return what a signature is made over; ``InvalidSignature`` where a component is not there, or not supported."""
    lines = [
        f"{label}: {_value_of(message, component)}" for label, component in _labelled(covered.components)
    ]
    return "\n".join([*lines, f'"@signature-params": {covered}']).encode("latin-1")


@lru_cache(maxsize=1024)  # few lists, many calls
def _labelled(components: tuple[Component, ...]) -> Sequence[tuple[str, Component]]:
    return [(str(component), component) for component in components]


def _value_of(message: Message, component: Component) -> str:
    if component.parameters:
        if component.name == "@query-param":
            return _query_parameter(message, component)
        raise InvalidSignature("A component is signed with a parameter that the hub does not support.")
    name = component.name
    if name[0:1] == "@":
        value = message.derived(name)
    else:
        values = message.values(name)
        value = ", ".join([line.strip(" \t") for line in values]) if values else None
    if value is None or "\n" in value or "\r" in value:
        raise InvalidSignature(
            "A component that is signed is not in the message, or there is none of that name."
        )
    return value


def _query_parameter(message: Message, component: Component) -> str:
    """Return a parameter of the query that stands there once, percent-encoded anew (section 2.2.8)."""
    query = message.derived("@query")
    if query is None or len(component.parameters) != 1 or component.parameters[0][0] != "name":
        raise InvalidSignature("A parameter of the query is signed without its name.")
    name = component.parameters[0][1]
    found = [
        value for known, value in parse_qsl(query[1:], keep_blank_values=True) if _encoded(known) == name
    ]
    if len(found) != 1:
        raise InvalidSignature("A parameter of the query that is signed does not stand there once.")
    return _encoded(found[0])


def _encoded(text: str) -> str:
    return quote(text, safe="*").replace("~", "%7E")
