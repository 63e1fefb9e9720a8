"""Many small asks, few large ones: while a batch is on its way, whoever asks next joins the next batch.

Nobody waits for a clock: with one ask at a time each goes out at once, and the busier the hub, the larger the batches.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")


class Coalescer(Generic[Ask, Answer]):
    """Gathers asks of one event loop into batches of at most ``most``, with at most ``lanes`` batches under way.

    ``run`` answers a batch in its order. What it raises reaches the askers of that batch and nobody else. An asker
    that is cancelled leaves the others alone; one still waiting for its batch is dropped from it, unless
    ``keep_cancelled`` (what must be written is written, whether or not anyone still waits).
    """

    def __init__(
        self,
        run: Callable[[list[Ask]], Awaitable[Sequence[Answer]]],
        *,
        most: int = 500,
        lanes: int = 1,
        keep_cancelled: bool = False,
    ) -> None:
        self._run = run
        self._most = most
        self._free = lanes
        self._keep_cancelled = keep_cancelled
        self._waiting: deque[tuple[Ask, asyncio.Future[Answer]]] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self._woken = False

    def ask(self, ask: Ask) -> asyncio.Future[Answer]:
        """Join the next batch; the future holds the answer, or what the batch raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((ask, future))
        if self._free and not self._woken:
            self._woken = True
            loop.call_soon(self._wake)  # whoever asks in this turn of the loop comes along
        return future

    async def drain(self) -> None:
        """Wait until everything asked so far is answered."""
        while self._waiting or self._under_way:
            await asyncio.wait([*self._under_way]) if self._under_way else await asyncio.sleep(0)

    def _wake(self) -> None:
        self._woken = False
        while self._free and self._waiting:
            batch = self._next_batch()
            if batch:
                self._free -= 1
                task = asyncio.ensure_future(self._answer(batch))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    def _next_batch(self) -> list[tuple[Ask, asyncio.Future[Answer]]]:
        batch: list[tuple[Ask, asyncio.Future[Answer]]] = []
        while self._waiting and len(batch) < self._most:
            ask, future = self._waiting.popleft()
            if self._keep_cancelled or not future.cancelled():
                batch.append((ask, future))
        return batch

    async def _answer(self, batch: list[tuple[Ask, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._run([ask for ask, _ in batch])
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the askers must hear of it
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        finally:
            self._free += 1
            self._wake()
