"""The way of a version of a catalogue entry (目录条目) as one table, and by when its steps are due (Decree 809, articles 12 to 17, 27)."""

from collections.abc import Mapping

from catalog.workflow import Side, Transition, Workflow

PROVIDER, AUTHORITY, HUB = (Side.PROVIDER,), (Side.AUTHORITY,), (Side.HUB,)
WROTE = ("draft", "edit")
_BROUGHT = (*WROTE, "assess", "submit")
IN_FORCE = ("published", "outdated")
"""States of the version that is in force."""
UNDERWAY = ("draft", "assessed", "submitted", "returned", "reviewed")
"""States of a version that is not published yet."""

ENTRY = Workflow(
    kind="entry",
    title="entry",
    opening="draft",
    opened_by=PROVIDER,
    initial="draft",
    transitions=(
        Transition("edit", ("draft", "assessed", "returned"), "draft", PROVIDER,
                   "The department writes it anew; what was assessed no longer counts.", "12"),
        Transition("assess", ("draft",), "assessed", PROVIDER,
                   "The department's head signs that secrecy and the impact on personal information were assessed.", "12, 13",
                   not_by=WROTE, needs=("secrecy", "personal_information")),
        Transition("submit", ("assessed",), "submitted", PROVIDER,
                   "It goes to the catalogue authority, and has its code from now on.", "13, 16"),
        Transition("return", ("submitted",), "returned", AUTHORITY, "The authority wants it otherwise, and says everything that is amiss.",
                   "16", not_by=_BROUGHT, needs=("reasons",)),
        Transition("approve", ("submitted",), "reviewed", AUTHORITY,
                   "The authority has reviewed it; to a breaking change it states its consent.", "16", not_by=_BROUGHT),
        Transition("publish", ("reviewed",), "published", AUTHORITY, "It is announced, and in force.", "16, 17"),
        Transition("note_change", ("published",), "outdated", (Side.PROVIDER, Side.AUTHORITY),
                   "A law or a duty has changed, and the entry does not say so yet.", "17", needs=("reason",)),
        Transition("extend", ("outdated",), None, AUTHORITY, "The authority consents to five working days more.", "17",
                   needs=("reason",)),
        Transition("reflect", ("outdated",), "published", HUB, "The next version was submitted, and says so.", "17"),
        Transition("supersede", IN_FORCE, "changed", HUB, "The next version is published.", "17"),
        Transition("ask_withdrawal", IN_FORCE, None, PROVIDER, "The department asks that it be withdrawn.", "27", needs=("reason",)),
        Transition("withdraw", IN_FORCE, "withdrawn", AUTHORITY, "It is no longer shared.", "27", needs=("reason",)),
        Transition("discard", UNDERWAY, "discarded", (Side.PROVIDER, Side.HUB), "The version is given up before it is published."),
    ),
)  # fmt: skip

CARRIED = ("edit", "assess")
"""Acts that leave it due to reflect a change of law or duty."""

WORKING_DAYS: Mapping[str, int] = {"review_and_publish": 2, "reflect_change": 10, "extend": 5}
"""Within how many working days a duty is done; those of ``extend`` are added to ``reflect_change`` (article 17)."""


def matter_of(entry: str, version: int) -> str:
    """Return the id under which a version goes its way."""
    return f"{entry}/{version}"


def version_of(matter: str) -> tuple[str, int]:
    """Return entry and version of such an id."""
    entry, _, version = matter.rpartition("/")
    return entry, int(version)
