"""The registered sources: those of the folder of definitions, and those registered through the API or ``hub source add``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from audit.recording import record_administration
from connectors.definition import Definitions, load_definitions, read_source
from connectors.source import Source
from hub.registered import LaterKnown, warn
from infra.database import Database, Role
from infra.settings import Settings
from quality.definition import suite_of
from quality.stated_rules import rules_for
from schemas.errors import (
    AlreadyRegistered,
    DefinitionError,
    MalformedRequest,
    SourceHasContributed,
    UnknownSource,
)
from schemas.resource import resource_named

Variables = Mapping[str, str | Path]
_CHANGES = text("""
    SELECT (SELECT (count(*), max(registered_at)) FROM catalog.source)::text,
        (SELECT (count(in_force_at), max(in_force_at), count(withdrawn_at)) FROM catalog.published_resource)::text
""")
"""What a definition is read from, beside files: the database's definitions, and the resources that they may name."""


@dataclass(frozen=True)
class Registration:
    """A registered source's definition as it was given, by whom and when."""

    definition: str
    registered_by: str
    registered_at: datetime


def every_source(settings: Settings, database: Database, variables: Variables) -> Definitions:
    """Return every registered source, and the definitions that are left out."""
    with database.engine(Role.APPLICATION).connect() as connection:
        return _every(settings, connection, variables)


def _every(settings: Settings, connection: Connection, variables: Variables) -> Definitions:
    stored = connection.execute(text("SELECT code, definition FROM catalog.source ORDER BY ordinal"))
    return load_definitions(settings.sources, variables, {row.code: row.definition for row in stored})


def registration(connection: Connection, code: str) -> Registration | None:
    """Return what was registered under the code, or None where a file defines the source, or nobody."""
    found = connection.execute(
        text("SELECT definition, registered_by, registered_at FROM catalog.source WHERE code = :code"),
        {"code": code},
    ).one_or_none()
    return None if found is None else Registration(*found)


def register(
    settings: Settings, connection: Connection, definition: str, actor: str, code: str | None = None
) -> tuple[Source, bool]:
    """Register a source, or define a registered one anew; returns it, and whether it is new. On the ledger; the caller commits.

    Without an ``ordinal`` the next free one is given; ``code`` is what the definition's must be, where that is known. Raises
    ``DefinitionError`` where it does not hold together, and ``AlreadyRegistered`` where a file defines a source of that code.
    """
    _one_at_a_time(connection)
    known = _every(settings, connection, LaterKnown())
    found = connection.execute(text("SELECT code, ordinal FROM catalog.source"))
    stored: dict[str, int] = {row.code: row.ordinal for row in found}
    whole = _with_ordinal(definition, stored, known.sources)
    source = read_source(whole, "definition", LaterKnown())
    if code not in (None, source.code):
        raise MalformedRequest("The definition's code is not that of the path.")
    _check(connection, source, stored, known)
    facts = {"ordinal": source.ordinal, "resource": source.resource, "connector": source.connector}
    action = "source.change" if source.code in stored else "source.add"
    record_administration(connection, actor=actor, action=action, target=source.code, facts=facts)
    connection.execute(
        text(
            "INSERT INTO catalog.source (code, ordinal, definition, registered_by) VALUES (:code, :ordinal, :definition, :actor) "
            "ON CONFLICT (code) DO UPDATE SET definition = excluded.definition, registered_by = excluded.registered_by, "
            "registered_at = clock_timestamp()"  # after the lock, so that later is greater
        ),
        {"code": source.code, "ordinal": source.ordinal, "definition": whole, "actor": actor},
    )
    return source, source.code not in stored


def remove(connection: Connection, code: str, actor: str) -> None:
    """Remove a registered source that has contributed nothing. On the ledger; the caller commits.

    Raises ``SourceHasContributed`` where there are batches of it, for provenance and consolidation refer to it, and
    ``UnknownSource`` where nothing is registered under the code, a file's source included.
    """
    _one_at_a_time(connection)
    if registration(connection, code) is None:
        raise UnknownSource(
            f"No source {code!r} is registered in the database.",
            hint="A source that a file defines goes with its file.",
            source=code,
        )
    if connection.execute(
        text("SELECT EXISTS (SELECT FROM library.batch WHERE source = :code)"), {"code": code}
    ).scalar_one():
        raise SourceHasContributed(
            f"Source {code} has contributed rows, and what the hub knows refers to it.",
            hint=f"Stop it for good with: hub schedule pause {code} --reason …",
            source=code,
        )
    record_administration(connection, actor=actor, action="source.remove", target=code, facts={})
    for statement in (
        "DELETE FROM library.push WHERE source = :code",
        "DELETE FROM library.shape WHERE source = :code",
        "DELETE FROM library.pause WHERE source = :code",
        "DELETE FROM catalog.source WHERE code = :code",
    ):
        connection.execute(text(statement), {"code": code})


def _one_at_a_time(connection: Connection) -> None:
    connection.execute(text("LOCK TABLE catalog.source IN SHARE ROW EXCLUSIVE MODE"))


def _check(connection: Connection, source: Source, stored: Mapping[str, int], known: Definitions) -> None:
    if source.code not in stored:
        _require_all_readable(known, stored)
        if source.code in known.sources:
            raise AlreadyRegistered(
                f"Source {source.code} is defined by a file.",
                hint="Change that file, or choose another code.",
            )
        _require_free(source, known.sources, stored)
    else:
        former = {"ordinal": stored[source.code], "resource": _resource_of(connection, source, known)}
        for name, value in former.items():
            if getattr(source, name) != value:
                raise DefinitionError(
                    f"field {name!r} of source {source.code} cannot change: what it contributed refers to it.",
                    hint=f"It is {value}.",
                )
    resource = resource_named(source.resource)
    resource.check_in_use()
    rules_for(resource, source.quality, source.code, suite_of(resource).rules, source.mapping)


def _require_all_readable(known: Definitions, stored: Mapping[str, int]) -> None:
    """A file that cannot be read may have any code and any ordinal."""
    for broken in known.broken:
        if broken.code not in stored:
            raise DefinitionError(
                f"No source can be added while a definition is wrong, for its ordinal may be that one's. {broken.error.detail}",
                hint=broken.error.hint,
                file=broken.name,
            )


def _resource_of(connection: Connection, source: Source, known: Definitions) -> str:
    """Return the resource of a source that is registered; where its definition is left out, the one it contributed to."""
    if source.code in known.sources:
        return known.sources[source.code].resource
    contributed = text("SELECT resource FROM library.batch WHERE source = :code LIMIT 1")
    return connection.execute(contributed, {"code": source.code}).scalar_one_or_none() or source.resource


def _require_free(source: Source, known: Mapping[str, Source], stored: Mapping[str, int]) -> None:
    taken = {other.ordinal: other.code for other in known.values()} | {
        ordinal: code for code, ordinal in stored.items()
    }
    if source.code in known or source.ordinal in taken:
        other = taken.get(source.ordinal, source.code)
        raise DefinitionError(
            f"Source {source.code}: its code or its ordinal {source.ordinal} is taken by {other}."
        )


def _with_ordinal(definition: str, stored: Mapping[str, int], known: Mapping[str, Source]) -> str:
    import yaml

    try:
        raw = yaml.safe_load(definition)
    except yaml.YAMLError as error:
        raise DefinitionError(f"definition is not readable YAML: {error}.") from error
    if not isinstance(raw, dict) or raw.get("ordinal") is not None:
        return definition
    free = max((*(source.ordinal for source in known.values()), *stored.values()), default=0) + 1
    whole = {**raw, "ordinal": stored.get(str(raw.get("code")), free)}
    return yaml.safe_dump(whole, allow_unicode=True, sort_keys=False)


class Registry:
    """The registered sources as they are written, those of the API too; read again only where something has changed.

    For processes that live long and are asked often; safe between threads, for what it holds is replaced whole.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._held: tuple[Any, Definitions] = (None, Definitions({}))

    def sources(self) -> Mapping[str, Source]:
        """Return every registered source by code; a variable in its options stands as its own name."""
        return self.definitions().sources

    def definitions(self) -> Definitions:
        """Return the sources, and the definitions that are left out; these are warned of when they are read."""
        stamp, held = self._stamp(), self._held
        if held[0] != stamp:
            held = (stamp, every_source(self._settings, self._database, LaterKnown()))
            warn(held[1])
            self._held = held
        return held[1]

    def _stamp(self) -> Any:
        files = sorted((path.name, path.stat().st_mtime_ns) for path in self._settings.sources.glob("*.yaml"))
        with self._database.engine(Role.APPLICATION).connect() as connection:
            return files, tuple(connection.execute(_CHANGES).one())
