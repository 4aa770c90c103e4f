"""The object of the fixtures: the world of one test, commanded and asked at once. What waits is in ``waiting``."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import Any, Final, Protocol, TypeVar

import attrs

from mockserver.control import PREFIX
from mockserver.faces.base import HttpRequest, HttpResponse
from mockserver.faults import KINDS, Match
from mockserver.faults.forms import no_fault
from mockserver.forms import nearest
from mockserver.player.playing import Playing, SetupError, ahead_ns, left_out
from mockserver.recorder import MAX_ENTRIES, Recorder
from mockserver.testing import told
from mockserver.testing.plan import Plan, find_profile, read_plan, read_story
from mockserver.testing.seats import Amount, MockError, Seat, hidden
from mockserver.testing.stage import MAIN, Served, Stage
from mockserver.world import World

Got = TypeVar("Got")
Json = dict[str, Any]
__tracebackhide__ = hidden
BESIDE: Final = {"after_n": "after"}
"""Other names for what a fault matches."""


class Loop(Protocol):
    """Does something at once, where the server lives."""

    def __call__(self, act: Callable[[], Got]) -> Got:
        """Do it; what it gave."""


class Desk:
    """How the world of one test is reached."""

    def __init__(self, stage: Stage, served: Served, plan: Plan, run: Loop) -> None:
        self.stage = stage
        self.served = served
        self.plan = plan
        self.run = run

    @property
    def world(self) -> World:
        """The world as it is now: a reset puts another in its place."""
        return self.stage.worlds.worlds[self.served.name]

    def request(self, method: str, path: str, body: Mapping[str, object]) -> HttpRequest:
        """A request of the control API about this world."""
        sent = json.dumps({**body, "world": self.served.name}, default=_plain).encode()
        return HttpRequest(method, f"{PREFIX}{path}", (("Host", "127.0.0.1"),), sent)

    def control(self, method: str, path: str, **body: object) -> Json:
        """Ask the control API. MockError: it refuses."""
        request = self.request(method, path, body)
        return read_answer(self.run(lambda: self.stage.server.control.handle(request)))

    def report(self) -> Json:
        """The truth of this world; in the server's loop."""
        world = self.world
        engines = {venue: exchange.engine for venue, exchange in world.exchanges.items()}
        return world.truth.report(lambda venue, symbol: engines[venue].instruments[symbol], world.clock.now_ns)


def read_answer(answer: HttpResponse) -> Json:
    """What the control API answers. MockError: it refuses."""
    decoded: Json = json.loads(answer.body)
    if answer.status >= 400:
        raise MockError(decoded["error"])
    return decoded


class Armed:
    """A fault that is armed, until it is disarmed or the block is left."""

    def __init__(self, desk: Desk, name: str) -> None:
        self._desk = desk
        self.name = name

    @property
    def hits(self) -> int:
        """How often it has happened."""
        return self._desk.run(lambda: self._desk.world.faults.hits[self.name])

    def disarm(self) -> None:
        """Let it happen no more; a fault that is not armed any more stays so."""
        if any(fault.name == self.name for fault in self._desk.run(lambda: self._desk.world.faults.armed)):
            self._desk.control("POST", f"/faults/{self.name}/disarm")

    def __enter__(self) -> Armed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.disarm()


class Connections:
    """The open WebSockets of a world."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def __iter__(self) -> Iterator[Json]:
        return iter(self._desk.control("GET", "/connections")["connections"])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def drop(self, **which: object) -> int:
        """End them without a word; with ``account`` (and ``venue``) those that carry its events. How many."""
        return self._act("drop", which)

    def reset(self, **how: object) -> int:
        """Reset them; ``after_bytes``: send so many first."""
        return self._act("reset", how)

    def close(self, **how: object) -> int:
        """Close them with a close frame of this ``code`` and ``reason``."""
        return self._act("close", how)

    def silence(self, **how: object) -> int:
        """Let them tell nothing; ``mode="all"``: nor ping."""
        return self._act("silence", how)

    def half_open(self, **which: object) -> int:
        """Let nothing be read or written, though TCP stays."""
        return self._act("half_open", which)

    def send(self, text: str, **which: object) -> int:
        """Tell them this very text, as if the venue had."""
        return self._act("send", {**which, "text": text})

    def resume(self, **which: object) -> int:
        """Let them go on."""
        return self._act("resume", which)

    def _act(self, verb: str, body: Mapping[str, object]) -> int:
        return len(self._desk.control("POST", f"/connections/{verb}", **body)["connections"])


class MockExchange(Seat):
    """The world of one test, and its main account."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, desk.plan.venue.name, MAIN)
        self.http = desk.served.listening.http
        self.ws = desk.served.listening.ws
        self.plan = desk.plan
        self.seed = desk.plan.seed
        self.connections = Connections(desk)
        self._recorder = desk.world.recorder

    def account(self, name: str, *, venue: str | None = None, balances: Mapping[str, Amount] | None = None) -> Seat:
        """Another account, at this venue or another one."""
        given = {"venue": venue or self.venue} | ({} if balances is None else {"balances": balances})
        plan = read_plan(given, seed=self.seed)
        desk = self.desk
        try:
            desk.run(lambda: desk.stage.open_account(desk.world, desk.plan, name, plan.venue, plan.balances))
        except ValueError as error:
            raise MockError(str(error)) from None
        return Seat(desk, plan.venue.name, name)

    # -- what it is told to do ------------------------------------------------------------------------------------

    def control(self, method: str, path: str, **body: object) -> Json:
        """Anything else of the control API, such as ``control("POST", "/listen_keys/expire")``."""
        return self.desk.control(method, path, **body)

    def price(self, price: Amount, symbol: str | None = None) -> None:
        """Put the price of a market somewhere; what it passes on its way is filled."""
        name = (symbol or self.symbols[0]).replace("/", "%2F")
        self.desk.control("POST", f"/market/{name}/price", venue=self.venue, price=price)

    def settings(self, **values: object) -> Json:
        """Change settings of the venue (``rest_lag_ms``, ``page_cap``, ``limits``, ...); all of them."""
        answer: Json = self.desk.control("POST", "/settings", venue=self.venue, **values)["settings"][self.venue]
        return answer

    def fault(self, kind: str, *, probability: float | None = None, name: str | None = None, **given: Any) -> Armed:
        """Let a fault happen from now on, or within a block; ``given`` are its parameters, and what it is about."""
        if kind not in KINDS:
            raise MockError(no_fault(kind))
        own, about = _words(KINDS[kind]), _words(Match)
        parameters, match = {}, dict(given.pop("match", {}))
        for word, value in given.items():
            if word in own:
                parameters[word] = value
            elif BESIDE.get(word, word) in about:
                match[BESIDE.get(word, word)] = value
            else:
                words = [*own, *about, *BESIDE, "match", "probability", "name"]
                raise MockError(f"the fault {kind!r} has no {word!r}; {nearest(word, words)}")
        taken = {fault.name for fault in self.desk.run(lambda: self.desk.world.faults.armed)}
        numbered = (f"{kind}-{number}" for number in range(2, len(taken) + 3))
        name = name or (kind if kind not in taken else next(each for each in numbered if each not in taken))
        fault: Json = {kind: parameters or None, "name": name}
        fault |= {"match": match} if match else {}
        fault |= {} if probability is None else {"probability": probability}
        self.desk.control("POST", "/faults", fault=fault)
        return Armed(self.desk, name)

    def report(self, *things: object, event: str = "fill") -> None:
        """Take what the client says it heard: fills, or lines of JSON that say themselves what they are."""
        rows = told.rows(things[0] if len(things) == 1 else list(things), event, self.symbols)
        self.desk.control("POST", "/report", report=rows)

    # -- what happened --------------------------------------------------------------------------------------------

    @property
    def truth(self) -> Json:
        """What really happened."""
        return self.desk.run(self.desk.report)

    @property
    def recorder(self) -> Recorder:
        """What was sent and received; it outlives the world, which an interrupted test loses without a word."""
        with suppress(KeyError):
            self.keep()
        return self._recorder

    def keep(self) -> None:
        """Keep the recording: the world is about to end."""
        self._recorder = self.desk.world.recorder

    @property
    def journal(self) -> list[Json]:
        """What was sent and received, without secrets."""
        return self.desk.run(lambda: [dict(row) for row in self.recorder.journal(limit=MAX_ENTRIES)])

    def verify(self, expect: object, *, since: int = 0) -> None:
        """Expectations over the journal hold; AssertionError says what came nearest."""
        answer = self.desk.control("POST", "/verify", expect=expect, since=since)
        if not answer["ok"]:
            window = ["round it:", *(f"  {line}" for line in answer["failures"][0]["window"])]
            raise AssertionError("\n".join([answer["text"], *window]))

    def snapshot(self) -> Json:
        """The world as it is, as JSON."""
        taken: Json = self.desk.control("POST", "/snapshot")["snapshot"]
        return taken

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Bring that world back; its connections are closed (1001), as by a restart."""
        self.desk.control("PUT", "/snapshot", snapshot=snapshot)

    # -- scenarios ------------------------------------------------------------------------------------------------

    def _playing(self, name: str | None) -> Playing:
        """A scenario that is ready to be played in this world; nothing: that of the marker."""
        story = self.plan.story if name is None else read_story(name)
        if story is None:
            raise MockError("no scenario is named here, nor by the marker: mock(scenario='...')")
        venue, _, era = story.venue.partition("@")
        fits = venue == self.venue and self.plan.profile == find_profile(self.plan.venue, era)
        if self.plan.story != story and (not fits or story.account or ahead_ns(story)):
            raise MockError(f"the world must be made for this scenario: mark the test with mock(scenario={name!r})")
        for line in left_out(story):
            warnings.warn(f"left out: {line} befalls the client's own process", stacklevel=3)
        desk = self.desk
        try:
            return desk.run(partial(Playing, story, desk.stage.worlds, self.venue, self.name, world=desk.served.name))
        except SetupError as error:
            raise MockError(str(error)) from None


def _words(kind: type) -> list[str]:
    return [field.name.removesuffix("_ns") for field in attrs.fields(kind)]


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{value!r} cannot be written as JSON")
