"""The stage in a thread with a trio loop of its own, for tests that have none, or another one.

What is run there is run between two turns of the server, so nothing of it needs a lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from functools import partial
from types import TracebackType
from typing import Any, Final, TypeVar

import trio

from mockserver.testing.plan import Plan
from mockserver.testing.seats import WRONG, hidden
from mockserver.testing.stage import Served, Stage

Got = TypeVar("Got")
END_SECONDS: Final = 10.0
__tracebackhide__ = hidden


class Job(Future[Got]):
    """Something that the server's loop does; cancelling it reaches what is done there."""

    def __init__(self, token: trio.lowlevel.TrioToken) -> None:
        super().__init__()
        self._token = token
        self.scope = trio.CancelScope()

    def stop(self) -> None:
        """End it, if it has not ended by itself."""
        self._token.run_sync_soon(self.scope.cancel)

    def result(self, timeout: float | None = None) -> Got:
        """What it gave; as ``StageThread.run`` raises it."""
        try:
            return super().result(timeout)
        except WRONG as error:
            raise error.with_traceback(None) from None

    def __enter__(self) -> None:
        """Hand over what the block raises, which is another thread's to handle."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if error is None or isinstance(error, trio.Cancelled):
            return False
        self.set_exception(error)
        return True


class StageThread:
    """A stage that runs in a thread from ``start`` to ``stop``."""

    def __init__(self) -> None:
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=partial(trio.run, self._main), name="mock exchange", daemon=True)
        self._token: trio.lowlevel.TrioToken
        self._nursery: trio.Nursery
        self.stage: Stage

    def start(self) -> None:
        """Begin; it serves nothing yet."""
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        """End all that it serves, and the thread."""
        self._token.run_sync_soon(self._nursery.cancel_scope.cancel)
        self._thread.join(END_SECONDS)
        if self._thread.is_alive():
            raise RuntimeError(f"the thread of the mock exchange has not ended within {END_SECONDS:g} s")

    def run(self, act: Callable[[], Got]) -> Got:
        """Do something at once in the server's loop; what it gave."""
        try:
            return trio.from_thread.run_sync(act, trio_token=self._token)
        except WRONG as error:
            raise error.with_traceback(None) from None  # whoever wrote the test has no use for what lies between

    def submit(self, act: Callable[[], Awaitable[Got]]) -> Job[Got]:
        """Begin something that waits."""
        job: Job[Got] = Job(self._token)
        self._token.run_sync_soon(self._nursery.start_soon, self._do, act, job)
        return job

    def open(self, name: str, plan: Plan) -> Served:
        """Serve a new world."""
        served: Served = self.submit(lambda: self._nursery.start(self.stage.serve, name, plan)).result()  # noqa: ASYNC105 (awaited there)
        return served

    def close(self, served: Served) -> None:
        """End a world, its port and its connections."""

        async def end() -> None:
            served.scope.cancel()
            await served.gone.wait()

        self.submit(end).result()

    # -- inside ---------------------------------------------------------------------------------------------------

    async def _main(self) -> None:
        self.stage = Stage(time.time_ns)
        self._token = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self.stage.server.run_timers)
            self._started.set_result(None)

    async def _do(self, act: Callable[[], Awaitable[Any]], job: Job[Any]) -> None:
        if not job.set_running_or_notify_cancel():
            return
        try:
            with job.scope, job:
                job.set_result(await act())
        finally:
            if not job.done():
                job.set_exception(CancelledError("the mock exchange has stopped this"))
