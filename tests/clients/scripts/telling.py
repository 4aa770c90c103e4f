"""What every follower does alike: read what is asked of it, and print what its client told, one JSON object a line.

Only the standard library of any Python: peers run in environments of their own.  The one argument is a JSON object:

    venue, key, secret, http, ws    whom to follow, and where the mock is
    pauses                          after its first execution a reader takes no more until there is a file `go`
    breaks                          the handler raises at the first fill
    debug                           everything that the client logs goes to standard error

Lines are `{"ready": version}`, `{"fill": trade id, "order": id}`, `{"order": id, "open": bool, "filled": text}` and
`{"word": text}` for whatever the client says of an interruption; each has the time `at` in seconds since 1970.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from decimal import Decimal
from pathlib import Path

BROKEN = "the handler is broken"
PAUSE_S = 1.0
"""Between two attempts of a loop that a peer's documentation shows without any pause."""
GO = Path("go")
POLL_S = 0.05


class Broken(Exception):
    """What the handler raises when it is asked to."""


class Teller:
    """Prints, and says how long a reader is to sleep."""

    def __init__(self) -> None:
        asked = json.loads(sys.argv[1])
        self.venue: str = asked["venue"]
        self.key: str = asked["key"]
        self.secret: str = asked["secret"]
        self.http: str = asked["http"]
        self.ws: str = asked["ws"]
        self._pauses: bool = asked.get("pauses", False)
        self._breaks: bool = asked.get("breaks", False)
        if asked.get("debug"):
            logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)

    def ready(self, version: str) -> None:
        """The client follows the account, as far as it says so itself."""
        self._say(ready=version)

    def fill(self, trade_id: object, order_id: object) -> None:
        """The client told of a fill."""
        if self._breaks:
            raise Broken(BROKEN)
        self._say(fill=str(trade_id), order=str(order_id))

    def order(self, order_id: object, *, is_open: bool, filled: object) -> None:
        """The client told of an order."""
        self._say(order=str(order_id), open=is_open, filled=f"{Decimal(str(filled)).normalize():f}")

    def word(self, text: object) -> None:
        """The client said that something is, or was, wrong."""
        self._say(word=str(text)[:200])

    def is_busy(self, executed: bool) -> bool:
        """Whether the reader, after what it was told, has something else to do; ask again a little later."""
        return executed and self._pauses and not GO.exists()

    def _say(self, **message: object) -> None:
        print(json.dumps({**message, "at": time.time()}), flush=True)
