"""What a request gives: fields of its JSON object, each asked for by name and kind, and names in its path; none is ever quoted."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from starlette.requests import Request

from exchange_api.calls import body_of
from schemas.errors import ConfigurationError, MalformedRequest

LONGEST_FIELD = 4096  # characters
Made = TypeVar("Made")


class Fields:
    """The fields of a body, of which ``MalformedRequest`` tells the first that is missing, of another kind or not known."""

    def __init__(self, body: Mapping[str, Any], known: Collection[str]) -> None:
        if body.keys() - set(known):
            raise MalformedRequest(
                "There is a field that is not known.", hint=f"Known are: {', '.join(known)}."
            )
        self._body = body

    @classmethod
    async def of(cls, request: Request, *known: str) -> "Fields":
        """Read them from a request."""
        return cls(await body_of(request), known)

    def __contains__(self, name: str) -> bool:
        return name in self._body

    def text(self, name: str) -> str:
        """Return a text that has to be there."""
        found = self.text_or_none(name)
        if not found:
            raise MalformedRequest(f"Field {name} is missing.")
        return found

    def text_or_none(self, name: str) -> str | None:
        """Return a text, or None where it is not there or null."""
        found = self._body.get(name)
        if found is None:
            return None
        if not isinstance(found, str) or len(found) > LONGEST_FIELD or "\0" in found:
            raise MalformedRequest(f"Field {name} must be a string of at most {LONGEST_FIELD} characters.")
        return found

    def texts(self, name: str) -> list[str]:
        """Return a list of texts that has to be there."""
        found = self._body.get(name)
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise MalformedRequest(f"Field {name} must be a list of strings.")
        return found

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return an object that has to be there."""
        found = self._body.get(name)
        if not isinstance(found, dict):
            raise MalformedRequest(f"Field {name} must be an object.")
        return found


def named(request: Request, place: str) -> str:
    """Return what stands at a place of the path."""
    found: str = request.path_params[place]
    return found


@contextmanager
def as_asked() -> Iterator[None]:
    """Tell what is wrong with what a request describes as the caller's to put right: here it is no setting of the hub's."""
    try:
        yield
    except ConfigurationError as error:
        raise MalformedRequest(error.detail, hint=error.hint) from None


def valid(make: Callable[[], Made]) -> Made:
    """Make what the request describes, ``as_asked``."""
    with as_asked():
        return make()
