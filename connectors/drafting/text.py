"""The definition of a drafted source, as YAML that a person goes on writing."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.types as pt

from connectors.drafting.coded import meanings
from connectors.drafting.evidence import filled_texts
from connectors.drafting.joined import Constant, Joined
from connectors.drafting.profile import form_of
from connectors.drafting.proposal import Choice, Proposal
from connectors.drafting.units import scale_of
from connectors.look import SAMPLED_ROWS
from schemas.resource import ItemType

_PLAIN = re.compile(r"^[\w一-鿿][\w一-鿿 .\-]*$")
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "~"})
_NUMBER = re.compile(r"^[\d_.+\-][\d_.eExXoOa-fA-F+\-:]*$")
_SORTABLE = re.compile(r"^9999-99-99([ T].*)?$|^9\{4\}-99-99([ T].*)?$")
CHECK = "# check:"
"""What a line begins with that a person must look at; what follows it comes into force when the sign is taken away."""
UNKNOWN_DEPARTMENT = "待定"


@dataclass(frozen=True)
class Heading:
    """What a definition says of the source itself; ``unsure`` names the fields a person has not decided."""

    code: str
    department: str
    title: str
    ordinal: int
    unsure: Mapping[str, str]


def definition(proposal: Proposal, heading: Heading) -> str:
    """Write the definition; what is unsure stands in comments that begin with ``CHECK``."""
    return "\n".join(_lines(proposal, heading)) + "\n"


def doubts(proposal: Proposal, heading: Heading) -> list[str]:
    """Return the lines that a person must look at, as sentences."""
    found = (line.partition(CHECK) for line in _lines(proposal, heading) if CHECK in line)
    return [
        f"{before.partition(':')[0].strip()}: {after.strip()}".removeprefix(": ")
        for before, _, after in found
    ]


def lacks_key(proposal: Proposal) -> bool:
    """Whether the definition cannot be used yet: no sure column for the key, or a table whose rows nothing tells apart."""
    key = proposal.resource.key.name
    choice = proposal.choices.get(key)
    found = choice.sure if choice else proposal.key is not None and _is_joined(proposal, proposal.key)
    return not found or (proposal.look.connector == "sql" and not proposal.row_id)


def _lines(proposal: Proposal, heading: Heading) -> Iterator[str]:
    look = proposal.look
    fields = {
        "code": heading.code,
        "resource": proposal.resource.code,
        "department": heading.department,
        "title": heading.title,
        "ordinal": heading.ordinal,
        "connector": look.connector,
    }
    for name, value in fields.items():
        yield f"{name}: {_flow(value)}{_remark(heading.unsure.get(name, ''))}"
    yield "options:"
    for name, value in look.options.items():
        yield f"  {name}: {_flow(value)}"
    for doubt in look.doubts:
        yield f"  {CHECK} {doubt}"
    yield from _rows(proposal)
    yield "drift: freeze"
    yield "mapping:"
    yield from _mapping(proposal)
    if proposal.unused:
        yield f"# not read: {', '.join(proposal.unused)}"
    yield from _authority(proposal, heading)


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────


def _rows(proposal: Proposal) -> Iterator[str]:
    look, names = proposal.look, proposal.row_id
    if names:
        whole = look.sample.num_rows < SAMPLED_ROWS or names == look.key
        note = "" if whole else f"only the first {look.sample.num_rows:,} rows were looked at"
        yield f"row_id: {_flow(list(names) if len(names) > 1 else names[0])}{_remark(note)}"
    elif look.connector == "sql":
        yield f"{CHECK} row_id: which columns are never null and tell rows apart? A database is paged by them"
    if proposal.changed is None:
        return
    if look.connector == "sql":
        yield _watermark(proposal, proposal.changed)
    yield f"observed_at: {_flow(proposal.changed)}"


def _watermark(proposal: Proposal, column: str) -> str:
    values = proposal.look.sample[column]
    kind = "date" if pt.is_date(values.type) else "integer" if pt.is_integer(values.type) else "datetime"
    line = f"watermark: {{column: {_flow(column)}, type: {kind}}}"
    forms = {form_of(text) for text in filled_texts(values).to_pylist()}
    if pt.is_string(values.type) and not (len(forms) == 1 and all(map(_SORTABLE.match, forms))):
        return f"{CHECK} {line}  # only if its text grows as time does"
    return line


# ── mapping ──────────────────────────────────────────────────────────────────────────────────────────


def _mapping(proposal: Proposal) -> Iterator[str]:
    key = proposal.resource.key
    if proposal.key is not None:
        yield from _joined(proposal, proposal.key)
    elif key.name not in proposal.choices:
        yield f"  {CHECK} {key.name}: {{column: }}  # the key ({key.title}); no column was found, and without it nothing can be stored"
    for item in proposal.resource.items:
        if item.name in proposal.constants:
            yield _constant(proposal.constants[item.name])
        elif item.name in proposal.choices:
            yield _mapped(proposal.choices[item.name])


def _mapped(choice: Choice) -> str:
    if choice.sure:
        return f"  {choice.item.name}: {_entry(choice)}"
    return f"  {CHECK} {choice.item.name}: {_entry(choice)}  # {_explained(choice)}"


def _entry(choice: Choice) -> str:
    parts = [f"column: {_flow(choice.column)}"]
    if codes := {value: choice.codes.get(value, "") for value in choice.coding.unknown}:
        parts.append(
            f"codes: {{{', '.join(f'{_flow(value)}: {json.dumps(code)}' for value, code in codes.items())}}}"
        )
    if choice.item.code_set and len(codes) < len(choice.coding.values or (1, *codes)):
        parts.append(f"code_set: {choice.item.code_set}")
    if choice.item.type in (ItemType.DATE, ItemType.DATETIME):
        parts.append("date: auto")
    if (scale := scale_of(choice.item, choice.column)) is not None:
        parts.append(f"scale: {json.dumps(str(scale))}")
    return f"{{{', '.join(parts)}}}"


def _explained(choice: Choice) -> str:
    if not choice.open_codes or choice.item.code_set is None:
        return choice.doubt
    known = meanings(choice.item.code_set)
    told = "; ".join(f"{code} {label}" for code, label in list(known.items())[:12])
    return f"{choice.doubt}: {told}{'; …' if len(known) > 12 else ''}"


def _constant(found: Constant) -> str:
    item = found.item
    if item.code_set is None:
        return f"  {CHECK} {item.name}: {{column: }}  # {item.title} is required; rows without it are quarantined"
    told = "; ".join(f"{code} {label}" for code, label in list(meanings(item.code_set).items())[:12])
    if found.decided:
        return f"  {item.name}: {{constant: {json.dumps(found.code)}}}"
    why = f"{found.word} hints at it" if found.word else "which is it for all rows"
    return f"  {CHECK} {item.name}: {{constant: {json.dumps(found.code)}}}  # required; {why}? {told}"


def _is_joined(proposal: Proposal, key: Joined) -> bool:
    """Whether every part of the key is decided."""
    return all(_part(proposal, item.name, column)[1] for item, column in key.parts)


def _joined(proposal: Proposal, key: Joined) -> Iterator[str]:
    parts = [_part(proposal, item.name, column) for item, column in key.parts]
    line = f"{key.item.name}: {{columns: [{', '.join(part for part, _ in parts)}], join: {json.dumps(key.join)}}}"
    if all(sure for _, sure in parts):
        yield f"  {line}"
    else:
        yield f"  {CHECK} {line}  # the key: {key.item.description}; without it nothing can be stored"


def _part(proposal: Proposal, item: str, column: str | None) -> tuple[str, bool]:
    if column is not None:
        return _flow(column), proposal.choices[item].sure
    constant = proposal.constants.get(item)
    word = (constant.word or constant.code) if constant else ""
    return f"{{constant: {_flow(word)}}}", bool(constant and constant.decided and word)


# ── authority ────────────────────────────────────────────────────────────────────────────────────────


def _authority(proposal: Proposal, heading: Heading) -> Iterator[str]:
    """The provider's word counts before others': Decree 809, article 19 names one source of each datum."""
    provider = proposal.resource.provider
    if heading.department.endswith(provider):
        yield "authority: {default: 10}"
    else:
        yield f"authority: {{default: 50}}{_remark(f'{provider} provides {proposal.resource.code}; rank lower than 50 what this source knows best')}"


def _remark(doubt: str) -> str:
    return f"  {CHECK} {doubt}" if doubt else ""


def _flow(value: Any) -> str:
    if isinstance(value, str):
        return _scalar(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_flow(part) for part in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_flow(name)}: {_flow(part)}' for name, part in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


def _scalar(text: str) -> str:
    """Write a text plain where YAML reads it as that text, else quoted."""
    plain = _PLAIN.match(text) and text.casefold() not in _RESERVED and not _NUMBER.match(text)
    return text if plain and text == text.strip() else json.dumps(text, ensure_ascii=False)
