"""Where the bot dies: it watches itself from outside, and sends itself SIGKILL at the very place that was chosen.

The places are observed, never guessed by waiting:

    idle        live; all that was told is committed, read and in the books
    look-back   a gap is open, and questions about it are out
    commit      the writer's thread is in a transaction that brings events (five points of it)
    rotation    a lane has two open links at once
    handler     the consumer has an event in hand (two points)
    opening     one of the statements with which the journal's file is made or opened is about to run

Nothing of the process runs after that signal, no handler, no `finally`, no other thread; what it said of the place was
said before.  A kill at any moment whatever is the driver's, from outside.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Final, NoReturn

import attrs
import trio

from exchstream.core.asks import Purpose
from exchstream.core.happenings import Happening
from exchstream.core.links import Phase
from exchstream.core.session import Session
from exchstream.journal import file as journal_file
from exchstream.journal.disk import Disk
from exchstream.journal.store import Batch, Store
from exchstream.shell.runner import Runner
from exchstream.shell.stream import OrderStream, Reader

PHASES: Final = ("idle", "look-back", "commit", "rotation", "handler", "opening")
POINTS: Final = {
    "commit": ("before BEGIN", "between its rows", "before COMMIT", "within COMMIT", "after COMMIT"),
    "handler": ("before its COMMIT", "after its COMMIT"),
}
LOOK_SECONDS: Final = 0.01  # between two looks whether the bot is idle
COMMIT_SECONDS: Final = 0.0003  # about as long as a COMMIT takes


def say(words: str) -> None:
    """One line for the driver, out of the process when this returns."""
    os.write(1, f"{words}\n".encode())


def die(phase: str, point: str) -> NoReturn:
    """Say where, and be killed."""
    say(f"killed {phase}: {point}")
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("SIGKILL cannot be survived")


@attrs.define(eq=False)
class Ambush:
    """The place where the bot dies, after it was met `skip` times; `seed` is the chance within COMMIT."""

    phase: str
    point: str = ""
    skip: int = 0
    seed: int = 0

    def due(self, phase: str, point: str = "") -> bool:
        """True when it was met often enough."""
        if (phase, point) != (self.phase, self.point):
            return False
        self.skip -= 1
        return self.skip < 0

    def here(self, phase: str, point: str = "") -> None:
        """The bot is at this place now."""
        if self.due(phase, point):
            die(phase, point)

    def lay(self) -> None:
        """Watch sessions and the journal of this process from now on."""
        step = Runner.step

        def watched(runner: Runner, happening: Happening) -> None:
            step(runner, happening)
            if looks_back(runner.session):
                self.here("look-back")
            if rotates(runner.session):
                self.here("rotation")

        Runner.step = watched  # type: ignore[assignment, method-assign]
        if self.phase == "commit":
            self._lay_in_commits()
        if self.phase == "opening":
            self._lay_in_opening()

    def _lay_in_commits(self) -> None:
        commit = Store.commit

        def watched(file: Store, batch: Batch) -> list[int]:
            if not batch.events or not self.due("commit", self.point):
                return commit(file, batch)
            over = threading.Event()
            file._db.set_trace_callback(lambda sql: self._at(sql, over))
            refused = commit(file, batch)
            over.set()
            file._db.set_trace_callback(None)
            if self.point == "after COMMIT":
                die("commit", self.point)
            return refused

        Store.commit = watched  # type: ignore[assignment, method-assign]

    def _lay_in_opening(self) -> None:
        connect = journal_file.connect

        def watched(path: Path, mode: str) -> sqlite3.Connection:
            db = connect(path, mode)
            db.set_trace_callback(lambda sql: self.here("opening"))
            return db

        journal_file.connect = watched

    def _at(self, sql: str, over: threading.Event) -> None:
        """SQLite is about to begin this statement."""
        begins = {"before BEGIN": "begin", "between its rows": "insert into record", "before COMMIT": "commit"}
        if sql.startswith(begins.get(self.point, "no statement")):
            die("commit", self.point)
        if self.point == "within COMMIT" and sql == "commit":
            delay = random.Random(f"{self.seed}/{self.skip}").uniform(0, COMMIT_SECONDS)
            threading.Thread(target=_die_soon, args=(delay, over), daemon=True).start()

    async def wait_idle(self, stream: OrderStream, reader: Reader) -> None:
        """Look again and again whether the bot is idle."""
        while True:
            if idle(stream, reader):
                self.here("idle")
            await trio.sleep(LOOK_SECONDS)


def _die_soon(delay: float, over: threading.Event) -> None:
    """Die in the COMMIT that has begun, which another thread is busy with; one that was quicker is let go."""
    until = time.perf_counter() + delay
    while time.perf_counter() < until:
        pass
    if not over.is_set():
        die("commit", "within COMMIT")


def looks_back(session: Session) -> bool:
    """A gap is open, and questions about it are out."""
    return session.status().phase == "looking back" and bool(session._asks.pending(Purpose.LOOK_BACK))


def rotates(session: Session) -> bool:
    """A lane has two open links at once."""
    lanes = Counter(link.lane.name for link in session.links.live.values() if link.phase is not Phase.DIALING)
    return any(count > 1 for count in lanes.values())


def idle(stream: OrderStream, reader: Reader) -> bool:
    """Live; all that was told is committed, read and in the books."""
    journal = stream.journal
    assert isinstance(journal, Disk)
    told = reader.position == journal.visible == journal._ring.last and reader._busy and not journal._pending.waiting
    return told and all(status.phase == "live" for status in stream.status().values())
