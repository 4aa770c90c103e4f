"""One run at a time, shared by all who ask for it while it lasts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import trio

from exchstream.shell.http import Unanswered

T = TypeVar("T")


class Flight(Generic[T]):
    """Who asks while a run is under way gets that run's outcome, be it a value or Unanswered.

    When the one who runs it is cancelled, the next in the queue runs it anew.  Nothing is kept after the last waiter
    has been served.
    """

    def __init__(self) -> None:
        self._lock = trio.Lock()
        self._landed = 0
        self._outcome: tuple[T] | Unanswered | None = None

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """The outcome of `work`, or of the run that was under way.  Raises Unanswered."""
        landed = self._landed
        async with self._lock:
            if self._landed == landed:
                try:
                    self._outcome = (await work(),)
                except Unanswered as exc:
                    self._outcome = Unanswered(exc.why, exc.refused)
                self._landed += 1
            outcome = self._outcome
            if not self._lock.statistics().tasks_waiting:
                self._outcome = None
        assert outcome is not None
        if isinstance(outcome, Unanswered):
            raise Unanswered(outcome.why, outcome.refused)
        return outcome[0]
