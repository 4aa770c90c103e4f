"""What a venue or a network may send instead of what is due: answers that are none, and frames that cannot be read."""

from __future__ import annotations

import random
import re
from typing import Final

# By the word that a story calls them by: status and body.
BODIES: Final[dict[str, tuple[int, bytes]]] = {
    "500": (500, b'{"success":false,"error":"Internal server error"}'),
    "503": (503, b""),
    "429": (429, b'{"code":-1003,"msg":"Too many requests.","success":false,"error":"Do not send more than 30"}'),
    "html": (502, b"<html><body>Bad gateway</body></html>"),
    # A refusal that nobody has heard of yet, with the request in it (ASKED), and who it was that asked.
    "odd": (400, b'{"code":-4108,"msg":"Settling. ASKED","success":false,"error":"Market is settling. ASKED"}'),
    "gone": (400, b'{"code":-1121,"msg":"Invalid symbol.","success":false,"error":"No such market"}'),
}
ASKED: Final = b"ASKED"
_FACT: Final = re.compile(r'"e":"(?:executionReport|ORDER_TRADE_UPDATE|TRADE_LITE|ALGO_UPDATE)"|"type": ?"update"')
_NUMBER: Final = re.compile(r'("(?:l|z|size|filledSize|price|L)": ?)"?-?[0-9][0-9.]*"?')
_WORD: Final = re.compile(r'("(?:X|x|status|side|S)": ?)"[A-Za-z_]+"')


def mentioned(text: str) -> bool:
    """True for a frame that tells of an order or a fill."""
    return _FACT.search(text) is not None


def broken(text: str, chance: random.Random) -> bytes:
    """This frame as it must not be: cut, with a number that is none, with an unknown word, or no text at all."""
    match chance.randrange(5):
        case 0:
            return _NUMBER.sub(r'\1"NaN"', text, count=1).encode()
        case 1:
            return _WORD.sub(r'\1"NOVELTY"', text, count=1).encode()
        case 2:
            return text.encode()[:-1] + b"\xff"
        case _:
            return text[: len(text) // 2].encode()
