"""The WebSocket protocol of the second transport, without a socket: websockets' own, and a short cut past it.

Nearly all that a venue sends is whole, plain text frames.  While the protocol stands between two frames, and no message
in pieces is under way, these are cut out of what was read without asking it.  Every other frame goes to the protocol,
which answers pings and closes and knows what is wrong; it gets exactly the bytes of that frame, and so stands between
two frames again.  Without the short cut everything goes to the protocol: a test feeds both the same bytes, cut at every
place, and what comes out must be the same.
"""

from __future__ import annotations

import logging
from typing import Final

from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, OPEN, Protocol

from exchstream.core.limits import LinkLimits

_NOT_TEXT: Final = 1007
_TOO_BIG: Final = 1009

_PLAIN: Final = 0x81  # a whole text frame, without extensions (RFC 6455, 5.2)
_SHORT: Final = 126  # a smaller second byte is the length itself; this one says that two bytes follow, 127 eight
_MASKED: Final = 128  # what a server may not send
_KINDS: Final = frozenset(Opcode)
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
        self._short_cut = short_cut
        self._protocol = Protocol(CLIENT, max_size=limits.max_message, logger=_SILENT)
        self._kept = b""  # the beginning of a frame
        self._due = 0  # bytes of a frame whose beginning the protocol has
        self._kind: Opcode | None = None  # of the message whose pieces these are
        self._pieces: list[bytes] = []
        self._closing = False
        self._last_words: list[bytes] = []

    @property
    def ended(self) -> bool:
        """True once nothing more can come."""
        return self.code is not None

    def feed(self, data: bytes | bytearray) -> list[str | bytes]:
        """Take in what was read: the messages that are whole now."""
        messages: list[str | bytes] = []
        self.pongs = []
        if self.ended:
            return messages
        if not self._short_cut:
            self._hand_over(data, messages)
            return messages
        buffer = self._kept + data if self._kept else bytes(data)
        at = min(self._due, len(buffer))
        self._due -= at
        if at == 0 or self._hand_over(buffer[:at], messages):
            at = self._cut(buffer, at, messages)
            self._kept = buffer[at:]
        return messages

    def _cut(self, buffer: bytes, at: int, messages: list[str | bytes]) -> int:
        """Take frame by frame from this place on; where the first one begins that is not all there."""
        size, longest, append = len(buffer), self._max_message, messages.append
        while size - at >= 2:
            length = buffer[at + 1]
            begin = at + 2
            if length == _SHORT and size >= at + 4:
                length = buffer[at + 2] << 8 | buffer[at + 3]
                begin = at + 4
            elif length >= _SHORT:
                if not (length < _MASKED and buffer[at] & 0x0F in _KINDS):
                    self._hand_over(buffer[at:], messages)  # wrong whatever follows
                    return size
                begin = at + (4 if length == _SHORT else 10)
                if size < begin:
                    return at
                length = int.from_bytes(buffer[at + 2 : begin])
            end = begin + length
            if buffer[at] == _PLAIN and self._kind is None and length <= longest:
                if end > size:
                    return at
                try:
                    append(str(buffer[begin:end], "utf-8"))
                except UnicodeDecodeError as exc:
                    self._fail(_NOT_TEXT, exc.reason)
                    return size
            else:
                self._due = max(0, end - size)
                if not self._hand_over(buffer[at:end], messages):
                    return size
                end = min(end, size)
            at = end
        return at

    def _hand_over(self, data: bytes | bytearray, messages: list[str | bytes]) -> bool:
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

    def _piece(self, frame: Frame, messages: list[str | bytes]) -> None:
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
            if kind is Opcode.BINARY:
                messages.append(message)
                return
            try:
                messages.append(message.decode())
            except UnicodeDecodeError as exc:
                self._fail(_NOT_TEXT, exc.reason)

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
