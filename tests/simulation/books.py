"""The journal's file in the simulation: the real `Store`, and what a process or a machine that dies leaves of it.

It plays the part of `exchstream.journal.disk` without tasks and threads.  It knows what was shown, and so what a death
has lost.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import attrs

from exchstream.core.state import Checkpoint, Restored
from exchstream.events import Event
from exchstream.journal.file import reading
from exchstream.journal.pending import Pending
from exchstream.journal.store import Durability, Retention, Store
from exchstream.journal.verify import verify

Death = Literal["exit", "kill", "power"]
DEATHS: Final[tuple[Death, ...]] = ("exit", "kill", "power")
MEMORY: Final = Path("/dev/shm")
MOST: Final = 4_096  # events that one life shows; a story has fewer
ALL: Final = 1 << 62


@attrs.define(eq=False)
class Books:
    """One account's journal over the lives of many processes.  `close` deletes it."""

    account: str
    identity: str
    durability: Durability
    chance: random.Random
    folder: tempfile.TemporaryDirectory[str] = attrs.field(init=False)
    store: Store = attrs.field(init=False)
    pending: Pending = attrs.field(init=False)
    shown: dict[int, Event] = attrs.field(factory=dict, init=False)
    _died: Death = attrs.field(default="exit", init=False)
    _life: int = attrs.field(default=0, init=False)
    _boots: int = attrs.field(default=0, init=False)
    _seen: int = attrs.field(default=0, init=False)
    _synced: int = attrs.field(default=0, init=False)  # so long the WAL was when it was last sure to be on the disk

    def __attrs_post_init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)

    def close(self) -> None:
        """Delete the file."""
        self.store.close()
        self.folder.cleanup()

    # ------------------------------------------------------------------------------------------------ a life

    def open(self) -> Restored | None:
        """A process begins: what the former ones left."""
        self.store = Store(self._path, self.durability, lambda: f"start {self._boots}")
        # Nothing moves from the WAL to the file: so the WAL only grows, and where it may be torn is its length.
        self.store._db.execute("pragma wal_autocheckpoint = 0")
        self.store.recognise({self.account: self.identity})
        self.pending = Pending(self.store, MOST, relaxed=self.durability == "relaxed")
        self._seen = self.pending.ring.visible
        self._synced = len(self._wal())
        restored: Mapping[str, Restored] = self.store.restore([self.account])
        return restored.get(self.account)

    def append(self, events: Sequence[Event], checkpoint: Callable[[], Checkpoint]) -> Sequence[Event]:
        """Give the events their positions; what is shown by that."""
        self.pending.append(self.account, events, checkpoint)
        return self._shown()

    def commit(self) -> Sequence[Event]:
        """Keep what is pending; what is shown by that."""
        reserved, new = self.store.reserved, self.account not in self.store.accounts
        batch = self.pending.pick()
        if batch is None:
            return ()
        self.pending.committed(self.store.commit(batch))
        if new or self.durability == "full" or self.store.reserved != reserved:
            self._synced = len(self._wal())
        return self._shown()

    def _shown(self) -> Sequence[Event]:
        """What readers see now and did not see before."""
        ring = self.pending.ring
        new = ring.held(self._seen, MOST)
        assert new is not None
        self._seen = ring.visible
        self.shown.update((event.position, event) for event in new)
        return new

    # ------------------------------------------------------------------------------------------------ a death

    def die(self, how: Death) -> None:
        """The process ends: by itself, killed at any instant of a commit, or with its machine."""
        self._died = how
        if how == "exit":
            if (batch := self.pending.pick()) is not None:
                self.store.commit(batch)  # kept, and not shown to anybody yet
            self.store.close()
            wal = self._wal()
        else:
            wal = self._left(how)
        file = self._path.read_bytes()
        self.store.close()
        self._life += 1
        self._boots += how == "power"
        self._path.write_bytes(file)
        Path(f"{self._path}-wal").write_bytes(wal)

    def _left(self, how: Death) -> bytes:
        """The WAL as it is found: the transaction that is being written may be torn at any byte.

        With the machine goes also what was never made sure to be on the disk.
        """
        before = self._wal()
        if self.chance.random() < 0.7 and (batch := self.pending.pick()) is not None:
            self.store.commit(batch)
            whole = self._wal()
            # All of it, and nobody has been shown it; or a part.
            before = whole if self.chance.random() < 0.3 else whole[: self.chance.randint(len(before), len(whole))]
        if how == "power":
            return before[: self.chance.randint(min(self._synced, len(before)), len(before))]
        return before

    def found(self) -> tuple[list[Event], list[str]]:
        """After a death: the events that nobody had seen yet, and what is false of those that somebody had."""
        kept = self._kept()
        wrong = [
            f"position {position} tells {kept[position]}, and told {event}"
            for position, event in self.shown.items()
            if position in kept and kept[position] != event
        ]
        new = [event for position, event in kept.items() if position not in self.shown]
        self.shown.update((event.position, event) for event in new)
        return new, wrong

    def unsound(self) -> Iterator[str]:
        """What `exchstream journal verify` says of the file as it is now; and what was shown and is not in it."""
        with reading(self._path) as db:
            yield from (f"the journal: {fault}" for fault in verify(db).faults)
        if self.durability != "relaxed" and (lost := self.lost()):
            yield f"shown and not in the journal: {sorted(lost)}"

    def left_on_disk(self) -> bytes:
        """All that all the lives have left on the disk."""
        return b"".join(file.read_bytes() for file in Path(self.folder.name).iterdir())

    @property
    def may_lose(self) -> bool:
        """Whether the last death may have taken what was shown already (docs/journal.md)."""
        return self.durability != "full" and self._died in (("power",) if self.durability == "normal" else DEATHS[1:])

    def forget(self, positions: Iterable[int]) -> None:
        """What was shown at these is lost."""
        for position in positions:
            del self.shown[position]

    def lost(self) -> set[int]:
        """The positions that were shown and are not in the file."""
        kept, floor = self._kept(), self.store.floor
        return {position for position in self.shown if position > floor and position not in kept}

    def trim(self) -> None:
        """Let go of every record that may go."""
        while self.store.trim(Retention(age_ns=1, size=ALL)):
            pass

    def _kept(self) -> dict[int, Event]:
        return {event.position: event for event in self.store.read(self.store.floor, ALL)}

    @property
    def _path(self) -> Path:
        return Path(self.folder.name) / f"life{self._life}.db"

    def _wal(self) -> bytes:
        path = Path(f"{self._path}-wal")
        return path.read_bytes() if path.exists() else b""


__all__ = ["DEATHS", "Books", "Death"]
