"""What people may do with a catalogue entry, as one table: each act with what is said with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from catalog.actor import Actor
from catalog.entries import Entries
from catalog.workflow import Matter
from schemas.errors import MalformedRequest, NotSaid

Said = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Act:
    """An act on an entry that is there; ``says`` are the texts it takes, ``may_say`` those it may take."""

    do: Callable[[Entries, str, Actor, Said], Matter]
    tells: str
    says: tuple[str, ...] = ()
    may_say: tuple[str, ...] = ()


ACTS: Mapping[str, Act] = {
    "assess": Act(
        lambda entries, id_, actor, said: entries.assess(id_, actor, said["secrecy"], said["personal_information"]),
        "Sign that secrecy and the impact on personal information were assessed", ("secrecy", "personal_information"),
    ),
    "submit": Act(lambda entries, id_, actor, said: entries.submit(id_, actor), "Hand a version to the catalogue authority"),
    "approve": Act(
        lambda entries, id_, actor, said: entries.approve(id_, actor, said.get("consent", "")),
        "Approve a version, with consent where it breaks what was agreed", may_say=("consent",),
    ),
    "return": Act(
        lambda entries, id_, actor, said: entries.give_back(id_, actor, said["reasons"]),
        "Return a version, with everything that is amiss", ("reasons",),
    ),
    "publish": Act(lambda entries, id_, actor, said: entries.publish(id_, actor), "Put a version in force"),
    "withdraw": Act(
        lambda entries, id_, actor, said: entries.withdraw(id_, actor, said["reason"]), "Take an entry out of force", ("reason",)
    ),
    "ask-withdrawal": Act(
        lambda entries, id_, actor, said: entries.ask_withdrawal(id_, actor, said["reason"]),
        "Ask that an entry be withdrawn", ("reason",),
    ),
    "discard": Act(
        lambda entries, id_, actor, said: entries.discard(id_, actor, said.get("reason", "")),
        "Give up a version that is not published", may_say=("reason",),
    ),
    "note-change": Act(
        lambda entries, id_, actor, said: entries.note_change(id_, actor, said["reason"], _day(said.get("since"))),
        "Say that law or duty has changed, which the entry has to reflect", ("reason",), ("since",),
    ),
    "extend": Act(
        lambda entries, id_, actor, said: entries.extend(id_, actor, said["reason"]),
        "Consent to five working days more", ("reason",),
    ),
}  # fmt: skip


def act(entries: Entries, entry: str, name: str, actor: Actor, said: Mapping[str, str | None]) -> Matter:
    """Do an act of the table; ``NotSaid`` where something that it takes is missing."""
    line = ACTS[name]
    told = {key: text.strip() for key, text in said.items() if text and text.strip()}
    if missing := [key for key in line.says if key not in told]:
        raise NotSaid(f"To {name.replace('-', ' ')} takes: {', '.join(missing)}.", hint="Nothing was done.")
    return line.do(entries, entry, actor, told)


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise MalformedRequest("since is no date of the form CCYY-MM-DD.") from None
