"""The demo's tour of every form of reading: what each tells, and what it costs."""

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import orjson
from joserfc.jwk import OKPKey

from audit.answer_keys import keys_in
from audit.answers import Answer as Given
from audit.answers import check_answer, request_digest
from catalog.agreement import Agreement
from catalog.answer_form import Answer, Form
from hub.caller import Caller, Statement
from schemas.errors import CallRefused
from schemas.resource import Resource

DESK, ASKER = "statistics-desk", "transit-cards"
PURPOSE, LAW, CASE = "人口与企业统计", "中华人民共和国统计法第七条", "ST-2026-01"
PERSON, COMPANY, PARCEL, QUESTION = "natural_person", "legal_person", "parcel", "aged_60"
_JSON, _LINES, _ARROW = "application/json", "application/x-ndjson", "application/vnd.apache.arrow.stream"
COUNTED = ("record", "query")  # actions whose calls the demo counts
_OFTEN, _SELDOM = 20, 3  # times that a form is asked for


@dataclass(frozen=True)
class Cost:
    """What a form told and took: records and bytes of one answer, and the median of ``milliseconds``.

    ``action`` is what the ledger calls it, of which so many ``calls`` were made.
    """

    form: str
    records: int
    size: int
    milliseconds: float
    action: str
    calls: int

    @property
    def counted(self) -> int:
        """How many of the calls the demo counts, and finds again on the ledger."""
        return self.calls if self.action in COUNTED else 0


@dataclass(frozen=True)
class Told:
    """One answer: its size in bytes, and how many records it told of."""

    size: int
    records: int


Ask = Callable[[], Awaitable[Told]]


def agreements(resources: Mapping[str, Resource]) -> list[Agreement]:
    """Return what the desk is agreed to read in bulk, and what another system may only ask."""
    now = datetime.now(UTC)
    usual: dict[str, Any] = {
        "purposes": frozenset({PURPOSE}), "legal_bases": frozenset({LAW}), "valid_from": now - timedelta(minutes=1),
        "valid_to": now + timedelta(days=365),
    }  # fmt: skip
    read = [
        Agreement(
            f"{DESK}.{code}",
            DESK,
            code,
            tuple(item.name for item in resources[code].items),
            bulk=True,
            **usual,
        )
        for code in (PERSON, COMPANY, PARCEL)
    ]
    asks = Answer(Form.QUESTION, questions=(f"{QUESTION}@1",))
    return [*read, Agreement(f"{ASKER}.{PERSON}", ASKER, PERSON, (), answer=asks, **usual)]


class Tour:
    """Asks in one form after another; ``persons`` are keys of records that there are, ``box`` a map's window."""

    def __init__(self, url: str, keys: Mapping[str, OKPKey], persons: Sequence[str], box: str) -> None:
        self._url, self._keys, self._persons, self._box = url, keys, persons, box
        self._turn = 0

    async def costs(self) -> list[Cost]:
        """Go round, and return what each form cost."""
        statement = Statement(PURPOSE, LAW, CASE)
        async with (
            Caller(self._url, DESK, self._keys[DESK], statement) as desk,
            Caller(self._url, ASKER, self._keys[ASKER], statement) as asker,
        ):
            public = keys_in((await desk.send("GET", "/.well-known/answer-keys.json")).json())
            ways: Sequence[tuple[str, str, int, Ask]] = (
                ("one record", "record", _OFTEN, partial(self._record, desk)),
                (
                    "one record, its answer proven by the hub's public key",
                    "record",
                    _OFTEN,
                    partial(self._proven, desk, public),
                ),
                ("one record, as it was known yesterday", "record", _OFTEN, partial(self._as_of, desk)),
                ("1,000 records by key, as Arrow", "query", _SELDOM, partial(self._query, desk)),
                ("two claims verified", "verify", _OFTEN, partial(self._verify, desk)),
                ("a question: is this person 60 or older?", "derive", _OFTEN, partial(self._ask, asker)),
                ("1,000 companies by a filter", "records", _SELDOM, partial(self._filter, desk)),
                ("every person, as a stream of JSON Lines", "records", 1, partial(self._stream, desk)),
                ("what lies in a map's window, as GeoJSON", "ogc.items", _SELDOM, partial(self._map, desk)),
                (
                    "a snapshot's first page, and the changes since",
                    "subscription",
                    1,
                    partial(self._subscribe, desk),
                ),
            )
            return [await _cost(*way) for way in ways]

    def _person(self) -> str:
        self._turn += 1
        return self._persons[self._turn % len(self._persons)]

    async def _record(self, desk: Caller) -> Told:
        return await _got(desk, "GET", f"/v1/resources/{PERSON}/records/{self._person()}")

    async def _proven(self, desk: Caller, public: Mapping[str, bytes]) -> Told:
        headers = await desk.headers() | {"Hub-Prove": "?1"}
        got = await desk.record(PERSON, self._person(), headers=headers)
        sent = {name.lower(): value for name, value in headers.items()}
        asked = request_digest("GET", str(got.request.url), sent)
        check_answer(Given(got.status_code, dict(got.headers), got.content), public, asked)
        return Told(len(got.content), 1)

    async def _as_of(self, desk: Caller) -> Told:
        asked = {"as_of": (datetime.now(UTC) - timedelta(days=1)).isoformat()}
        path = f"/v1/resources/{PERSON}/records/{self._person()}"
        return await _got(desk, "GET", path, asked, maybe=True)

    async def _query(self, desk: Caller) -> Told:
        keys = [self._person() for _ in range(1000)]
        body = {"keys": list(dict.fromkeys(keys))}
        return await _got(desk, "POST", f"/v1/resources/{PERSON}/query", body=body, accept=_ARROW)

    async def _verify(self, desk: Caller) -> Told:
        claims = {"name": "测试", "sex": "男"}
        body = {"subjects": [{"key": self._person(), "claims": claims}]}
        return await _got(desk, "POST", f"/v1/resources/{PERSON}/verify", body=body)

    async def _ask(self, asker: Caller) -> Told:
        body = {"keys": [self._person()]}
        return await _got(asker, "POST", f"/v1/resources/{PERSON}/questions/{QUESTION}", body=body)

    async def _filter(self, desk: Caller) -> Told:
        asked = {"filter": "established_on >= DATE('2000-01-01')", "limit": "1000"}
        return await _got(desk, "GET", f"/v1/resources/{COMPANY}/records", asked)

    async def _stream(self, desk: Caller) -> Told:
        return await _got(desk, "GET", f"/v1/resources/{PERSON}/records", {"limit": "all"}, accept=_LINES)

    async def _map(self, desk: Caller) -> Told:
        path = f"/v1/ogc/collections/{PARCEL}/items"
        return await _got(
            desk, "GET", path, {"bbox": self._box, "limit": "1000"}, accept="application/geo+json"
        )

    async def _subscribe(self, desk: Caller) -> Told:
        made = await desk.send("POST", "/v1/subscriptions", {"resource": COMPANY})
        place = f"/v1/subscriptions/{made.json()['id']}"
        snapshot = await desk.send("GET", f"{place}/snapshot")
        changes = await desk.send("GET", f"{place}/changes?after={snapshot.json()['changes']}")
        await desk.send("DELETE", place)
        told = [*snapshot.json()["records"], *changes.json()["changes"]]
        return Told(len(snapshot.content) + len(changes.content), len(told))


async def _cost(form: str, action: str, times: int, ask: Ask) -> Cost:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        told = await ask()
        taken.append((time.perf_counter() - began) * 1000)
    return Cost(form, told.records, told.size, round(statistics.median(taken), 1), action, times)


async def _got(
    caller: Caller, method: str, path: str, asked: Mapping[str, Any] | None = None, *,
    body: Mapping[str, Any] | None = None, accept: str = _JSON, maybe: bool = False,
) -> Told:  # fmt: skip
    """Ask, and read the answer to its end; ``maybe``: that there is none is an answer, too."""
    async with caller.streamed(method, path, asked or {}, body, accept=accept) as answer:
        content = await answer.aread()
        if answer.status_code != 200 and not (maybe and answer.status_code == 404):
            told = orjson.loads(content)
            raise CallRefused(f"The hub refused {path.rsplit('/', 1)[0]}: {told['detail']}")
        return Told(len(content), _records(answer.headers["content-type"], content))


def _records(media_type: str, content: bytes) -> int:
    if media_type == _LINES:
        return content.count(b"\n")
    if media_type == _ARROW:
        import pyarrow.ipc

        return int(pyarrow.ipc.open_stream(content).read_all().num_rows)
    told = orjson.loads(content)
    listed = [told[name] for name in ("records", "features", "subjects", "answers") if name in told]
    return len(listed[0]) if listed else int("data" in told)
