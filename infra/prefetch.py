"""Work ahead and beside: the next item is made while this one is used, a result while something else is done."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from infra.own_thread import OwnThread

Item = TypeVar("Item")
_END = object()


def prefetched(items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """Yield what ``items`` yields, one item ahead of need; ``items`` runs on one thread of its own, to its close.

    What it raises is raised here, in its place. When the user stops early, ``items`` is closed.
    """
    with OwnThread("prefetch") as thread:
        upcoming = thread.submit(next, items, _END)
        try:
            while (item := upcoming.result()) is not _END:
                upcoming = thread.submit(next, items, _END)
                yield item  # type: ignore[misc]  # it is not _END, so it is an Item
        finally:
            with suppress(Exception):  # what nobody asked for any more
                upcoming.result()
            thread.submit(items.close).result()


@contextmanager
def beside(work: Callable[[], Item]) -> Iterator[Callable[[], Item]]:
    """Do ``work`` on a thread of its own meanwhile; what is given waits for it, and returns or raises what it did.

    The thread has ended when the context has.
    """
    with OwnThread("beside") as thread:
        yield thread.submit(work).result
