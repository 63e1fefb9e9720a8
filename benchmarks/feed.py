"""``feed``: changes and records per second to subscribers, unsealed, judged and on the ledger ÷ ``COPY TO`` of the same rows, sealed."""

import asyncio
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import psycopg

from base_libraries.storage import Tables
from benchmarks.callers import STATEMENT, SYSTEM, Calling, calling
from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, alternate
from catalog.repository import Catalogue
from exchange_api.subscription_cursor import Cursor, Cursors, Use
from exchange_api.subscription_view import View
from hub.caller import Statement
from infra.database import Role

READERS = 4
RESOURCE = "natural_person"
_NEXT = re.compile(rb'"next":"([^"]+)"')


@dataclass(frozen=True)
class Reader:
    """One subscription read from its beginning."""

    subscription: str
    first: str

    def path(self, kind: str, after: str | None) -> str:
        """Return where the next page is."""
        return f"/v1/subscriptions/{self.subscription}/{kind}?limit=1000" + (
            f"&after={after}" if after else ""
        )


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """Natural persons, all items, by as many readers at once as serve two processes."""
    changes = Ratio("feed", "changes read by subscribers ÷ COPY TO of the feed", "changes", 0.5)
    versions = Ratio("feed", "the same ÷ COPY TO of the feed with its versions", "changes", 0.5)
    snapshot = Ratio("feed", "records of snapshots ÷ COPY TO of the library", "records", 0.5)
    tables = Tables(ground.hub.resources[RESOURCE])
    joined = f"SELECT c._position, c._operation, c._changed, g.* FROM {tables.change} c JOIN {tables.golden} g USING (_subject, _version)"
    with calling(ground) as caller:
        readers = [_subscribed(ground, caller) for _ in range(READERS)]
        limits = [
            (changes, lambda: _copied(ground, f"SELECT * FROM {tables.change}")),
            (versions, lambda: _copied(ground, joined)),
        ]
        alternate(lambda: _read(caller, readers, "changes"), limits, runs)
        golden = [(snapshot, lambda: _copied(ground, f"SELECT * FROM {tables.golden}"))]
        alternate(lambda: _read(caller, readers, "snapshot"), golden, runs)
    return [changes, versions, snapshot]


def _subscribed(ground: Ground, caller: Calling) -> Reader:
    stated: Statement = STATEMENT
    asked = {"resource": RESOURCE, "purpose": stated.purpose, "legal_basis": stated.legal_basis}
    told = caller.run(
        caller.send("POST", "/v1/subscriptions", asked | {"case_code": stated.case_code})
    ).json()
    with ground.hub.database.engine(Role.APPLICATION).connect() as connection:
        agreement = next(
            one for one in Catalogue(connection, _unused).agreements() if one.id == f"{SYSTEM}.{RESOURCE}"
        )
    sight = View(agreement, agreement.items, None, list).sight  # type: ignore[arg-type]  # nothing is read by it
    first = Cursors(ground.hub.keyring).write(told["id"], Use.CHANGES, Cursor(0, sight))
    return Reader(told["id"], first)


def _unused(*_arguments: object, **_named: object) -> None:
    """Nothing is written."""


def _read(caller: Calling, readers: Sequence[Reader], kind: str) -> float:
    headers = caller.run(caller.headers())
    began = perf_counter()
    counts = asyncio.run(_all_read(caller.port, readers, kind, headers))
    return sum(counts) / (perf_counter() - began)


async def _all_read(port: int, readers: Sequence[Reader], kind: str, headers: dict[str, str]) -> list[int]:
    return await asyncio.gather(*(_followed(port, one, kind, headers) for one in readers))


async def _followed(port: int, reader: Reader, kind: str, headers: dict[str, str]) -> int:
    """Read page after page to the end; returns how many were told."""
    source, sink = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    told, after = 0, reader.first if kind == "changes" else None
    sent = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    for _ in itertools.count():
        sink.write(f"GET {reader.path(kind, after)} HTTP/1.1\r\nHost: localhost\r\n{sent}\r\n".encode())
        head = await source.readuntil(b"\r\n\r\n")
        if head[9:12] != b"200":
            raise RuntimeError(f"The server answered {head[9:12].decode()}.")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await source.readexactly(length)
        told += body.count(b'"record":')
        following = _NEXT.search(body, max(0, len(body) - 1000))
        if following is None or body.endswith(b'"more":false}'):
            break
        after = following[1].decode()
    sink.close()
    return told


def _copied(ground: Ground, query: str) -> float:
    with psycopg.connect(ground.hub.database.url(Role.APPLICATION)) as connection:
        began = perf_counter()
        with connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT binary)") as copy:
            for _ in copy:
                pass
        seconds = perf_counter() - began
        count = connection.execute(f"SELECT count(*) FROM ({query}) AS q").fetchone()
        return float(count[0] if count else 0) / seconds
