"""A dataset as catalogues tell one another of it: what DCAT-AP 3 says, in plain frozen values.

``chain`` are the ids of the catalogues that a description has come through, the one it was written in first.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from typing import Any

import orjson

Texts = Mapping[str, str]
"""Language tag → text; the empty tag where a text has none."""


@dataclass(frozen=True)
class Agent:
    """An organisation; ``identifier`` is its unified social credit code or another code, empty where it is not told."""

    name: str
    identifier: str = ""
    uri: str = ""


@dataclass(frozen=True)
class Service:
    """A service that answers with a dataset's records."""

    uri: str
    endpoint: str
    title: Texts
    description: str = ""


@dataclass(frozen=True)
class Distribution:
    """A form in which a dataset is had: where, and as what; by which ``service``, where it is by one."""

    access_url: str
    uri: str = ""
    title: Texts | None = None
    file_type: str = ""
    media_type: str = ""
    service: Service | None = None


@dataclass(frozen=True)
class Dataset:
    """What is told of one dataset; URIs of terms are those of the Publications Office where they are known."""

    uri: str
    title: Texts
    description: Texts
    chain: tuple[str, ...] = ()
    identifier: str = ""
    publisher: Agent | None = None
    contact: str = ""
    frequency: str = ""
    access: str = ""
    rights: str = ""
    themes: Mapping[str, str] | None = None
    keywords: tuple[str, ...] = ()
    spatial: str = ""
    version: str = ""
    issued: date | None = None
    modified: date | None = None
    legislation: Mapping[str, str] | None = None
    related: tuple[str, ...] = ()
    distributions: tuple[Distribution, ...] = ()

    @property
    def foreign_id(self) -> str:
        """What it is known by in the catalogue it is of."""
        return self.uri or self.identifier

    @property
    def digest(self) -> str:
        """SHA-256 of everything that is told, the chain too, as hexadecimal digits."""
        return sha256(orjson.dumps(self.as_dict(), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def best_title(self) -> str:
        """The title in Chinese, else in whatever language there is."""
        return best_text(self.title)

    def as_dict(self) -> dict[str, Any]:
        """Return the plain form, ready for JSON; what is empty is left out."""
        return _told(asdict(self))


def dataset_from(told: Mapping[str, Any]) -> Dataset:
    """Make a dataset of its plain form."""
    values = dict(told)
    if "publisher" in values:
        values["publisher"] = Agent(**values["publisher"])
    for name in ("issued", "modified"):
        if name in values:
            values[name] = date.fromisoformat(values[name])
    for name in ("chain", "keywords", "related"):
        values[name] = tuple(values.get(name, ()))
    values["distributions"] = tuple(map(_distribution_from, values.get("distributions", ())))
    return Dataset(**values)


def best_text(texts: Texts | None) -> str:
    """Return the Chinese text, else that in whatever language there is, else nothing."""
    if not texts:
        return ""
    return next(
        (text for tag, text in sorted(texts.items()) if tag.startswith("zh")), next(iter(texts.values()))
    )


def _distribution_from(told: Mapping[str, Any]) -> Distribution:
    values = dict(told)
    if "service" in values:
        values["service"] = Service(**values["service"])
    return Distribution(**values)


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in values.items() if value not in (None, "", (), {}, [])}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return _told(value) if isinstance(value, Mapping) else value
