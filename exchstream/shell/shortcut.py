"""A short cut past a library's WebSocket protocol, for frames that need nothing of it.

Nearly all that a venue sends is whole, plain text frames.  While the protocol stands between two frames, and no message
in pieces is under way, these are taken out of what was read without asking it.  Every other frame goes to the protocol,
which answers pings and closes and knows what is wrong; it gets exactly the bytes of that frame, and so stands between
two frames again.

No library is known here, and nothing is judged: what looks wrong is the protocol's.
"""

from __future__ import annotations

from typing import Final

from exchstream.core.limits import KIB

LONG: Final = 64 * KIB
_PLAIN: Final = 0x81  # a whole text frame, without extensions (RFC 6455, 5.2)
_LAST: Final = 0x80  # or only one piece of a message
_SHORT: Final = 126  # a smaller second byte is the length itself; this one says that two bytes follow, 127 eight
_MASKED: Final = 128  # what a server may not send
_CONTROL: Final = 8  # the first of the control frames' kinds
_KINDS: Final = frozenset((0, 1, 2, 8, 9, 10))


class ShortCut:
    """Takes whole, plain text frames of at most `longest` bytes out of what was read; the rest is the protocol's.

    So are long ones, which would be copied with every read until they are whole.
    """

    def __init__(self, longest: int) -> None:
        self._longest = min(longest, LONG)
        self._buffer = b""
        self._at = 0  # where in it the next frame begins
        self._due = 0  # bytes of a frame whose beginning the protocol has
        self._in_pieces = False

    def add(self, data: bytes | bytearray) -> None:
        """This was read."""
        kept = self._buffer[self._at :]
        self._buffer, self._at = kept + data if kept else bytes(data), 0

    def take(self, texts: list[bytes]) -> bytes:
        """Add the texts, up to the first bytes that are the protocol's; returns these, nothing when there are none.

        Called until it returns nothing, it has taken all that is whole.
        """
        buffer, at = self._buffer, self._at
        size, longest, append = len(buffer), self._longest, texts.append
        if self._due:
            return self._others(min(size, at + self._due), self._due)
        while size - at >= 2:
            first, length = buffer[at], buffer[at + 1]
            begin = at + 2
            if length == _SHORT and size >= at + 4:
                length = buffer[at + 2] << 8 | buffer[at + 3]
                begin = at + 4
            elif length >= _SHORT:
                if not (length < _MASKED and first & 0x0F in _KINDS):
                    self._at = at
                    return self._others(size, size - at)  # wrong whatever follows
                begin = at + (4 if length == _SHORT else 10)
                if size < begin:
                    break
                length = int.from_bytes(buffer[at + 2 : begin])
            end = begin + length
            if first == _PLAIN and not self._in_pieces and length <= longest:
                if end > size:
                    break
                text = buffer[begin:end]
                if text.isascii() or _is_text(text):
                    append(text)
                    at = end
                    continue  # else the protocol knows what that leads to
            if first & 0x0F < _CONTROL:
                self._in_pieces = not first & _LAST
            self._at = at
            return self._others(min(end, size), end - at)
        self._at = at
        return b""

    def _others(self, end: int, length: int) -> bytes:
        """The bytes up to here, of so many that are the protocol's."""
        others = self._buffer[self._at : end]
        self._at, self._due = end, length - len(others)
        return others


def _is_text(text: bytes) -> bool:
    """Whether it is UTF-8, as a text frame must be (RFC 6455, 8.1)."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
