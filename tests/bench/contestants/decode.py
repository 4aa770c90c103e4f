"""Frames in memory -> something that a program can use, three ways.  No socket, no waiting.

    json        the standard library: dict of strings
    msgspec     a typed struct of all fields, money as Decimal; nothing is checked, joined, deduplicated or told
    exchstream  Venue, Session, journal and reader: everything but the socket

Arguments: reports to warm up with, reports that count, which way, and how many frames come in one read.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from importlib.metadata import version
from platform import python_version
from typing import Any, Final

import msgspec

import exchstream
from exchstream import BinanceSpot, Fill, OrderUpdate
from exchstream.core.happenings import (
    Answered,
    Ask,
    Clocked,
    Connected,
    Dial,
    Emit,
    Happening,
    Now,
    Received,
    Send,
    Started,
    Unanswered,
    Woken,
)
from exchstream.core.session import Session
from exchstream.core.venue import SECOND, Reply
from exchstream.journal import Journal
from exchstream.journal.memory import InMemory
from tests.bench.answers import answer
from tests.bench.contestants.meter import Meter, Told
from tests.bench.reports import blast

Read = Callable[[Sequence[bytes]], tuple[int, int]]
"""Takes the frames of one read; says how many updates of orders and how many executions came out."""

_TYPES: Final[dict[str, Any]] = {
    **dict.fromkeys("qpPFlzLnZYQ", Decimal),
    **dict.fromkeys("EgiTtIOW", int),
    **dict.fromkeys("wmM", bool),
    "N": str | None,
}
# In the order in which they are sent: that is how msgspec finds them fastest.
_LETTERS: Final = "eEscSofqpPFgCxXrilzLnNTtIwmMOZYQWV"
_Report: Final = msgspec.defstruct("_Report", [(letter, _TYPES.get(letter, str)) for letter in _LETTERS])
_Wrapped: Final = msgspec.defstruct("_Wrapped", [("subscriptionId", int), ("event", _Report)])


def by_json() -> Read:
    """The standard library."""
    decode = json.loads

    def read(frames: Sequence[bytes]) -> tuple[int, int]:
        events = [decode(frame)["event"] for frame in frames]
        return len(events), sum(event["x"] == "TRADE" for event in events)

    return read


def by_msgspec() -> Read:
    """One typed decode."""
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(_Wrapped).decode

    def read(frames: Sequence[bytes]) -> tuple[int, int]:
        events = [decode(frame).event for frame in frames]
        return len(events), sum(event.x == "TRADE" for event in events)

    return read


class Pipeline:
    """One live account without a shell: the clock, the answers and the journal's reader are here.

    With `silent_rest` nothing that is asked after the start is answered.
    """

    def __init__(
        self, journal: Journal | None = None, *, silent_rest: bool = False, wall_ns: int | None = None
    ) -> None:
        self.session = Session(
            BinanceSpot(
                api_key="bench-key",
                api_secret="bench-secret",
                environment="bench",
                rest_url="http://127.0.0.1",
                ws_url="ws://127.0.0.1",
                stream_url="ws://127.0.0.1",
            )
        )
        self.journal = InMemory(16_384) if journal is None else journal
        self.position = 0
        self.told: Told | None = None
        """Where what comes of each order is noted, if anywhere."""
        self._link = 0
        self._now_ns = 0
        self._wall_ns = time.time_ns() if wall_ns is None else wall_ns
        self._silent = False
        self._unanswered: deque[tuple[int, int]] = (
            deque()
        )  # when it is given up, and the question; bounded: by what is asked in ten seconds
        self.step(Started())
        self.step(Clocked())
        while self.session.status().phase != "live":
            self._now_ns = self.session.wake_at_ns or self._now_ns
            self.step(Woken())
        self._silent = silent_rest

    @property
    def wall_ns(self) -> int:
        """The venue's time."""
        return self._wall_ns + self._now_ns

    def let_pass(self, for_ns: int) -> None:
        """Let time pass; what is due happens."""
        self._now_ns += for_ns
        while self._unanswered and self._unanswered[0][0] <= self._now_ns:
            self.step(Unanswered(self._unanswered.popleft()[1], "no answer in time"))
        while (wake_ns := self.session.wake_at_ns) is not None and wake_ns <= self._now_ns:
            self.step(Woken())

    def step(self, happening: Happening) -> None:
        """What the runner does, at once."""
        for command in self.session.handle(happening, Now(self._now_ns, self.wall_ns)):
            match command:
                case Emit(events=events):
                    self.journal.append("default", events, self.session.checkpoint)
                case Dial(link=link):
                    self._link = link
                    self.step(Connected(link))
                case Send(link=link, frames=frames):
                    tags = [json.loads(frame)["id"] for frame in frames]
                    replies = [
                        f'{{"id":"{tag}","status":200,"result":{{"subscriptionId":0}}}}'.encode() for tag in tags
                    ]
                    self.step(Received(link, tuple(replies), self._now_ns))
                case Ask(ask=number) if self._silent:
                    self._unanswered.append((self._now_ns + 10 * SECOND, number))
                case Ask(ask=number, question=question):
                    venue, memory = self.session.venue, self.session.memory
                    status, body = answer(venue.request(question, memory, self.wall_ns).target)
                    self.step(Answered(number, Reply(status, {}, body, self.wall_ns)))
                case _:
                    pass

    def receive(self, frames: Sequence[bytes]) -> None:
        """One read of the socket."""
        self.step(Received(self._link, tuple(frames), self._now_ns))

    def read(self, frames: Sequence[bytes]) -> tuple[int, int]:
        """One read of the socket, and what a reader then finds."""
        self._now_ns += 1_000
        self.receive(frames)
        orders, fills, told = 0, 0, self.told
        while events := self.journal.held(self.position, 256):
            self.position = events[-1].position
            for event in events:
                if isinstance(event, OrderUpdate):
                    orders += 1
                    if told is not None:
                        told.states.append(event.order_id)
                        told.states.append(event.status)
                elif isinstance(event, Fill):
                    fills += 1
                    if told is not None:
                        told.executions.append(event.order_id)
                        told.executions.append(event.trade_id)
        return orders, fills


def by_exchstream(told: Told) -> Read:
    """All but the socket; what comes of each order is noted, as with one."""
    pipeline = Pipeline()
    pipeline.told = told
    return pipeline.read


WAYS: Final[dict[str, tuple[Callable[[Told], Read], str]]] = {
    "json": (lambda _: by_json(), python_version()),
    "msgspec": (lambda _: by_msgspec(), version("msgspec")),
    "exchstream": (by_exchstream, exchstream.__version__),
}


def main(warm_up: int, messages: int, way: str, at_once: int) -> None:
    """Read everything once; the figures are the meter's."""
    make, made_by = WAYS[way]
    meter = Meter(made_by, {})
    read = make(meter.told)
    now_ms = time.time_ns() // 1_000_000
    warm, counted = blast(warm_up, 0, now_ms).encoded, blast(messages, warm_up + 1, now_ms).encoded
    for start in range(0, warm_up, at_once):
        read(warm[start : start + at_once])
    meter.told.clear()
    reads = [counted[start : start + at_once] for start in range(0, messages, at_once)]
    meter.start()
    for frames in reads:
        told = read(frames)
        meter.orders += told[0]
        meter.fills += told[1]
    meter.lap()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
