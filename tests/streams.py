"""What a server may send after the handshake, right and wrong: for every test that reads it in pieces."""

from __future__ import annotations

import struct
from typing import Final

from exchstream.core.limits import LinkLimits

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
LIMITS: Final = LinkLimits(max_message=400, max_pieces=4)
BYE: Final = struct.pack("!H", 1001) + b"bye"


def frame(opcode: int, payload: bytes = b"", *, head: int = 0x80, length: int | None = None, wide: int = 0) -> bytes:
    """One frame; `head` holds the first byte's other bits, `length` may lie, `wide` forces a longer length."""
    size = len(payload) if length is None else length
    first = bytes([head | opcode])
    if size < 126 and not wide:
        return first + bytes([size]) + payload
    if size < 1 << 16 and wide < 127:
        return first + b"\x7e" + struct.pack("!H", size) + payload
    return first + b"\x7f" + struct.pack("!Q", size) + payload


STREAMS: Final = {
    "texts": frame(TEXT, b"one") + frame(TEXT) + frame(TEXT, "Zürich €".encode()) + frame(TEXT, b"x" * 130),
    "longer lengths than needed": frame(TEXT, b"one", wide=126) + frame(TEXT, b"two", wide=127) + frame(TEXT, b"3"),
    "the longest": frame(TEXT, b"y" * 400) + frame(TEXT, b"z"),
    "too long": frame(TEXT, b"a") + frame(TEXT, b"y" * 401) + frame(TEXT, b"z"),
    "too long by far": frame(TEXT, b"a") + frame(TEXT, b"y", length=1 << 40) + frame(TEXT, b"z"),
    "binary": frame(BINARY, b"\x00\xff") + frame(TEXT, b"x") + frame(BINARY, b"b" * 200),
    "controls": frame(PING, b"1755") + frame(TEXT, b"a") + frame(PONG, b"17") + frame(PING) + frame(TEXT, b"b"),
    "pieces": frame(TEXT, b"\xe2", head=0)
    + frame(PING, b"p")
    + frame(0, head=0)
    + frame(0, b"\x82\xac")
    + frame(TEXT, b"x"),
    "pieces too big": frame(TEXT, b"a" * 300, head=0) + frame(0, b"b" * 101) + frame(TEXT, b"x"),
    "too many pieces": frame(BINARY, b"a", head=0) + frame(0, b"b", head=0) * 5 + frame(TEXT, b"x"),
    "empty pieces": frame(TEXT, head=0) + frame(0, head=0) * 9 + frame(0, b"a") + frame(TEXT, b"x"),
    "pieces of no text": frame(TEXT, b"\xff", head=0) + frame(0, b"a") + frame(TEXT, b"x"),
    "a text between pieces": frame(TEXT, b"a", head=0) + frame(TEXT, b"b") + frame(0, b"c"),
    "no text": frame(TEXT, b"a") + frame(TEXT, b"\xff\xfe") + frame(PING) + frame(TEXT, b"b") + frame(CLOSE, BYE),
    "half a letter": frame(TEXT, b"a\xe2\x82") + frame(TEXT, b"b"),
    "a surrogate": frame(TEXT, b"\xed\xa0\x80") + frame(TEXT, b"b"),
    "closed": frame(TEXT, b"a") + frame(CLOSE, BYE) + frame(TEXT, b"b") + frame(PING, b"p"),
    "closed without a code": frame(CLOSE) + frame(TEXT, b"b"),
    "closed between pieces": frame(TEXT, b"a", head=0) + frame(CLOSE, BYE) + frame(0, b"b"),
    "half a code": frame(CLOSE, b"\x03") + frame(TEXT, b"b"),
    "a code that is none": frame(CLOSE, struct.pack("!H", 1006)) + frame(TEXT, b"b"),
    "a reason that is no text": frame(CLOSE, b"\x03\xe8\xff") + frame(TEXT, b"b"),
    "a kind that is none": frame(TEXT, b"a") + frame(3, b"b") + frame(TEXT, b"c"),
    "a kind that is none, long": frame(TEXT, b"a") + frame(11, b"b" * 200) + frame(TEXT, b"c"),
    "extensions": frame(TEXT, b"a", head=0xC0) + frame(TEXT, b"b"),
    "a long ping": frame(PING, b"p" * 126) + frame(TEXT, b"b"),
    "a ping in pieces": frame(PING, b"p", head=0) + frame(TEXT, b"b"),
    "continues nothing": frame(0, b"a") + frame(TEXT, b"b"),
    "masked": frame(TEXT, b"a") + b"\x81\x83mask\x00\x01\x02" + frame(TEXT, b"b"),
    "masked, long": b"\x81\xfe\x01\x00mask" + b"a" * 256 + frame(TEXT, b"b"),
}
