"""A proposal as a JSON document: what is proposed, how sure that is, and the profile of every column."""

from typing import Any

from connectors.drafting.proposal import Choice, Proposal


def described(proposal: Proposal) -> dict[str, Any]:
    """Return the proposal; no value is in it but codes."""
    key = proposal.key
    return {
        "title": proposal.look.title,
        "connector": proposal.look.connector,
        "resource": proposal.resource.code,
        "mapping": [_choice(choice) for choice in proposal.choices.values()],
        "key_of": [column or item.name for item, column in key.parts] if key else None,
        "required": {name: one.code for name, one in proposal.constants.items()},
        "row_id": list(proposal.row_id),
        "changed": proposal.changed,
        "unused": proposal.unused,
        "profile": [
            told.as_dict() | {"examples": list(proposal.shown(name))}
            for name, told in proposal.profiles.items()
        ],
    }


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "item": choice.item.name,
        "column": choice.column,
        "sure": choice.sure,
        "doubt": choice.doubt,
        "others": [other.column for other in choice.candidates[1:]],
        "without_code": list(choice.open_codes),
    }
