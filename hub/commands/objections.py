"""``hub objection``: doubts about what was read, answered by whose word it is (Decree 809, article 26)."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.acting import As, acting
from hub.commands.objection_screens import print_events, print_list, print_objection, tell_act
from hub.commands.screen import AsJson, console, print_json, tell

if TYPE_CHECKING:
    from hub.objections.raising import Raised

app = typer.Typer(
    no_args_is_help=True, help="Doubts about a record, an item or an answer, and their answers within 10 working days."
)  # fmt: skip

Id = Annotated[str, typer.Argument(metavar="OBJECTION", help="The objection's number, as OB20260105000001.")]
Why = Annotated[str, typer.Option("--reason", help="Why; the other side reads it.")]
MayWhy = Annotated[str | None, typer.Option("--reason", help="What else there is to say.")]


@app.command("raise")
def raise_(
    resource: Annotated[str, typer.Argument(help="The resource that is doubted.")],
    person: As,
    says: Annotated[str, typer.Option("--says", help="What is thought wrong; kept sealed.")],
    kind: Annotated[
        str, typer.Option(help="catalogue, application, response, quality, use or other.")
    ] = "quality",
    key: Annotated[str | None, typer.Option(help="Key of the record that is doubted; kept sealed.")] = None,
    item: Annotated[
        list[str] | None, typer.Option(help="An item doubted; may be given again. Default: the whole record.")
    ] = None,
    answer: Annotated[str | None, typer.Option(help="Ledger entry of the answer that is doubted.")] = None,
    case: Annotated[str, typer.Option(help="Code of the case it came up in.")] = "",
    proof: Annotated[str, typer.Option(help="What shows that it is wrong; kept sealed.")] = "",
    as_json: AsJson = False,
) -> None:
    """Raise an objection for a user's organisation that has an agreement on the resource, or that got the answer."""
    from hub.objections.acting import told_of
    from hub.objections.bureau import Bureau
    from hub.objections.raising import raise_objection

    raised = _raised(resource, kind, key, says, proof, tuple(item or ()), answer, case)
    with acting(person) as now:
        made, matter = raise_objection(
            Bureau.of(now.hub), now.connection, now.record, now.actor, raised, system=None
        )
        told = told_of(made, matter)
    provider = told["provider"] or "nobody yet: the catalogue authority hands it over"
    tell(told, f"Objection {made.id} is raised; it is for {provider}, until {told['due_at'][:10]}.", as_json)


def _raised(
    resource: str, kind: str, key: str | None, says: str, proof: str, items: tuple[str, ...], answer: str | None, case: str
) -> "Raised":  # fmt: skip
    from catalog.objection import Claim, kind_named
    from hub.objections.raising import Raised, entry_named

    claim = Claim(key, says, proof)
    return Raised(kind_named(kind), resource, claim, items, (answer and entry_named(answer)) or None, case)


def _act(person: str, id_: str, name: str, as_json: bool, **said: Any) -> None:
    from hub.objections.acting import act
    from hub.objections.bureau import Bureau

    with acting(person) as now:
        after = act(Bureau.of(now.hub), now.connection, now.record, now.actor, id_, name, said)
    tell_act(id_, name, after, as_json)


@app.command()
def accept(objection: Id, person: As, reason: MayWhy = None, as_json: AsJson = False) -> None:
    """Look into it, as the provider."""
    _act(person, objection, "accept", as_json, reason=reason)


@app.command()
def reject(objection: Id, person: As, reason: Why, as_json: AsJson = False) -> None:
    """Say that it is none to answer, as the provider."""
    _act(person, objection, "reject", as_json, reason=reason)


@app.command("hand-over")
def hand_over(
    objection: Id,
    person: As,
    to: Annotated[str, typer.Option(help="Code of the organisation that answers for it.")],
    reason: Why,
    office: Annotated[str | None, typer.Option(help="Code of its office.")] = None,
    as_json: AsJson = False,
) -> None:
    """Give it to who answers for it: another organisation, or another office of one's own. The clock runs on."""
    _act(person, objection, "hand_over", as_json, reason=reason, organisation=to, office=office)


@app.command()
def answer(objection: Id, person: As, reason: Why, as_json: AsJson = False) -> None:
    """Keep what is doubted, with reason, as the provider."""
    _act(person, objection, "answer", as_json, reason=reason)


@app.command()
def correct(objection: Id, person: As, reason: MayWhy = None, as_json: AsJson = False) -> None:
    """Say that one's own system is corrected; the record that comes in from there closes the objection."""
    _act(person, objection, "correct", as_json, reason=reason)


@app.command()
def amend(objection: Id, person: As, reason: Why, as_json: AsJson = False) -> None:
    """Say how what concerns no record, the catalogue or the service, was put right."""
    _act(person, objection, "amend", as_json, reason=reason)


@app.command()
def withdraw(objection: Id, person: As, reason: MayWhy = None, as_json: AsJson = False) -> None:
    """Doubt no more, as the user."""
    _act(person, objection, "withdraw", as_json, reason=reason)


@app.command()
def dispute(objection: Id, person: As, reason: Why, as_json: AsJson = False) -> None:
    """Stand by it against the answer: the catalogue authority settles it (article 28)."""
    _act(person, objection, "dispute", as_json, reason=reason)


@app.command()
def uphold(objection: Id, person: As, reason: Why, as_json: AsJson = False) -> None:
    """Have the provider answer anew, as the catalogue authority."""
    _act(person, objection, "uphold", as_json, reason=reason)


@app.command()
def dismiss(objection: Id, person: As, reason: Why, as_json: AsJson = False) -> None:
    """Let the answer stand, as the catalogue authority."""
    _act(person, objection, "dismiss", as_json, reason=reason)


@app.command()
def rate(
    objection: Id,
    person: As,
    score: Annotated[int, typer.Option(min=1, max=5, help="1 very dissatisfied to 5 very satisfied.")],
    solved: Annotated[bool, typer.Option("--solved/--unsolved", help="Whether it is solved.")],
    reason: MayWhy = None,
    as_json: AsJson = False,
) -> None:
    """Say how it was answered, as the user."""
    _act(person, objection, "rate", as_json, score=score, solved=solved, reason=reason)


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────


@app.command()
def show(objection: Id, person: As, as_json: AsJson = False) -> None:
    """Show an objection with what was said, to its sides and the authority. On the ledger, for it names a record's key."""
    told = _shown(person, objection)
    print_json(told) if as_json else print_objection(told)


@app.command()
def history(objection: Id, person: As, as_json: AsJson = False) -> None:
    """Show every act on it. On the ledger as ``show`` is."""
    events = _shown(person, objection)["events"]
    print_json(events) if as_json else print_events(objection, events)


@app.command()
def possible(objection: Id, person: As, as_json: AsJson = False) -> None:
    """Show what the person may do with it now."""
    from hub.objections.acting import check_may_see
    from hub.objections.acting import possible as possible_acts
    from hub.objections.bureau import Bureau

    with acting(person) as now:
        objections = Bureau.of(now.hub).objections(now.connection, now.record)
        matter = objections.matters.matter(objection)
        check_may_see(now.actor, matter)
        acts = possible_acts(now.actor, objections.objection(objection), matter)
    tell({"objection": objection, "possible": acts}, f"Possible: {', '.join(acts) or 'nothing'}.", as_json)


def _shown(person: str, id_: str) -> dict[str, Any]:
    from hub.objections.acting import shown_on_record
    from hub.objections.bureau import Bureau

    with acting(person) as now:
        return shown_on_record(Bureau.of(now.hub), now.connection, now.record, now.actor, id_)


@app.command("list")
def list_objections(
    person: As,
    state: Annotated[list[str] | None, typer.Option(help="Only in this state; may be given again.")] = None,
    late: Annotated[bool, typer.Option("--late", help="Only those whose duty is late.")] = False,
    after: Annotated[str, typer.Option(help="Only behind this number.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the objections of the person's organisation, as user or provider; the catalogue authority's are all."""
    from hub.objections.acting import listed_for
    from hub.objections.bureau import Bureau

    with acting(person) as now:
        found = listed_for(
            Bureau.of(now.hub), now.connection, now.record, now.actor, tuple(state or ()), late=late, after=after, limit=limit
        )  # fmt: skip
    print_json(found) if as_json else print_list(found)


# ── the hub's own ────────────────────────────────────────────────────────────────────────────────────


@app.command()
def look(
    resource: Annotated[str | None, typer.Argument(help="Default: every resource.")] = None,
    as_json: AsJson = False,
) -> None:
    """See whether what is doubted came in corrected; every ingest does so by itself."""
    from hub.composition import open_hub
    from hub.objections.bureau import Bureau
    from hub.objections.closing import look as look_at
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        bureau = Bureau.of(hub)
        codes = [bureau.resource(resource).code] if resource else list(hub.resources)
        found = [look_at(bureau, hub.database, code) for code in codes]
    corrected, notices = [id_ for one in found for id_ in one.corrected], sum(one.notices for one in found)
    sentence = f"{len(corrected)} objections were met by a correction; {notices} recall notices are new."
    tell({"corrected": corrected, "recall_notices": notices}, sentence, as_json)


@app.command()
def remind(as_json: AsJson = False) -> None:
    """Note a reminder on every objection whose answer is due within two working days, once."""
    from hub.composition import open_hub
    from hub.objections.acting import told_of
    from hub.objections.bureau import Bureau
    from hub.objections.reminding import remind as remind_of
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        found = [told_of(one.objection, one) for one in remind_of(Bureau.of(hub), hub.database)]
    if as_json:
        print_json(found)
        return
    for told in found:
        console.print(
            f"{told['objection']}: {told['duty']} is due by {told['due_at'][:16]}, for {told['provider']}."
        )
    console.print(f"{len(found)} reminded of.")
