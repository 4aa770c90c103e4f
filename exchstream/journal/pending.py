"""What waits for the writer, what is on its way to the file, and up to where readers may see.  Pure.

Everything that is pending goes into one batch, with the checkpoints of the accounts it came from.  Events are shown
when they are kept; with relaxed durability at once, but for what must not be lost: the first words about an account,
and positions that could be given again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from exchstream.core.state import Checkpoint
from exchstream.events import Event
from exchstream.journal import nobody
from exchstream.journal.ring import Ring
from exchstream.journal.store import Batch


class Kept(Protocol):
    """The file, as far as what is shown depends on it."""

    @property
    def last(self) -> int: ...
    @property
    def reserved(self) -> int: ...
    @property
    def accounts(self) -> Collection[str]: ...


class Pending:
    """`pick` a batch, keep it, say `committed`; a batch that could not be kept is picked again."""

    def __init__(self, kept: Kept, memory_events: int, *, relaxed: bool) -> None:
        self.on_visible: Callable[[], None] = nobody
        self.ring = Ring(memory_events, kept.last)
        self.relaxed = relaxed
        self.waiting = 0
        """How many events are not kept yet."""
        self.kept = kept.last
        """The position of the newest event that is."""
        self.picked = self.done = 0
        """How many batches have been made, and how many of them are kept."""
        self._file = kept
        self._events: list[tuple[str, Sequence[Event]]] = []
        self._checkpoints: dict[str, Callable[[], Checkpoint]] = {}
        self._readers: dict[str, int] = {}
        self._known = set(kept.accounts)  # of which something is kept
        self._new: set[str] = set()
        self._flight: Batch | None = None

    def append(self, account: str, events: Sequence[Event], checkpoint: Callable[[], Checkpoint]) -> None:
        """Give the events their positions."""
        self.ring.place(events)
        if events:
            self._events.append((account, events))
            self.waiting += len(events)
        self._checkpoints[account] = checkpoint
        if account not in self._known:
            self._new.add(account)
        self._show_all()

    def passed(self, name: str, position: int) -> None:
        """The reader of this name has done with everything up to there."""
        self._readers[name] = position

    @property
    def urgent(self) -> bool:
        """True if something cannot be shown before it is kept."""
        return self.ring.visible < self.ring.last

    def pick(self) -> Batch | None:
        """All that is to be kept; each checkpoint is of this moment, and so goes with the account's last event."""
        if self._flight is None and (self._checkpoints or self._readers):
            self._flight = Batch(
                events=[(account, event) for account, events in self._events for event in events],
                checkpoints={account: source() for account, source in self._checkpoints.items()},
                readers=self._readers,
            )
            self._events, self._checkpoints, self._readers = [], {}, {}
            self.picked += 1
        return self._flight

    def committed(self, refused: Sequence[int]) -> None:
        """The batch is kept, but for these positions: what was to stand there has been told before."""
        batch, self._flight = self._flight, None
        assert batch is not None
        for position in refused:
            self.ring.clear(position)
        if batch.events:
            self.kept = batch.events[-1][1].position
        self.waiting -= len(batch.events)
        self.done = self.picked
        self._known.update(batch.checkpoints)
        self._new.difference_update(batch.checkpoints)
        self._show(self.kept)
        self._show_all()

    def _show_all(self) -> None:
        if self.relaxed and not self._new:
            self._show(min(self.ring.last, self._file.reserved))

    def _show(self, position: int) -> None:
        if position > self.ring.visible:
            self.ring.visible = position
            self.on_visible()
