"""The short cut past websockets' protocol tells what the protocol tells, wherever the bytes are cut."""

from __future__ import annotations

import logging
import struct

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchstream.shell import frames
from exchstream.shell.frames import Frames
from tests.streams import BINARY, BYE, CLOSE, LIMITS, PING, PONG, STREAMS, TEXT, frame


def unmasked(data: bytes) -> list[tuple[int, bytes]]:
    """Our own frames, all of them short."""
    found = []
    while data:
        size = data[1] & 127
        assert data[1] & 128, "a client masks its frames"
        assert size < 126
        mask, payload = data[2:6], data[6 : 6 + size]
        found.append((data[0], bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))))
        data = data[6 + size :]
    return found


@attrs.define
class Told:
    """All that has come out so far."""

    proto: Frames
    messages: list[bytes] = attrs.field(factory=list)
    pongs: list[bytes] = attrs.field(factory=list)
    sent: list[tuple[int, bytes]] = attrs.field(factory=list)

    def feed(self, data: bytes) -> None:
        self.messages += self.proto.feed(data)
        self.pongs += self.proto.pongs
        wanted, sent = self.proto.wants_to_send, self.proto.data_to_send()
        assert wanted == bool(sent)
        self.sent += unmasked(sent)

    @property
    def all(self) -> tuple[object, ...]:
        end = (self.proto.code, self.proto.reason, self.proto.fault)
        return list(self.messages), list(self.pongs), list(self.sent), end


def by_protocol(data: bytes) -> list[tuple[object, ...]]:
    """What websockets' protocol tells after each byte, when they come one by one."""
    told = Told(Frames(LIMITS, short_cut=False))
    states = [told.all]
    for at in range(len(data)):
        told.feed(data[at : at + 1])
        states.append(told.all)
    return states


@pytest.mark.parametrize("name", STREAMS)
def test_cut_at_every_place(name: str) -> None:
    """In two parts, each way: at every moment the short cut has told what the protocol has."""
    data = STREAMS[name]
    states = by_protocol(data)
    for cut in range(len(data) + 1):
        for short_cut in (True, False):
            told = Told(Frames(LIMITS, short_cut=short_cut))
            told.feed(data[:cut])
            if short_cut:
                assert told.all == states[cut], cut
            told.feed(data[cut:])
            assert told.all[0] == states[-1][0], cut
            assert told.all[-1] == states[-1][-1], cut
            if short_cut:
                assert told.all == states[-1], cut


@pytest.mark.parametrize("name", STREAMS)
def test_byte_by_byte(name: str) -> None:
    """The finest cut of all."""
    told = Told(Frames(LIMITS))
    for at, state in enumerate(by_protocol(STREAMS[name])[1:]):
        told.feed(STREAMS[name][at : at + 1])
        assert told.all == state, at


def test_the_streams_say_something() -> None:
    """Each of them ends as its name says: the comparison above is not one of nothing with nothing."""
    ends = {name: by_protocol(data)[-1] for name, data in STREAMS.items()}
    codes = {name: end[-1][0] for name, end in ends.items()}  # type: ignore[index]

    assert ends["texts"][0] == [b"one", b"", "Zürich €".encode(), b"x" * 130]
    assert ends["pieces"][0] == ["€".encode(), b"x"]
    assert ends["controls"][1:3] == ([b"17"], [(0x8A, b"1755"), (0x8A, b"")])
    assert ends["closed"][2:] == ([(0x88, BYE)], (1001, "bye", ""))
    assert {code: sorted(name for name in codes if codes[name] == code) for code in (1001, 1005, 1007, 1009)} == {
        1001: ["closed", "closed between pieces"],
        1005: ["closed without a code"],
        1007: ["a reason that is no text", "a surrogate", "half a letter", "no text", "pieces of no text"],
        1009: ["pieces too big", "too long", "too long by far", "too many pieces"],
    }
    assert sum(code == 1002 for code in codes.values()) == 11
    assert sum(code is None for code in codes.values()) == 7


payloads = st.one_of(
    st.binary(max_size=8),
    st.text(max_size=8).map(str.encode),
    st.sampled_from([124, 125, 126, 127, 128, 399, 400, 401]).map(lambda size: b"x" * size),
)
anything = st.builds(
    frame,
    st.sampled_from([0, TEXT, TEXT, TEXT, BINARY, CLOSE, PING, PONG, 3, 15]),
    payloads,
    head=st.sampled_from([0x80, 0x80, 0x80, 0, 0xC0, 0x90]),
    wide=st.sampled_from([0, 0, 126, 127]),
)
good = st.builds(frame, st.sampled_from([TEXT, TEXT, TEXT, BINARY, PING, PONG]), st.text(max_size=60).map(str.encode))
pieces = st.lists(st.text(max_size=4).map(str.encode), min_size=2, max_size=4).map(
    lambda parts: (
        frame(TEXT, parts[0], head=0) + b"".join(frame(0, part, head=0) for part in parts[1:-1]) + frame(0, parts[-1])
    )
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Frames, mostly good ones; now and then a byte is damaged."""
    data = bytearray(b"".join(draw(st.lists(st.one_of(good, good, pieces, anything), max_size=8))))
    for _ in range(draw(st.integers(0, 2))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


@settings(max_examples=300, deadline=None)
@given(streams(), st.lists(st.integers(0, 2_000), max_size=6))
def test_any_bytes_cut_anywhere(data: bytes, cuts: list[int]) -> None:
    """The same of what nobody thought of."""
    states = by_protocol(data)
    told = Told(Frames(LIMITS))
    at = 0
    for cut in sorted({min(cut, len(data)) for cut in cuts} | {len(data)}):
        told.feed(data[at:cut])
        at = cut
        assert told.all == states[at]


def test_nothing_is_answered_once_we_close() -> None:
    """A ping behind our close frame gets no pong; the other side's close is seen, and answered no more."""
    for short_cut in (True, False):
        told = Told(Frames(LIMITS, short_cut=short_cut))
        told.proto.close(1000)
        told.proto.close(1000)
        told.feed(frame(PING, b"p") + frame(TEXT, b"a") + frame(CLOSE, struct.pack("!H", 1000)))

        assert told.all[2:] == ([(0x88, struct.pack("!H", 1000))], (1000, "", ""))


def test_what_goes_wrong_once_we_close() -> None:
    """A broken frame is an end like any other."""
    told = Told(Frames(LIMITS))
    told.proto.close(1000)
    told.feed(frame(3, b"x"))

    assert told.proto.ended
    assert len(told.sent) == 1


def test_our_frames() -> None:
    """Texts and pings, masked."""
    assert unmasked(frames.text("Zürich") + frames.ping(b"17")) == [(0x81, "Zürich".encode()), (0x89, b"17")]


def test_frames_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """websockets writes them to a logger; they hold orders and listen keys."""
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("websockets.client").setLevel(logging.DEBUG)
        Told(Frames(LIMITS, short_cut=False)).feed(frame(TEXT, b"secret") + frame(CLOSE, BYE))

    assert caplog.records == []
