"""What bounds a goal that is missed, and what was tried: a text for each that was missed up to now, by its measure.

The texts tell in short what the decision that each one ends with found; nothing stands here that does not stand there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.bench import field

HOT_PATH: Final = "[The way of one message, measured](decisions/0011-hot-path.md)"
TRANSPORT: Final = "[A second transport](decisions/0020-second-transport.md)"
UNKNOWN: Final = "Nobody has looked into it yet."

_PIPELINE: Final = (
    "What is left of a report's way is spread over some forty calls of a third of a microsecond and less, and"
    " over memory: an event, with all that it is made of, is made and let go of, and every new amount is checked"
    " and read. Tried and kept: frozen structs in place of attrs classes, one decode, an amount read in one step,"
    " an execution looked up once, credentials looked for once a report, frames that stay the bytes that came, a"
    " quarter fewer calls. Tried and turned down: mypyc, events made on first access, short cuts in the join."
)
_BLAST: Final = (
    f"{_PIPELINE} The transport bounds it no more: whole plain frames pass by the protocol, and what is left is the"
    " pipeline's."
)
_DELAY: Final = (
    "At this pace each report is alone in its read and finds cold caches: the same instructions take two to three"
    " times as long as in a blast. Over a loop that only decodes comes a second task, which trio runs in its next turn:"
    " one task for both would end the promise that a slow reader never keeps a socket from being read. Tried and kept:"
    " a transport that lets no task stand between the socket and who waits for messages, waiting for a socket before"
    " it is read, readers in a parking lot, timers that are set anew only to ring earlier."
)
_LONG: Final = (
    "Memory has filled up to its bounds by then. Forgetting the oldest executions and ended orders takes a small part"
    " of the time; the rest is spread evenly over all that makes objects, whose memory is that of the oldest, long out"
    " of every cache. With bounds twenty times lower most of it is gone, and repeats would be told. Huge pages and no"
    " garbage collector change nothing."
)
_JOURNAL: Final = (
    "SQLite's commit with its checkpoint, the encoding of the events and SQLite's inserts take most of it, the rest is"
    " Python's. Tried and kept: records without what has its default, one look at each event, larger pages. Tried and"
    " turned down: fifty rows in one statement, rarer checkpoints, one raw message for two records."
)
BOUNDS: Final[Mapping[str, str]] = {
    **{
        f"blast, `websockets`, CPU against {peer}": f"{_BLAST} {HOT_PATH}, {TRANSPORT}"
        for peer in (field.CRYPTOFEED, field.UNICORN_PICOWS)
    },
    f"blast, default transport, CPU against {field.PYTHON_BINANCE}": f"{_BLAST} {HOT_PATH}",
    f"blast, any transport, CPU against {field.SDK}": f"{_BLAST} {HOT_PATH}",
    **{
        f"1,000/s, `websockets`, middle delay against {peer}": f"{_DELAY} {TRANSPORT}, {HOT_PATH}"
        for peer in (field.UNICORN, field.CRYPTOFEED)
    },
    "pipeline without a socket against msgspec's typed decode": f"{_PIPELINE} {HOT_PATH}",
    "cost after all orders of the long run / at its start": f"{_LONG} {HOT_PATH}",
    **{f"journal, `{durability}`, CPU against none": f"{_JOURNAL} {HOT_PATH}" for durability in ("relaxed", "normal")},
}
