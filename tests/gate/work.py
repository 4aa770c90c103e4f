"""What is counted: so many reports, a hundred in a read, of one fixed input.  Run under valgrind by `tests.gate`.

python -m tests.gate.work WAY REPORTS

msgspec     decodes them into a typed struct with Decimals: the yardstick
exchstream  tells them: venue, session, journal in memory, reader
journal     tells them to a journal on disk, with a commit for each read
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from exchstream.core.venue import MINUTE
from exchstream.journal.store import Batch, Store
from tests.bench.contestants.decode import Pipeline, Read, by_msgspec
from tests.bench.reports import blast

T0_MS: Final = 1_700_000_000_000
AT_ONCE: Final = 100
MADE: Final = 1_100


def main(way: str, reports: int) -> None:
    """Read them, after a hundred to warm up."""
    with WAYS[way]() as read:
        frames = blast(MADE, 0, T0_MS).encoded  # as many whatever is counted: making them is no part of it
        told = 0
        for start in range(0, AT_ONCE + reports, AT_ONCE):
            told += read(frames[start : start + AT_ONCE])[0]
    assert told == AT_ONCE + reports, f"{told} of {AT_ONCE + reports} orders' updates came out"


@contextmanager
def _msgspec() -> Iterator[Read]:
    yield by_msgspec()


@contextmanager
def _exchstream() -> Iterator[Read]:
    yield Pipeline(wall_ns=T0_MS * 1_000_000 + MINUTE).read


@contextmanager
def _journal() -> Iterator[Read]:
    """What the writer's thread does, on this one: it is all counted."""
    pipeline = Pipeline(wall_ns=T0_MS * 1_000_000 + MINUTE)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "orders.db", "normal")
        store.restore(["default"])

        def read(frames: Sequence[bytes]) -> tuple[int, int]:
            before = pipeline.position
            counts = pipeline.read(frames)
            events = pipeline.journal.held(before, 1_000)
            assert events is not None
            store.commit(
                Batch([("default", event) for event in events], {"default": pipeline.session.checkpoint()}, {})
            )
            return counts

        yield read
        store.close()


WAYS: Final[dict[str, Callable[[], AbstractContextManager[Read]]]] = {
    "msgspec": _msgspec,
    "exchstream": _exchstream,
    "journal": _journal,
}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
