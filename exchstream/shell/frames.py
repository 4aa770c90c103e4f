"""The WebSocket protocol of the second transport, without a socket: websockets' own, and the short cut past it.

Without the short cut everything goes to the protocol: a test feeds both the same bytes, cut at every place, and what
comes out must be the same.
"""

from __future__ import annotations

import logging
from typing import Final

from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, OPEN, Protocol

from exchstream.core.limits import LinkLimits
from exchstream.shell.shortcut import ShortCut

_NOT_TEXT: Final = 1007
_TOO_BIG: Final = 1009

# The library writes frames to its logger; what they hold is nobody's business.
_SILENT: Final = logging.Logger("exchstream.frames", logging.CRITICAL + 1)  # noqa: LOG001 (out of everybody's reach)


class Frames:
    """One connection's frames, from after the handshake on.

    `code` is None until nothing more can come; then it is the close code, `reason` what the other side said with it,
    and `fault` what it did wrong, where it is at fault.
    """

    def __init__(self, limits: LinkLimits, *, short_cut: bool = True) -> None:
        self.code: int | None = None
        self.reason = ""
        self.fault = ""
        self.pongs: list[bytes] = []  # of the last `feed`
        self._max_message = limits.max_message
        self._max_pieces = limits.max_pieces
        self._short_cut = ShortCut(limits.max_message) if short_cut else None
        self._protocol = Protocol(CLIENT, max_size=limits.max_message, logger=_SILENT)
        self._kind: Opcode | None = None  # of the message whose pieces these are
        self._pieces: list[bytes] = []
        self._closing = False
        self._last_words: list[bytes] = []

    @property
    def ended(self) -> bool:
        """True once nothing more can come."""
        return self.code is not None

    def feed(self, data: bytes | bytearray) -> list[bytes]:
        """Take in what was read: the messages that are whole now."""
        messages: list[bytes] = []
        self.pongs = []
        if self.ended:
            return messages
        if self._short_cut is None:
            self._hand_over(data, messages)
            return messages
        self._short_cut.add(data)
        while (others := self._short_cut.take(messages)) and self._hand_over(others, messages):
            pass
        return messages

    def _hand_over(self, data: bytes | bytearray, messages: list[bytes]) -> bool:
        """Let the protocol read this, and take in what it makes of it; False when that was the end."""
        protocol = self._protocol
        protocol.receive_data(data)
        for frame in protocol.events_received():
            assert isinstance(frame, Frame)
            if frame.opcode is Opcode.PONG:
                self.pongs.append(bytes(frame.data))
            elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._piece(frame, messages)
                if self.ended:
                    return False
        if protocol.close_rcvd is not None:
            self.code, self.reason = int(protocol.close_rcvd.code), protocol.close_rcvd.reason
        elif protocol.parser_exc is not None and (sent := protocol.close_sent) is not None:
            self.code = int(sent.code)
            self.fault = self._too_big if self.code == _TOO_BIG else sent.reason or "it cannot be read"
        if self._closing:
            protocol.writes.clear()  # no pong follows our close frame
        return not self.ended

    def _piece(self, frame: Frame, messages: list[bytes]) -> None:
        """A data frame: a message, or a piece of one, whose order the protocol has checked."""
        if self._kind is None:
            self._kind = frame.opcode
        if frame.data:  # empty pieces add nothing and could come for ever
            self._pieces.append(bytes(frame.data))
        if len(self._pieces) > self._max_pieces:
            self._fail(_TOO_BIG, self._too_big)
        elif frame.fin:
            kind, message = self._kind, b"".join(self._pieces)
            self._kind, self._pieces = None, []
            if kind is not Opcode.BINARY:
                try:
                    message.decode()
                except UnicodeDecodeError as exc:
                    self._fail(_NOT_TEXT, exc.reason)
                    return
            messages.append(message)

    def _fail(self, code: int, fault: str) -> None:
        self.code, self.fault = code, fault
        if self._protocol.state is OPEN:
            self._protocol.fail(code, fault)

    @property
    def _too_big(self) -> str:
        return f"a message is larger than {self._max_message} bytes"

    # ------------------------------------------------------------------------------------------------ our frames

    def close(self, code: int, reason: str = "") -> None:
        """Say that we close, unless that has been said: the frame is in `data_to_send`."""
        self._closing = True
        if self._protocol.state is OPEN:
            self._protocol.send_close(code, reason)
            self._last_words = self._protocol.data_to_send()

    @property
    def wants_to_send(self) -> bool:
        """True when there is something in `data_to_send`."""
        return bool(self._protocol.writes or self._last_words)

    def data_to_send(self) -> bytes:
        """Answers to pings, and close frames: what the protocol wants to say."""
        said, self._last_words = self._last_words + self._protocol.data_to_send(), []
        return b"".join(said)


def text(words: str) -> bytes:
    """A text frame of ours."""
    return Frame(Opcode.TEXT, words.encode()).serialize(mask=True)


def ping(payload: bytes) -> bytes:
    """A ping of ours."""
    return Frame(Opcode.PING, payload).serialize(mask=True)
