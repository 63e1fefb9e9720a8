"""A hub with one more route, which streams test persons: how many portions, and of how many bytes, its query says."""

from functools import partial

import orjson
from exchange_api_hub import citizen

from exchange_api.answers import Body, Portion, Stream
from exchange_api.app import create_app
from exchange_api.calls import Call, parameters_of, stated_in
from exchange_api.guarded import guarded
from exchange_api.readings import open_shelf_of
from exchange_api.routes import add_routes

A_PORTION = 3  # records
PATH = "/v1/resources/{code}/streamed"


class Streaming:
    """Streams records as a reading would."""

    def __init__(self, works):
        self._works = works

    async def stream(self, attempt):
        shelf = open_shelf_of(self._works.library, attempt)
        attempt.stated = stated_in(attempt.headers)
        asked = {
            name: int(value) for name, value in parameters_of(attempt.request.scope["query_string"]).items()
        }
        call = Call((), (), None, False, attempt.stated, attempt.organisation, portion=1)
        agreement = self._works.door.agreed(attempt, shelf.resource.code, call)
        if not asked:
            return Body("text/plain", "正文".encode())
        return Stream("application/x-ndjson", self._portions(shelf, agreement.items, **asked))

    async def _portions(self, shelf, items, portions, size=0):
        for number in range(portions):
            keys = [citizen(number * A_PORTION % 300 + place) for place in range(A_PORTION)]
            subjects = [shelf.reader.subject(key) for key in keys]
            found = await self._works.library.by_keys(shelf, subjects)
            rows = [row for subject in subjects for row in found[subject]]
            lines = b"".join(orjson.dumps(one) + b"\n" for one in shelf.reader.records(rows, items))
            yield Portion(lines.ljust(size), subjects, len(rows))


def add_streams(app, opened):
    add_routes(app, opened)
    guarded(app, opened, ("GET", PATH), "query", lambda works: Streaming(works).stream, "Stream", [])


streamed_app = partial(create_app, routes=add_streams)


def __getattr__(name):
    """The application that a server asks for; made then, for whoever only imports this has settings of their own."""
    if name == "app":
        return streamed_app()
    raise AttributeError(name)
