"""One WebSocket connection as the exchange sees it: session, outbox, heartbeats, faults. No bytes, no I/O.

The server (or a test) owns the other half, a ``Transport``: it takes frames out of the outbox and puts them on the
wire, and hands frames and pongs in. Everything a session says goes through here, so this is where silence is kept,
where the outbox is bounded, and where the recorder listens.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import attrs

from mockserver.faces.base import (
    Binary,
    Close,
    Fragments,
    HttpRequest,
    Out,
    Ping,
    RawText,
    Rhythm,
    Session,
    Text,
)
from mockserver.faults import (
    Birth,
    Disconnect,
    EventStreamTerminated,
    FrameFate,
    HalfOpen,
    Lifetime,
    Mute,
    NoPing,
    PingFlood,
    Reset,
    Stall,
    Turning,
    frame_fate_of,
    frame_thing,
)
from mockserver.faults.facts import Thing
from mockserver.faults.kinds import Frame, LinkKind, Side, Silence
from mockserver.lane import Lane
from mockserver.transport import NoTransport, Transport

__all__ = ["Link", "NoTransport", "Silence", "Transport"]

if TYPE_CHECKING:
    from mockserver.clock import Timer
    from mockserver.world import Exchange, World

OUTBOX_FRAMES = 65_536
OUTBOX_BYTES = 64 << 20
"""A client that does not read is cut off here, as a venue would cut it off; the mock's memory stays flat."""

INBOX_FRAMES = 4_096
"""A client that sends more than that into a delay is cut off."""

PINGS_REMEMBERED = 64
"""Unanswered pings whose payload is still a good pong; every venue's pong deadline comes long before that many."""

NS_PER_MS = 1_000_000

UNSENT_CODES = (1006, 1015)
"""What a client's library says of a connection that ended without a close frame; in one they are forbidden."""
PONG_TIMEOUT = Close(1008, "Pong timeout")
END_OF_LIFE = Close(1001, "")


class Link:
    """One WebSocket connection; see the module's text. Made by ``Worlds.connect``."""

    def __init__(self, number: int, home: World, request: HttpRequest, transport: Transport) -> None:
        self.id = number
        self.home = home
        self.path = request.path
        self.peer = request.peer
        self.opened_ns = home.clock.now_ns
        self._opened_ns = home.clock.timeline_ns
        self.transport = transport
        self.session: Session | None = None
        self.venue = ""
        self.open = False
        self.silence: Silence | None = None
        self.births: tuple[Birth, ...] = ()
        """What faults made of this connection when it was dialled."""
        self.held = False
        self.last_heard_ns = self.opened_ns
        self._heard_ns = self._opened_ns
        self._joined: list[Exchange] = []
        self._outbox: deque[Out] = deque()  # bounded: OUTBOX_FRAMES and OUTBOX_BYTES, see push()
        self._outbox_bytes = 0
        self._timers: list[Timer] = []
        self._awaited: deque[bytes] = deque(maxlen=PINGS_REMEMBERED)
        self._pong_timer: Timer | None = None
        self._late: Lane[Out] = Lane(lambda: self.home.clock, f"late frame of connection {number}", number, self._emit)
        """What goes out late; bounded by OUTBOX_FRAMES and OUTBOX_BYTES with the outbox."""
        self._coming: Lane[str | bytes] = Lane(
            lambda: self.home.clock, f"late frame from connection {number}", number, self._give
        )
        """What has come from the client and not yet to the session; bounded by INBOX_FRAMES."""
        self._stall_timer: Timer | None = None
        self._kept: tuple[Turning, str | None, tuple[Frame, ...]] | None = None
        """A frame that waits for another one: why, its event, and what goes out."""
        self._passed = 0
        """How many have gone before it."""
        self._kept_timer: Timer | None = None

    # -- what a session calls -------------------------------------------------------------------------------------

    def push(self, out: Out) -> None:
        """Send a frame: an answer to what the client asked, a ping, or a close (after which nothing more is sent)."""
        if not self.open:
            return
        if self.silence == "all" and isinstance(out, Text):
            self.home.recorder.record("ws-muted", out.data, link=self.id)
            return
        if isinstance(out, Text) and self.home.faults.watches("frame"):
            self._push_under_faults(out.data)
            return
        if isinstance(out, Close):
            self._release()
        self._append(out)
        if isinstance(out, Close):
            self._finish()

    def tell(self, text: str, *, market: bool = False) -> None:
        """Send an event or other data the client did not just ask for; a silenced link swallows it."""
        if self.open and self.silence is not None and not (market and self.silence == "own"):
            self.home.recorder.record("ws-muted", text, link=self.id)
            return
        self.push(Text(text))

    def warn(self, text: str) -> None:
        """Tell the journal, not the client, that something about this connection is hardly meant."""
        self.home.recorder.record("warning", text, link=self.id)

    def join(self, exchange: Exchange) -> None:
        """Hear the events of this exchange from now on. The link's timers move to that world's clock."""
        if not self.open or exchange in self._joined:
            return
        self._joined.append(exchange)
        exchange.links.append(self)
        if exchange.world is not self.home:
            age_ns, quiet_ns = self._age_ns, self.quiet_ns
            self.home = exchange.world
            self._opened_ns = self.home.clock.timeline_ns - age_ns
            self._heard_ns = self.home.clock.timeline_ns - quiet_ns
            self._start_timers()

    def leave(self, exchange: Exchange) -> None:
        """Hear no more of this exchange."""
        if exchange in self._joined:
            self._joined.remove(exchange)
            exchange.links.remove(self)
            exchange.note_sight()

    # -- what the server calls ------------------------------------------------------------------------------------

    def start(self, session: Session) -> None:
        """The handshake is done: the session may speak, the heartbeats begin."""
        self.session = session
        self.open = True
        self._start_timers()
        session.opened()
        self.note_sight()

    def receive(self, frame: str | bytes) -> None:
        """A complete frame arrived from the client."""
        if not self._heard(frame if isinstance(frame, str) else frame.decode("latin-1")):
            return
        if len(self._coming) >= INBOX_FRAMES:
            self.reset()
        elif self.home.faults.watches("frame"):
            self._receive_under_faults(frame)
        else:
            self._coming.put(frame)

    def ping(self, payload: bytes) -> bool:
        """A ping arrived; whether the server is to answer it."""
        shown = payload.decode("latin-1")
        if not self._heard(f"<ping {shown}>"):
            return False
        self.home.recorder.record("ws-out", f"<pong {shown}>", link=self.id)
        return True

    def pong(self, payload: bytes) -> None:
        """A pong arrived; it counts only if it copies the payload of an unanswered ping, as the venues demand."""
        if self._heard(f"<pong {payload.decode('latin-1')}>") and payload in self._awaited:
            self._awaited.clear()
            if self._pong_timer is not None:
                self._pong_timer.cancel()
                self._pong_timer = None

    def said_goodbye(self, code: int, reason: str) -> None:
        """A close frame arrived."""
        self.home.recorder.record("ws-in", f"<close {code} {reason}>", link=self.id)

    def _heard(self, shown: str) -> bool:
        """Keep what arrived, and let the session count it; False when the link is closed, perhaps by that."""
        if self.session is None or not self.open:
            return False
        self.last_heard_ns, self._heard_ns = self.home.clock.now_ns, self.home.clock.timeline_ns
        self.home.recorder.record("ws-in", shown, link=self.id)
        self.session.heard()
        return self.open

    def take(self, limit: int = OUTBOX_FRAMES) -> list[Out]:
        """What waits to be sent, in order, at most ``limit`` frames."""
        taken = [self._outbox.popleft() for _ in range(min(limit, len(self._outbox)))]
        self._outbox_bytes -= sum(map(_size, taken))
        return taken

    def closed(self) -> None:
        """The connection is gone, whoever ended it."""
        self._late.clear()
        self._coming.clear()
        if self.open:
            self._finish()

    # -- what the control API calls -------------------------------------------------------------------------------

    @property
    def accounts(self) -> frozenset[tuple[str, str, str]]:
        """(world, venue, account) of the accounts the session carries, silenced or not."""
        return self.session.accounts if self.session is not None and self.open else frozenset()

    @property
    def sees(self) -> frozenset[tuple[str, str, str]]:
        """The accounts whose events really go out on this link now."""
        return frozenset() if self.silence is not None or self.held else self.accounts

    @property
    def quiet_ns(self) -> int:
        """How long nothing has come from the client, as timers count."""
        return self.home.clock.timeline_ns - self._heard_ns

    @property
    def awaits_pong(self) -> bool:
        """Whether a ping is unanswered that the client could answer."""
        return self.open and not self.held and bool(self._awaited)

    @property
    def backlog(self) -> int:
        """Frames not yet taken by the server."""
        return len(self._outbox)

    def mute(self, silence: Silence = "events") -> None:
        """Stay open and go on pinging, but send no events, or not those of accounts; what is muted is lost."""
        self.silence = silence
        self.note_sight()

    def resume(self) -> None:
        """Undo ``mute``, ``half_open`` and ``stall``."""
        self.silence = None
        self._hold(False)

    def half_open(self) -> None:
        """Neither read nor write any more, while the TCP connection stays."""
        self._hold(True)

    def stall(self, for_ns: int) -> None:
        """Neither read nor write for so long; then everything at once."""
        clock = self.home.clock
        if self._stall_timer is not None and self._stall_timer.pending:
            for_ns = max(for_ns, self._stall_timer.when_ns - clock.timeline_ns)
        self._hold(True)
        name = f"end of the stall of connection {self.id}"
        self._stall_timer = clock.after(for_ns, name, lambda: self._hold(False), link=self.id)

    def drop(self) -> None:
        """End the connection without a close frame."""
        self._end("drop")
        self.transport.drop()

    def reset(self, after_bytes: int | None = None) -> None:
        """Reset the connection: at once, or inside the next frame, after so many bytes of it."""
        if after_bytes is None:
            self._end("reset")
            self.transport.reset()
        else:
            self.home.recorder.record("control", f"cut after {after_bytes} bytes", link=self.id)
            self.transport.cut_after(after_bytes)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close with a close frame, after what is already waiting; with a code that none may bear just end."""
        if code in UNSENT_CODES:
            self.drop()
        else:
            self.push(Close(code, reason))

    # -- inside ---------------------------------------------------------------------------------------------------

    def note_sight(self) -> None:
        """Let the truth know which accounts this link's exchanges can still see."""
        for exchange in self._joined:
            exchange.note_sight()

    def _push_under_faults(self, text: str) -> None:
        """Send a frame as faults will have it, and let befall the connection what they say."""
        thing, fate = self._fate(text, "server")
        self._befall(fate.link)
        if isinstance(fate.link, Mute):
            self.home.recorder.record("ws-muted", text, link=self.id)
            return
        self._take_turns(thing, fate.turn, fate.frames, fate.delay_ns)
        for so_long_ns, copy in fate.again:
            self._later(so_long_ns, "copy on", partial(self._repeat, copy))
        self._end_behind(fate.link)

    def _receive_under_faults(self, frame: str | bytes) -> None:
        """Let a frame of the client's come to the session as faults will have it, or not at all."""
        text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
        _, fate = self._fate(text, "client")
        self._befall(fate.link)
        for each in fate.frames if self.open else ():
            assert isinstance(each, str | bytes)  # no fault of the client's frames makes anything else
            self._coming.put(frame if each == text else each, fate.delay_ns)
        for so_long_ns, copy in fate.again:
            assert isinstance(copy, str | bytes)  # see above
            self._later(so_long_ns, "copy from", partial(self._coming.put, copy))
        self._end_behind(fate.link)

    def _give(self, frame: str | bytes) -> None:
        """Hand the session what the client sent."""
        if self.session is not None and self.open:
            self.session.receive(frame)
            self.note_sight()

    def _fate(self, text: str, side: Side) -> tuple[Thing, FrameFate]:
        accounts = frozenset(account for *_, account in self.accounts)
        thing = frame_thing(text, venue=self.venue, accounts=accounts, path=self.path, link=self.id, side=side)
        hits = self.home.faults.decide(thing, self.home.clock.timeline_ns)
        self.home.note_faults(hits, link=self.id)
        return thing, frame_fate_of(hits, text)

    def _later(self, delay_ns: int, what: str, then: Callable[[], None]) -> None:
        """Do it so long after, if the connection is still open then."""

        def unless_gone() -> None:
            if self.open:
                then()

        self.home.clock.after(delay_ns, f"{what} connection {self.id}", unless_gone, link=self.id)

    def _repeat(self, frame: Frame) -> None:
        """Send once more what was sent before."""
        if self.silence is None:
            self._put((frame,))

    def _befall(self, kind: LinkKind | None) -> None:
        match kind:
            case Disconnect(code=None):
                self.drop()
            case Reset(delay_ns=0, after_bytes=after_bytes):
                self.reset(after_bytes)
            case Reset(delay_ns=delay_ns):
                self._later(delay_ns, "reset of", self.reset)
            case Mute(mode=mode):
                self.mute(mode)
            case HalfOpen():
                self.half_open()
            case Stall(for_ns=for_ns):
                self.stall(for_ns)

    def _end_behind(self, kind: LinkKind | None) -> None:
        """What befalls the connection behind a frame."""
        if isinstance(kind, Disconnect) and kind.code is not None:
            self.close(kind.code, kind.reason)
        elif isinstance(kind, EventStreamTerminated) and self.session is not None:
            self.session.terminate()

    def _take_turns(self, thing: Thing, turn: Turning | None, frames: tuple[Frame, ...], delay_ns: int) -> None:
        """Send the frames, before or behind one that was kept back; or keep these back."""
        kept = self._kept
        if kept is not None:
            why, event, _ = kept
            match why.turn(event, thing.event):
                case "release":
                    self._release()
                case "swap":
                    self._put(frames, delay_ns)
                    self._passed += 1
                    if self._passed >= why.n:
                        self._release()
                    return
        if turn is None or self._kept is not None:
            self._put(frames, delay_ns)
            return
        self._kept, self._passed = (turn, thing.event, frames), 0
        self._kept_timer = self.home.clock.after(
            turn.within_ns, f"kept frame of connection {self.id}", self._release, link=self.id
        )

    def _release(self) -> None:
        """Send what was kept back."""
        if self._kept is not None:
            _, _, frames = self._kept
            self._kept = None
            self._put(frames)
        if self._kept_timer is not None:
            self._kept_timer.cancel()

    def _put(self, frames: tuple[Frame, ...], delay_ns: int = 0) -> None:
        for frame in frames:
            if self.open:
                self._append(_as_out(frame), delay_ns)

    def _append(self, out: Out, delay_ns: int = 0) -> None:
        """Put it in the outbox, at once or late; what comes behind what is late waits with it."""
        size = _size(out)
        waiting = len(self._outbox) + len(self._late)
        if waiting >= OUTBOX_FRAMES or self._outbox_bytes + size > OUTBOX_BYTES:
            self.home.recorder.record("ws-overflow", f"{waiting} frames unread", link=self.id)
            self.reset()
            return
        self._outbox_bytes += size
        self._late.put(out, delay_ns)

    def _emit(self, out: Out) -> None:
        self._outbox.append(out)
        self.home.recorder.record_out(out, link=self.id)
        self.transport.wake()

    def _hold(self, held: bool) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
        self.held = held
        self.transport.hold(held)
        self._coming.hold(held)
        self.note_sight()

    def _end(self, how: str) -> None:
        self.home.recorder.record("control", how, link=self.id)
        self.take()
        self._outbox_bytes = 0  # of those that were late, too
        self.closed()

    def _finish(self) -> None:
        self.open = False
        for timer in self._timers:
            timer.cancel()
        if self._pong_timer is not None:
            self._pong_timer.cancel()
        for exchange in tuple(self._joined):
            self.leave(exchange)
        if self.session is not None:
            self.session.closed()

    def _start_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        clock, rhythm = self.home.clock, self._rhythm()
        self._timers = []
        if rhythm.ping_every_ns is not None:
            self._timers.append(self._next_ping(rhythm.ping_every_ns))
        if rhythm.lifetime_ns is not None:
            left_ns, name = rhythm.lifetime_ns - self._age_ns, f"end of life of connection {self.id}"
            self._timers.append(clock.after(left_ns, name, self._end_of_life, link=self.id))
            if rhythm.notice_ns is not None and self.session is not None and left_ns > rhythm.notice_ns:
                name = f"notice of the end of connection {self.id}"
                self._timers.append(clock.after(left_ns - rhythm.notice_ns, name, self.session.ending, link=self.id))
        for birth in self.births:
            if isinstance(birth, Lifetime):
                left_ns, name = birth.after_ns - self._age_ns, f"early end of connection {self.id}"
                self._timers.append(clock.after(left_ns, name, partial(self._end_early, birth), link=self.id))

    @property
    def _age_ns(self) -> int:
        return self.home.clock.timeline_ns - self._opened_ns

    def _end_early(self, birth: Lifetime) -> None:
        if birth.code is not None:
            self.close(birth.code)
        elif birth.how == "drop":
            self.drop()
        else:
            self.reset()

    def _rhythm(self) -> Rhythm:
        rhythm = self.session.rhythm if self.session is not None else Rhythm()
        every_ns = rhythm.ping_every_ns
        for birth in self.births:
            every_ns = birth.every_ns if isinstance(birth, PingFlood) else every_ns
            every_ns = None if isinstance(birth, NoPing) else every_ns
        return attrs.evolve(rhythm, ping_every_ns=every_ns)

    def _ping(self) -> None:
        clock, rhythm = self.home.clock, self._rhythm()
        payload = str(clock.now_ns // NS_PER_MS).encode()
        for birth in self.births:
            if isinstance(birth, PingFlood):
                payload = payload.rjust(birth.size, b"0")[-birth.size :] if birth.size else b""
        self.push(Ping(payload))
        self._awaited.append(payload)
        if rhythm.pong_within_ns is not None and self._pong_timer is None:
            name = f"pong deadline of connection {self.id}"
            self._pong_timer = clock.after(rhythm.pong_within_ns, name, self._pong_missing, link=self.id)
        if rhythm.ping_every_ns is not None and self.open:
            self._timers[0] = self._next_ping(rhythm.ping_every_ns)

    def _next_ping(self, after_ns: int) -> Timer:
        return self.home.clock.after(after_ns, f"ping of connection {self.id}", self._ping, link=self.id)

    def _pong_missing(self) -> None:
        self.push(PONG_TIMEOUT)

    def _end_of_life(self) -> None:
        self.push(END_OF_LIFE)


def _size(out: Out) -> int:
    if isinstance(out, Fragments):
        return sum(map(len, out.parts))
    return len(out.data) if isinstance(out, Text | Binary | RawText) else 16


def _as_out(frame: Frame) -> Out:
    if isinstance(frame, str):
        return Text(frame)
    return Binary(frame) if isinstance(frame, bytes) else frame
