"""The registered sources: those of the folder of definitions, and those registered through the API or ``hub source add``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from audit.recording import record_administration
from connectors.definition import load_sources, read_source
from connectors.source import Source
from hub.registered import LaterKnown
from infra.database import Database, Role
from infra.settings import Settings
from quality.definition import suite_of
from quality.stated_rules import rules_for
from schemas.errors import AlreadyRegistered, DefinitionError
from schemas.resource import resource_named

Variables = Mapping[str, str | Path]


def every_source(settings: Settings, database: Database, variables: Variables) -> Mapping[str, Source]:
    """Return every registered source by code, in order of ordinal; raises ``DefinitionError`` where two meet."""
    found = dict(load_sources(settings.sources, variables))
    with database.engine(Role.APPLICATION).connect() as connection:
        stored = connection.execute(
            text("SELECT code, definition FROM catalog.source ORDER BY ordinal")
        ).all()
    for code, definition in stored:
        source = read_source(definition, f"registered source {code}", variables)
        _require_free(source, found)
        found[code] = source
    return dict(sorted(found.items(), key=lambda pair: pair[1].ordinal))


def register(
    connection: Connection, definition: str, known: Mapping[str, Source], variables: Variables, actor: str
) -> tuple[Source, bool]:
    """Register a source, or define a registered one anew; returns it, and whether it is new. On the ledger; the caller commits.

    Without an ``ordinal`` the next free one is given. Raises ``DefinitionError`` where it does not hold together, and
    ``AlreadyRegistered`` where a file defines a source of that code.
    """
    connection.execute(
        text("LOCK TABLE catalog.source IN SHARE ROW EXCLUSIVE MODE")
    )  # one registration at a time
    found = connection.execute(text("SELECT code, ordinal FROM catalog.source"))
    stored: dict[str, int] = {row.code: row.ordinal for row in found}
    whole = _with_ordinal(definition, stored, known)
    source = read_source(whole, "definition", variables)
    _check(source, stored, known)
    facts = {"ordinal": source.ordinal, "resource": source.resource, "connector": source.connector}
    action = "source.change" if source.code in stored else "source.add"
    record_administration(connection, actor=actor, action=action, target=source.code, facts=facts)
    connection.execute(
        text(
            "INSERT INTO catalog.source (code, ordinal, definition, registered_by) VALUES (:code, :ordinal, :definition, :actor) "
            "ON CONFLICT (code) DO UPDATE SET definition = excluded.definition, registered_by = excluded.registered_by, "
            "registered_at = now()"
        ),
        {"code": source.code, "ordinal": source.ordinal, "definition": whole, "actor": actor},
    )
    return source, source.code not in stored


def _check(source: Source, stored: Mapping[str, int], known: Mapping[str, Source]) -> None:
    if source.code not in stored:
        if source.code in known:
            raise AlreadyRegistered(
                f"Source {source.code} is defined by a file.",
                hint="Change that file, or choose another code.",
            )
        _require_free(source, known)
    else:
        former = known[source.code]
        for name in ("ordinal", "resource"):
            if getattr(source, name) != getattr(former, name):
                raise DefinitionError(
                    f"field {name!r} of source {source.code} cannot change: what it contributed refers to it.",
                    hint=f"It is {getattr(former, name)}.",
                )
    resource = resource_named(source.resource)
    rules_for(resource, source.quality, source.code, suite_of(resource).rules, source.mapping)


def _require_free(source: Source, known: Mapping[str, Source]) -> None:
    taken = next((other for other in known.values() if other.ordinal == source.ordinal), None)
    if source.code in known or taken:
        other = taken.code if taken else source.code
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
    free = max((source.ordinal for source in known.values()), default=0) + 1
    whole = {**raw, "ordinal": stored.get(str(raw.get("code")), free)}
    return yaml.safe_dump(whole, allow_unicode=True, sort_keys=False)


class Registry:
    """The registered sources as they are written, those of the API too; read again only where something has changed.

    For processes that live long and are asked often; safe between threads, for what it holds is replaced whole.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._held: tuple[Any, Mapping[str, Source]] = (None, {})

    def sources(self) -> Mapping[str, Source]:
        """Return every registered source by code; a variable in its options stands as its own name."""
        stamp, held = self._stamp(), self._held
        if held[0] != stamp:
            held = (stamp, every_source(self._settings, self._database, LaterKnown()))
            self._held = held
        return held[1]

    def _stamp(self) -> Any:
        files = sorted((path.name, path.stat().st_mtime_ns) for path in self._settings.sources.glob("*.yaml"))
        query = text("SELECT count(*), max(registered_at) FROM catalog.source")
        with self._database.engine(Role.APPLICATION).connect() as connection:
            return files, tuple(connection.execute(query).one())
