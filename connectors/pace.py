"""Going no faster than a department's system allows."""

import time
from collections.abc import Callable


class Pace:
    """Bounds what is spent a second (rows, requests), on average since it began; without a limit it never waits."""

    def __init__(
        self,
        per_second: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._per_second, self._clock, self._sleep = per_second, clock, sleep
        self._started, self._spent = clock(), 0.0

    def spent(self, amount: float) -> None:
        """Count ``amount`` as spent and wait until the average is within the limit again."""
        if self._per_second is None:
            return
        self._spent += amount
        ahead = self._spent / self._per_second - (self._clock() - self._started)
        if ahead > 0:
            self._sleep(ahead)
