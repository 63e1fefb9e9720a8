"""Callers for the benchmarks: a registered system over the real server, and a load generator that costs little."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any, TypeVar

from audit.recording import record_administration
from benchmarks.ground import Ground
from catalog.agreement import Agreement
from catalog.organisation import Organisation
from catalog.repository import Catalogue
from catalog.system import System
from hub import server
from hub.caller import Caller, Statement, load_private_key, new_private_key, private_key_path
from hub.city.truth import load_truth
from infra.database import Role
from infra.settings import Settings

SYSTEM = "benchmark"
STATEMENT = Statement("benchmark", "benchmark", "BENCH-1")
Answer = TypeVar("Answer")


class Calling(Caller):
    """A caller with an event loop of its own, for code that is not asynchronous."""

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run one piece of work to its end."""
        return self.runner.run(work)

    runner: asyncio.Runner


@contextmanager
def calling(ground: Ground) -> Iterator[Calling]:
    """Register the benchmark's system, serve the hub, and yield a caller."""
    key = register(ground)
    settings = served_settings(ground)
    log = settings.home / "server.log"
    with server.served(settings, log) as url, asyncio.Runner() as runner:
        caller = Calling(url, SYSTEM, key, STATEMENT)
        caller.runner = runner
        yield caller
        runner.run(caller.__aexit__())


def served_settings(ground: Ground) -> Settings:
    """Return the ground's settings with a free port."""
    return ground.hub.settings.model_copy(update={"port": server.free_port()})


def register(ground: Ground) -> Any:
    """Register the benchmark's system with an agreement on every resource, once; returns its private key."""
    home, now = ground.hub.settings.home, datetime.now(UTC)
    with ground.hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        if SYSTEM in {system.id for system in catalogue.systems()}:
            return load_private_key(home, SYSTEM)
        private_key_path(home, SYSTEM).unlink(missing_ok=True)
        key = new_private_key(home, SYSTEM)
        catalogue.add_organisation(Organisation("BENCH", "benchmark", "500000"), actor="benchmark")
        catalogue.add_system(
            System(SYSTEM, "BENCH", "benchmark", (key.as_dict(private=False),)), actor="benchmark"
        )
        for resource in ground.hub.resources.values():
            agreement = Agreement(
                id=f"{SYSTEM}.{resource.code}", system=SYSTEM, resource=resource.code,
                items=tuple(item.name for item in resource.items), purposes=frozenset({STATEMENT.purpose}),
                legal_bases=frozenset({STATEMENT.legal_basis}), valid_from=now, valid_to=now + timedelta(days=1), bulk=True,
            )  # fmt: skip
            catalogue.add_agreement(agreement, actor="benchmark")
    return key


def true_keys(ground: Ground, resource: str) -> list[str]:
    """Return the true keys of a library."""
    key = ground.hub.resources[resource].key.name
    return list(load_truth(ground.hub.settings.city).tables[resource][key].to_pylist())


def request_bytes(path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return a GET request as it goes over the wire, or with a body a POST of JSON."""
    lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@dataclass
class Load:
    """What a load brought: answers by status, records in them, and the seconds it took."""

    statuses: Counter[int] = field(default_factory=Counter)
    records: int = 0
    seconds: float = 0.0

    def checked(self) -> "Load":
        """Raise ``RuntimeError`` where an answer was neither a record nor that there is none."""
        if failed := {status: count for status, count in self.statuses.items() if status not in (200, 404)}:
            raise RuntimeError(f"The server answered {failed}.")
        return self


async def load(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Send every request over keep-alive connections, and read every answer to its end."""
    found = Load()
    waiting = iter(requests)

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        for request in waiting:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            found.records += (await reader.readexactly(length)).count(b'"valid_from"')
            found.statuses[int(head[9:12])] += 1
        writer.close()

    began = perf_counter()
    await asyncio.gather(*(work() for _ in range(connections)))
    found.seconds = perf_counter() - began
    return found.checked()
