"""Carries out what one account's Session decides: dials, sends, asks, waits.  It decides nothing itself.

Every happening goes through `step`, which is synchronous: the Session reacts, its events are in the journal, and the
rest is started as tasks of the account's nursery.  So no lock is needed and nothing can come between a fact and its
telling.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import Final, TypeAlias

import attrs
import trio

from exchstream.core.happenings import (
    Answered,
    Ask,
    Clocked,
    Close,
    Command,
    Connected,
    Dial,
    Emit,
    Happening,
    Lost,
    MeasureClock,
    Now,
    Obey,
    Overflowed,
    Ping,
    Range,
    Received,
    Send,
    Started,
    Stop,
    Unclocked,
    Woken,
)
from exchstream.core.happenings import Unanswered as NoAnswer
from exchstream.core.session import Session
from exchstream.core.venue import SECOND, CredentialIs, Refusal, Venue
from exchstream.errors import AccountFailed, CredentialsRejected, VenueBroken, VenueRetired
from exchstream.events import AccountDown, DownReason, Event, Fill, GapClosed, GapOpened, OrderUpdate
from exchstream.journal import Journal
from exchstream.shell.host import Host
from exchstream.shell.http import Unanswered
from exchstream.shell.nursery import open_bare_nursery
from exchstream.shell.seam import Batch, Connect, DialFailed, LinkLost, Transport

log = logging.getLogger("exchstream")

MAX_UNSENT: Final = 256  # frames waiting to be sent on one link; more means that the peer takes none
MAX_FRAMES: Final = 1_000  # taken in one step; the journal is asked for room for so many.  A read seldom brings more
WARN_AFTER: Final = 3  # failures since the account was live; one or two are everyday life
EVENTS_PER_FRAME: Final = 3  # an order's state, its execution, and a word in it that we do not know

Note: TypeAlias = Callable[[Happening, Now, CredentialIs | None], None]

_ERRORS: Final[dict[DownReason, type[AccountFailed]]] = {
    DownReason.CREDENTIALS: CredentialsRejected,
    DownReason.RETIRED: VenueRetired,
    DownReason.BROKEN: VenueBroken,
}


@attrs.define
class _Wire:
    """One link's tasks: what is to be sent (None: a ping), and the scope that ends them."""

    outbox: trio.MemorySendChannel[str | None]
    unsent: trio.MemoryReceiveChannel[str | None]
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)


@attrs.define(eq=False)
class Runner:
    """One account's tasks.  `note` hears what the session heard; `failure` says why the account has gone `down`."""

    venue: Venue
    host: Host
    session: Session
    journal: Journal
    connect: Connect
    raise_fatal: bool = False
    note: Note | None = None
    failure: AccountFailed | None = attrs.field(default=None, init=False)
    down: trio.Event = attrs.field(factory=trio.Event, init=False)
    _nursery: trio.Nursery = attrs.field(init=False)
    _timer: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _wires: dict[int, _Wire] = attrs.field(factory=dict, init=False)
    _failed: int = attrs.field(default=0, init=False)

    @property
    def name(self) -> str:
        """The account as a journal keeps it: the same in every process, whatever its key is."""
        return f"{self.venue.environment}:{self.venue.name}:{self.venue.account}"

    async def run(self) -> None:
        """Run the account until it is down or cancelled.  Raises AccountFailed if that is asked for."""
        listeners = self.host.clock.listeners
        async with open_bare_nursery() as self._nursery:
            listeners.append(self._clocked)
            try:
                self.step(Started())
                while self.failure is None:
                    with trio.CancelScope(deadline=self._deadline()) as self._timer:
                        await trio.sleep_forever()
                    if self.failure is None:
                        self.step(Woken())
            finally:
                listeners.remove(self._clocked)
            self._nursery.cancel_scope.cancel()
        if self.raise_fatal:
            raise self.failure

    def step(self, happening: Happening) -> None:
        """Let the session react to one happening, and carry out what it answers."""
        now = self.host.clock.now()
        try:
            commands = self.session.handle(happening, now)
        finally:  # what breaks a session most of all
            if self.note is not None:
                self.note(happening, now, self.session.memory.credential)
        for command in commands:
            self._carry_out(command)
        if (deadline := self._deadline()) < self._timer.deadline:  # setting one takes longer than to compare it
            self._timer.deadline = deadline

    def _deadline(self) -> float:
        wake_at_ns = self.session.wake_at_ns
        return float("inf") if wake_at_ns is None else wake_at_ns / SECOND

    def _carry_out(self, command: Command) -> None:
        match command:
            case Emit(events=events):
                self.journal.append(self.name, events, self.session.checkpoint)
                self._notice(events)
            case Dial():
                self._wires[command.link] = wire = _Wire(*trio.open_memory_channel[str | None](MAX_UNSENT))
                self._nursery.start_soon(self._dial, command, wire)
            case Ask():
                self._nursery.start_soon(self._ask, command)
            case Send(link=link, frames=frames):
                for frame in frames:
                    self._put(link, frame)
            case Ping(link=link):
                self._put(link, None)
            case Close(link=link, why=why):
                extra = self._fields("link_closed", link)
                log.info("%s %s: link %d closed: %s", self.venue.name, self.venue.account, link, why, extra=extra)
                if (closing := self._wires.pop(link, None)) is not None:
                    closing.scope.cancel()
            case Obey(throttle=throttle):
                self.host.obey(throttle)
            case MeasureClock():
                self._nursery.start_soon(self._measure, command)
            case Stop():
                self._timer.cancel()

    def _put(self, link: int, frame: str | None) -> None:
        """Queue a frame; a queue that is full belongs to a peer that takes nothing, and its link is ended."""
        wire = self._wires.get(link)
        if wire is None:
            return
        try:
            wire.outbox.send_nowait(frame)
        except trio.WouldBlock:
            wire.scope.cancel()

    # ------------------------------------------------------------------------------------------------ tasks

    async def _dial(self, dial: Dial, wire: _Wire) -> None:
        """One link from the dial to its end, which the session always hears of unless it ended the link itself."""
        retry_after_ns = None
        why = "the peer takes no frames"
        with wire.scope:
            try:
                await trio.sleep(_drawn(dial.delay))
                await self._live(dial, wire)
            except DialFailed as failed:
                why, retry_after_ns = failed.why, failed.retry_after_ns
                if retry_after_ns is not None:
                    self.host.stay_away(retry_after_ns)
            except LinkLost as lost:
                why = lost.why
        if self._wires.pop(dial.link, None) is not None:
            extra = self._fields("link_lost", dial.link)
            log.info("%s %s: link %d lost: %s", self.venue.name, self.venue.account, dial.link, why, extra=extra)
            self.step(Lost(dial.link, why, retry_after_ns))
            self._warn()

    async def _live(self, dial: Dial, wire: _Wire) -> None:
        lane = next(lane for lane in self.venue.plan.lanes if lane.name == dial.lane)
        # After a suspend the time is old, and a greeting that is signed with it may be refused like a wrong key.
        with trio.move_on_after(self.venue.host_limits.time_wait_ns / SECOND):
            await self.host.keep_time(self.venue, self.session.memory)
        address = self.venue.dial(lane, self.session.memory)
        if address.bucket is not None:
            await self.host.spend(address.bucket, address.weight)
        dialled = self.connect(address.url, address.headers, limits=self.venue.link_limits)
        async with dialled as transport, open_bare_nursery() as nursery:
            nursery.start_soon(self._send_all, transport, wire)
            self.step(Connected(dial.link))
            while True:
                self._take(dial.link, await transport.receive())

    def _take(self, link: int, batch: Batch) -> None:
        """Room first: a batch that has no room is not taken at all, and owed."""
        frames = batch.frames
        for start in range(0, max(len(frames), 1), MAX_FRAMES):
            part = frames[start : start + MAX_FRAMES]
            if not self.journal.reserve(EVENTS_PER_FRAME * len(part)):
                self.step(Overflowed(link))
                return
            self.step(Received(link, part, batch.heard_ns, batch.answered_ns))

    async def _send_all(self, transport: Transport, wire: _Wire) -> None:
        async for frame in wire.unsent:
            try:
                await (transport.ping() if frame is None else transport.send(frame))
            except LinkLost:
                return  # `receive` raises the same, once everything that came before is read

    async def _ask(self, ask: Ask) -> None:
        await trio.sleep(_drawn(ask.delay))
        if not self.session.expects(ask.ask):
            return
        try:
            reply = await self.host.ask(self.venue, ask.question, self.session.memory)
        except Unanswered as failed:
            self.step(NoAnswer(ask.ask, failed.why))
            self._warn()
        else:
            await self.journal.room()
            self.step(Answered(ask.ask, reply))

    async def _measure(self, measure: MeasureClock) -> None:
        await trio.sleep(_drawn(measure.delay))
        try:
            # A failed attempt is not due again for a while, but without any offset nothing may be signed.
            if measure.anew or self.host.clock.due or self.host.clock.error_ns is None:
                await self.host.measure_clock(self.venue, self.session.memory)  # which tells all accounts
            else:
                self._clocked()
        except Unanswered as failed:
            extra = self._fields("clock_unknown")
            log.info("%s: the venue does not say what time it is: %s", self.venue.name, failed.why, extra=extra)
            self.step(Unclocked(failed.why, failed.refused is not None and failed.refused.how is Refusal.FATAL))
            self._warn()

    def _clocked(self) -> None:
        if self.failure is None:
            self.step(Clocked(self.host.clock.error_ns or 0))

    # ------------------------------------------------------------------------------------------------ telling

    def _fields(self, event: str, link: int | None = None) -> dict[str, object]:
        """What a log record says besides its text, for who formats it as JSON; all of our records have these."""
        return {"venue": self.venue.name, "account": self.venue.account, "link": link, "event": event}

    def _warn(self) -> None:
        """Something has failed; said aloud once, when it has gone on for a while."""
        self._failed += 1
        if self._failed == WARN_AFTER:
            trouble, extra = self.session.status().last_error, self._fields("not_live")
            log.warning("%s %s: not live, and retried: %s", self.venue.name, self.venue.account, trouble, extra=extra)

    def _notice(self, events: tuple[Event, ...]) -> None:
        """Log what happened to the account (never what it traded), and note that it has gone down."""
        for event in events:
            match event:
                case OrderUpdate() | Fill():  # nearly all of them
                    pass
                case GapOpened(reason=reason, detail=detail):
                    extra, words = self._fields("gap_opened"), f"{reason.value} {detail}"
                    log.info("%s %s: gap opened: %s", event.venue, event.account, words, extra=extra)
                case GapClosed(complete=complete, recovered=recovered):
                    self._failed = 0
                    extra = self._fields("gap_closed")
                    verdict = f"{'complete' if complete else 'incomplete'}, recovered {recovered}"
                    log.info("%s %s: gap closed, %s", event.venue, event.account, verdict, extra=extra)
                case AccountDown(reason=reason, detail=detail):
                    extra = self._fields("account_down")
                    log.error("%s %s: down: %s", event.venue, event.account, detail, extra=extra)
                    self.failure = _ERRORS[reason](event.venue, event.account, detail)
                    self.down.set()
                case _:
                    pass


def _drawn(delay: Range) -> float:
    """A delay in seconds, drawn evenly from the range."""
    return random.uniform(delay.low_ns, delay.high_ns) / SECOND  # noqa: S311  (a spread, not a secret)
