"""FTX's error texts, and what each asks of us.

The text decides, not the HTTP status: one cause came with different statuses over the years, and a WebSocket error
has no status of its own.  What no text tells is transient: it is retried, and named when the Session gives it up.
"""

from __future__ import annotations

from typing import Final

from exchstream.core.venue import SECOND, Meaning, Refusal, Refused, Reply, Throttle

ALREADY_SUBSCRIBED: Final = "Already subscribed"  # harmless: QuantConnect takes it for the acknowledgement
ALREADY_LOGGED_IN: Final = "Already logged in"  # "further attempts to log in will result in 400 errors" (FTX docs)

# The first text that an error contains decides.  Sources: docs.ftx.com/reference/401-unauthorized and
# 400-bad-request; ccxt 2.1.74's table of FTX errors.
_TEXTS: Final = (
    ("timestamp too far from current time", Refusal.CLOCK),  # "more than 30s old"; it follows "Not logged in: "
    ("not logged in", Refusal.FATAL),
    ("invalid login credentials", Refusal.FATAL),
    ("invalid signature", Refusal.FATAL),
    ("invalid api key", Refusal.FATAL),
    ("ip not whitelisted", Refusal.FATAL),
    ("only have permissions for subaccount", Refusal.FATAL),
    ("no such subaccount", Refusal.FATAL),
    ("not authorized for subaccount", Refusal.FATAL),
    ("order not found", Refusal.GONE),
    ("no such market", Refusal.GONE),
    ("no such future", Refusal.GONE),
    ("invalid parameter", Refusal.MALFORMED),
    ("missing parameter", Refusal.MALFORMED),
    ("retry", Refusal.TRANSIENT),
    ("try again", Refusal.TRANSIENT),
    ("slow down", Refusal.TRANSIENT),
    ("do not send more than", Refusal.TRANSIENT),
    ("cannot send more than", Refusal.TRANSIENT),
    ("internal", Refusal.TRANSIENT),
    ("took too long", Refusal.TRANSIENT),
)
# A wrong clock is told like a wrong key on the WebSocket: the clock is measured, and only then is it the key.
_LOGIN: Final = "Invalid login credentials"
_HINT: Final = " (key, secret or subaccount; or a time that is more than 30 s off)"
_BY_STATUS: Final = {401: Refusal.FATAL, 404: Refusal.GONE}


def kind(text: str, status: int = 400) -> Refusal:
    """What this error text asks of us; the HTTP status decides only where the text is unknown."""
    lowered = text.casefold()
    for part, refusal in _TEXTS:
        if part in lowered:
            return refusal
    return _BY_STATUS.get(status, Refusal.TRANSIENT)


def of_link(text: str | None) -> Refused:
    """An error on the WebSocket: it names no channel, so it is about the whole link; nothing there is ever GONE."""
    text = text or "an error without a text"
    refusal = kind(text)
    if text == _LOGIN:
        return Refused(text + _HINT, Refusal.DUBIOUS)
    return Refused(text, Refusal.TRANSIENT if refusal is Refusal.GONE else refusal)


def of_answer(text: str | None, reply: Reply, unsaid_ns: int) -> list[Meaning]:
    """A REST answer that is no success; `text` is None where the body is not FTX's JSON (an HTML page, say).

    `unsaid_ns` is how long to stay away after a 429 that does not say it.
    """
    if reply.status == 429:
        wait = reply.headers.get("retry-after", "")
        said = wait.isascii() and wait.isdecimal() and len(wait) < 7
        throttle = Throttle("rest", until_ns=reply.said_ns + (int(wait) * SECOND if said else unsaid_ns))
        return [throttle, Refused(text or "too many requests", Refusal.TRANSIENT)]
    if text is None:
        return [Refused(f"HTTP {reply.status} without an answer of FTX's", Refusal.TRANSIENT)]
    return [Refused(text, kind(text, reply.status))]
