"""Drafting a source's definition: look at its system, propose, ask where it is unsure, and write the file at the end or not at all."""

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.definition import load_definitions, read_source
from connectors.drafting.places import Place, place_of
from connectors.drafting.proposal import Proposal, proposals
from connectors.drafting.questions import NONE_OF_THEM, Asker, decided, with_columns, with_row_id
from connectors.drafting.seeing import looks
from connectors.drafting.text import UNKNOWN_DEPARTMENT, Heading, definition, doubts, lacks_key
from connectors.look import SAMPLED_ROWS, Look
from connectors.source import Source
from hub.registered import know_published
from infra.settings import Settings
from schemas.errors import DefinitionError, HubError
from schemas.resource import NAME, RESOURCES, Resource, resource_named

_FAR = 2.0
"""How much better one reading must fit than the next to be taken for sure."""
_TABLE_OPTIONS = {"sql": "table", "spatial": "layer", "rest": "records"}
_LONGEST_CODE = 40


@dataclass(frozen=True)
class Wishes:
    """What whoever drafts knows already; ``columns`` are columns by item, ``options`` the connector's."""

    resource: str | None = None
    code: str | None = None
    department: str | None = None
    table: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    row_id: Sequence[str] = ()
    rows: int = SAMPLED_ROWS


@dataclass(frozen=True)
class Draft:
    """A definition with what it rests on: ``complete`` says whether it can be used as it is, ``doubts`` what to look at."""

    proposal: Proposal
    heading: Heading
    text: str
    doubts: tuple[str, ...]
    complete: bool
    secrets: tuple[str, ...]

    def source(self, variables: Mapping[str, str | Path]) -> Source:
        """Read the definition as the hub will; raises ``DefinitionError``."""
        return read_source(self.text, "draft", variables)


def require_free(path: Path, *, force: bool) -> None:
    """Raise ``DefinitionError`` where the file is there already, unless it may be replaced."""
    if path.exists() and not force:
        raise DefinitionError(
            f"{path} is there already.", hint="Name another file with --out, or replace it with --force."
        )


def draft(settings: Settings, typed: str, wishes: Wishes, asker: Asker) -> Draft:
    """Draft the definition of the system at ``typed``; raises a ``SourceError`` where it cannot be read, and writes nothing."""
    place = place_of(typed)
    know_published(settings)
    chosen = [resource_named(wishes.resource)] if wishes.resource else list(RESOURCES.values())
    place = _with_table(place.told(wishes.options), wishes.table)
    look = _table(_of_table(looks(place, wishes.rows), wishes.table), chosen, asker)
    proposal, unsure = _resource(proposals(look, chosen), asker)
    proposal = with_row_id(with_columns(proposal, wishes.columns), wishes.row_id)
    proposal = decided(proposal, asker)
    heading = _heading(settings, proposal, wishes, asker, unsure)
    text = definition(proposal, heading)
    open_ = tuple(doubts(proposal, heading))
    return Draft(proposal, heading, text, open_, not lacks_key(proposal), tuple(place.secrets))


def write(path: Path, text: str, *, force: bool) -> None:
    """Write the file whole or not at all; one that is there is never replaced unless it may be."""
    require_free(path, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        if force:
            Path(name).replace(path)
        else:
            os.link(name, path)  # unlike a rename it fails where somebody has written the file meanwhile
    except FileExistsError:
        require_free(path, force=force)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


# ── which table, which resource ──────────────────────────────────────────────────────────────────────


def _with_table(place: Place, table: str | None) -> Place:
    option = _TABLE_OPTIONS.get(place.kind)
    return place.told({option: table}) if option and table else place


def _of_table(found: list[Look], table: str | None) -> list[Look]:
    if table is None:
        return found
    named = [
        one
        for one in found
        if table in (*one.options.values(), one.title) or one.title.endswith(f": {table}")
    ]
    if not named:
        raise DefinitionError(f"There is no table {table!r}.", hint=f"There are: {_titles(found)}.")
    return named


def _table(found: list[Look], resources: Sequence[Resource], asker: Asker) -> Look:
    if len(found) == 1:
        return found[0]
    ranked = sorted(found, key=lambda one: -_best(one, resources))
    answer = asker.choose("Several tables are there. Which one?", [one.title for one in ranked])
    if answer is not None:
        return ranked[answer]
    if _fits(ranked[1], resources) or _best(ranked[0], resources) - _best(ranked[1], resources) < _FAR:
        raise DefinitionError(
            f"{len(found)} tables are there, and none stands out.",
            hint=f"Name one with --table: {_titles(ranked)}.",
        )
    return ranked[0]


def _fits(look: Look, resources: Sequence[Resource]) -> bool:
    """Whether the table could well be the one that is meant: it has a resource's key."""
    best = proposals(look, resources)[0]
    return best.key is not None or best.resource.key.name in best.choices


def _best(look: Look, resources: Sequence[Resource]) -> float:
    return proposals(look, resources)[0].score


def _titles(found: Sequence[Look]) -> str:
    return ", ".join(
        str(one.options.get(_TABLE_OPTIONS.get(one.connector, "sheet"), one.title)) for one in found
    )


def _resource(found: list[Proposal], asker: Asker) -> tuple[Proposal, dict[str, str]]:
    """Return the likeliest resource, and what is unsure of it."""
    best = found[0]
    if len(found) == 1:
        return best, {}
    key = best.choices.get(best.resource.key.name)
    stands_out = best.score - found[1].score >= _FAR
    if stands_out and (best.key is not None or (key is not None and key.sure)):
        return best, {}
    answers = [f"{one.resource.code} {one.resource.title}" for one in found]
    answer = asker.choose("Which resource do the rows belong to?", [*answers, NONE_OF_THEM])
    if answer is None:
        return best, {"resource": f"or {found[1].resource.code}?"}
    if answer == len(found):
        raise DefinitionError(
            "No resource of the hub takes these rows.", hint="Define one under schemas/resources first."
        )
    return found[answer], {}


# ── what the definition says of the source itself ────────────────────────────────────────────────────


def _heading(
    settings: Settings, proposal: Proposal, wishes: Wishes, asker: Asker, unsure: Mapping[str, str]
) -> Heading:
    known = _registered(settings)
    ordinal = max((source.ordinal for source in known.values()), default=0) + 1
    open_ = dict(unsure)
    code = wishes.code
    if code is None:
        guess = _code(proposal, ordinal, known)
        code = asker.text("Code of the source (lower-case letters, digits, underscores)?", guess)
        if code is None:
            code, open_["code"] = guess, "a name of the source's own, which stays"
    _check_code(code, known)
    department = wishes.department or asker.text(
        "Which department answers for the system?", proposal.resource.provider
    )
    if department is None:
        department, open_["department"] = UNKNOWN_DEPARTMENT, "which department answers for the system?"
    return Heading(code, department, _title(proposal.look), ordinal, open_)


def _title(look: Look) -> str:
    """Say what it is without what changes: no suffix, no date of the delivery, no path within a document."""
    name, _, part = look.title.partition(": ")
    stem = re.sub(r"(\.[A-Za-z][A-Za-z0-9]*)+$", "", name)
    bare = re.sub(r"[_\-. ]*(\d{4,14}|\*)$", "", stem) or stem
    return bare if not part or part in bare or "record_path" in look.options else f"{bare} {part}"


def _check_code(code: str, known: Mapping[str, Source]) -> None:
    if not NAME.match(code):
        raise DefinitionError(f"code {code!r} is not lower-case letters, digits and underscores.")
    if code in known:
        raise DefinitionError(
            f"code {code!r} is taken by another source.", hint="Choose another with --code."
        )


def _code(proposal: Proposal, ordinal: int, known: Mapping[str, Source]) -> str:
    words = str(proposal.look.options.get("table") or proposal.look.title)
    slug = re.sub(r"[^a-z0-9]+", "_", re.sub(r"\.[a-z.]+$", "", words.lower())).strip("_")[:_LONGEST_CODE]
    return (
        slug
        if len(slug) > 2 and NAME.match(slug) and slug not in known
        else f"{proposal.resource.code}_{ordinal}"
    )


def _registered(settings: Settings) -> Mapping[str, Source]:
    """Return the sources whose codes and ordinals are taken: those of files, and those registered where the hub is set up."""
    if settings.database_url or (settings.home / "postgres").exists():
        from hub.composition import open_hub  # the whole hub takes seconds to load

        with suppress(HubError), open_hub(settings) as hub:
            return hub.sources
    variables = {"city": str(settings.city), "city_public_security": "postgresql:///city-not-running"}
    return load_definitions(settings.sources, variables).sources
