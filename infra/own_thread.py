"""One thread for one user, that takes work for as long as it is used."""

from concurrent.futures import ThreadPoolExecutor

_IN_USE: set["OwnThread"] = set()


class OwnThread(ThreadPoolExecutor):
    """A pool of one thread, a context manager; it is there until it is shut down.

    Where a pool is garbage together with its user, say a generator that was left in the middle, its thread ends first: what the
    user then still gives it to clean up is never done, and waiting for that never ends.
    """

    def __init__(self, name: str) -> None:
        super().__init__(1, thread_name_prefix=name)
        _IN_USE.add(self)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the thread when its work is done; ``cancel_futures`` drops what was not begun."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        _IN_USE.discard(self)
