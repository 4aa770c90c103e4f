"""One connection: what a session says, what silence swallows, and how heartbeats and faults end it."""

from __future__ import annotations

import pytest

from mockserver import link as link_module
from mockserver.clock import VirtualClock
from mockserver.faces.base import Close, HttpRequest, Ping, Rhythm, Text
from mockserver.link import NoTransport
from mockserver.world import Link, Worlds

from .toy_venue import SECOND, START_NS, ToyFace, ToySession, buy, toy_worlds


def connect(worlds: Worlds, target: str = "/play/ws", transport: NoTransport | None = None) -> tuple[Link, ToySession]:
    """Open a socket and start it, as the server does."""
    opened = worlds.connect(HttpRequest("GET", target), transport or NoTransport())
    assert isinstance(opened, tuple)
    link, session = opened
    assert isinstance(session, ToySession)
    link.start(session)
    return link, session


def texts(link: Link) -> list[str]:
    """The text frames that wait."""
    return [out.data for out in link.take() if isinstance(out, Text)]


@pytest.fixture
def worlds() -> Worlds:
    """One world, account alice with key K."""
    made = toy_worlds()
    made.open_account(made.default.exchanges["toy"], "alice", api_key="K")
    return made


@pytest.fixture
def clock(worlds: Worlds) -> VirtualClock:
    """The default world's clock."""
    found = worlds.default.clock
    assert isinstance(found, VirtualClock)
    return found


def place(worlds: Worlds) -> None:
    """A resting order of alice: one NEW event."""
    worlds.default.exchanges["toy"].submit(buy("alice"))


def test_events_are_in_the_outbox_before_submit_returns(worlds: Worlds) -> None:
    """A command's events wait to be sent as soon as the command is done."""
    link, _ = connect(worlds, "/play/ws?key=K")
    place(worlds)

    assert texts(link) == ['{"event": "NEW", "id": 4293153}']


@pytest.mark.parametrize(("mode", "answers"), [("events", ["hello"]), ("all", [])])
def test_silence(worlds: Worlds, mode: link_module.Silence, answers: list[str]) -> None:
    """A silenced socket sends no events; answers only in mode "events"; what was muted is never sent later."""
    link, _ = connect(worlds, "/play/ws?key=K")
    link.mute(mode)
    place(worlds)
    link.receive("hello")

    assert answers == texts(link)
    link.resume()
    place(worlds)
    assert len(texts(link)) == 1


def test_silence_keeps_pinging(worlds: Worlds, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The heartbeats of a silenced socket go on."""
    monkeypatch.setattr(ToyFace, "rhythm", Rhythm(ping_every_ns=20 * SECOND))
    link, _ = connect(worlds)
    link.mute("all")
    clock.advance(45 * SECOND, wall=True)

    sent_ms = [(START_NS + n * 20 * SECOND) // 1_000_000 for n in (1, 2)]
    assert [Ping(str(ms).encode()) for ms in sent_ms] == link.take()


def test_pong_timeout(worlds: Worlds, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a pong that copies a ping's payload the link closes 1008 at the deadline; empty pongs do not count."""
    monkeypatch.setattr(ToyFace, "rhythm", Rhythm(ping_every_ns=20 * SECOND, pong_within_ns=60 * SECOND))
    link, session = connect(worlds)
    clock.advance(20 * SECOND, wall=True)
    link.pong(b"")
    clock.advance(59 * SECOND, wall=True)
    assert link.open
    clock.advance(1 * SECOND, wall=True)

    assert not link.open
    assert Close(1008, "Pong timeout") == link.take()[-1]
    assert session.was_closed == 1


def test_a_pong_keeps_the_link(worlds: Worlds, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that answers every ping, be it late, lives until the end of the connection's life: close 1001."""
    rhythm = Rhythm(ping_every_ns=20 * SECOND, pong_within_ns=60 * SECOND, lifetime_ns=86_400 * SECOND)
    monkeypatch.setattr(ToyFace, "rhythm", rhythm)
    link, _ = connect(worlds)
    pings = 0
    while link.open:
        clock.advance(30 * SECOND, wall=True)
        for out in link.take():
            if isinstance(out, Ping):
                pings += 1
                link.pong(out.payload)
            else:
                assert Close(1001, "") == out

    assert clock.now_ns - START_NS == 86_400 * SECOND
    assert pings == 86_400 // 20 - 1  # at the very end the close comes first
    assert clock.pending() == []


def test_nothing_after_a_close(worlds: Worlds) -> None:
    """What was pushed before a close goes out, what comes after it does not, and the session hears no more."""
    link, session = connect(worlds, "/play/ws?key=K")
    link.receive("first")
    link.close(1000, "done")
    link.receive("second")
    link.tell("late")
    place(worlds)

    assert [Text("first"), Close(1000, "done")] == link.take()
    assert worlds.default.exchanges["toy"].links == []
    link.closed()
    assert session.was_closed == 1


@pytest.mark.parametrize(("act", "ended"), [(Link.drop, "drop"), (Link.reset, "reset")])
def test_drop_and_reset_lose_what_waits(worlds: Worlds, act: object, ended: str) -> None:
    """Ending the TCP connection loses the frames not yet sent."""
    assert callable(act)
    transport = NoTransport()
    link, _ = connect(worlds, "/play/ws?key=K", transport)
    place(worlds)
    act(link)

    assert link.take() == []
    assert not link.open
    assert ended == transport.ended


def test_cut_half_open_and_resume_reach_the_transport(worlds: Worlds) -> None:
    """A planned cut and a half-open state are the transport's to keep; the link stays open."""
    transport = NoTransport()
    link, _ = connect(worlds, "/play/ws?key=K", transport)
    link.reset(after_bytes=5)
    assert transport.ended == "cut after 5"
    link.half_open()
    assert transport.held
    assert link.sees == frozenset()
    link.resume()

    assert not transport.held
    assert link.sees == {("default", "toy", "alice")}


def test_a_client_that_does_not_read_is_cut_off(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox is bounded, in frames and in bytes: beyond it the connection is reset."""
    monkeypatch.setattr(link_module, "OUTBOX_FRAMES", 3)
    first, second = NoTransport(), NoTransport()
    link, _ = connect(worlds, transport=first)
    for _ in range(4):
        link.receive("x")
    monkeypatch.setattr(link_module, "OUTBOX_BYTES", 10)
    other, _ = connect(worlds, transport=second)
    other.receive("x" * 11)

    assert (first.ended, second.ended) == ("reset", "reset")
    assert (link.backlog, other.backlog) == (0, 0)


def test_take_some(worlds: Worlds) -> None:
    """Frames can be taken a few at a time, in order."""
    link, _ = connect(worlds)
    for n in range(5):
        link.receive(str(n))

    assert [Text("0"), Text("1")] == link.take(2)
    assert link.backlog == 3
    assert texts(link) == ["2", "3", "4"]


def test_a_socket_that_logs_in_moves_to_the_world_of_its_key(worlds: Worlds, clock: VirtualClock) -> None:
    """A socket opened without a key belongs to its key's world after the login, its timers too."""
    other = worlds.create("other", 1)
    worlds.open_account(other.exchanges["toy"], "bob", api_key="B")
    face = worlds.default.exchanges["toy"].face
    assert isinstance(face, ToyFace)
    face.rhythm = Rhythm(ping_every_ns=SECOND)
    link, _ = connect(worlds)
    link.receive('{"login":"B"}')
    link.take()
    place(worlds)  # the default world's alice
    clock.advance(5 * SECOND, wall=True)
    assert link.take() == []
    other.exchanges["toy"].submit(buy("bob"))

    assert len(texts(link)) == 1
    assert link.home is other
    assert isinstance(other.clock, VirtualClock)
    other.clock.advance(SECOND, wall=True)
    assert [Ping] == [type(out) for out in link.take()]


def test_binary_frames_are_recorded_and_heard(worlds: Worlds) -> None:
    """A binary frame reaches the session as bytes."""
    link, _ = connect(worlds)
    link.receive(b"\x00\xff")

    assert texts(link) == ["2 bytes"]
    assert [(row["kind"], row["text"]) for row in worlds.default.recorder.journal(since=1)] == [
        ("ws-in", "\x00ÿ"),
        ("ws-out", "2 bytes"),
    ]


def test_pings_pongs_and_goodbyes_are_recorded(worlds: Worlds) -> None:
    """Control frames of the client are in the journal, and the pongs it gets; a closed link answers no ping."""
    link, _ = connect(worlds)
    assert link.ping(b"hi")
    link.pong(b"17")
    link.said_goodbye(1000, "bye")
    link.close()
    assert not link.ping(b"late")

    assert [(row["kind"], row["text"]) for row in worlds.default.recorder.journal(since=1)] == [
        ("ws-in", "<ping hi>"),
        ("ws-out", "<pong hi>"),
        ("ws-in", "<pong 17>"),
        ("ws-in", "<close 1000 bye>"),
        ("ws-out", "<close 1000 >"),
    ]
