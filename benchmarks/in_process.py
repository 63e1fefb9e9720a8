"""An application called in this process, without a server: what a route costs in processor time, whatever else the machine does."""

import asyncio
from collections.abc import Iterator, Sequence
from time import process_time
from typing import Any

from fastapi import FastAPI


async def rate(app: FastAPI, paths: Sequence[str], at_once: int) -> float:
    """Return calls per second of processor time of this process, all of its threads; ``RuntimeError`` where one is answered otherwise than with a record or none."""
    waiting = iter(paths)
    began = process_time()
    await asyncio.gather(*(_work(app, waiting) for _ in range(at_once)))
    return len(paths) / (process_time() - began)


async def _work(app: FastAPI, waiting: Iterator[str]) -> None:
    for path in waiting:
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
            "raw_path": path.encode(), "root_path": "", "query_string": b"", "headers": [], "state": {},
        }  # fmt: skip
        statuses: list[int] = []
        await app(scope, _nothing, _kept(statuses))
        if statuses not in ([200], [404]):
            raise RuntimeError(f"The application answered {statuses}.")


def _kept(statuses: list[int]) -> Any:
    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    return send


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}
