"""FTX's refusals, word for word, with their HTTP status.

The texts are those of the help pages "400 Bad Request" and "401 Unauthorized" (2022) and of the exception tables that
production clients kept (ccxt 2.1.74, hummingbot, bbgo). Where no text or status was ever recorded the comment says
"invented". What it does not do: decide when to refuse.
"""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen(slots=True)
class Refusal:
    """One error answer: `{"success":false,"error":text}` with an HTTP status, plus `errorCode` where FTX gave one."""

    status: int
    text: str
    code: str | None = None


# -- 401 ---------------------------------------------------------------------------------------------------------------
# `errorCode` came with the "Not logged in" family in 2022 (recorded in an issue of the official sample repository).
NOT_LOGGED_IN: Final = Refusal(401, "Not logged in", "not_logged_in")
INVALID_KEY: Final = Refusal(401, "Not logged in: Invalid API key", "not_logged_in")
TIMESTAMP_TOO_FAR: Final = Refusal(401, "Not logged in: Timestamp too far from current time", "not_logged_in")
INVALID_SIGNATURE: Final = Refusal(401, "Invalid Signature", "not_logged_in")
NO_SUCH_SUBACCOUNT: Final = Refusal(401, "No such subaccount")

# -- 400 on orders -----------------------------------------------------------------------------------------------------
NOT_ENOUGH_MARGIN: Final = Refusal(400, "Account does not have enough margin for order.")
NOT_ENOUGH_BALANCES: Final = Refusal(400, "Not enough balances")
SIZE_TOO_SMALL: Final = Refusal(400, "Size too small")
SIZE_TOO_SMALL_FOR_PROVIDE: Final = Refusal(400, "Size too small for provide")
SIZE_TOO_LARGE: Final = Refusal(400, "Size too large")
INVALID_PRICE: Final = Refusal(400, "Invalid price")
DUPLICATE_CLIENT_ID: Final = Refusal(400, "Duplicate client order ID")
ORDER_ALREADY_CLOSED: Final = Refusal(400, "Order already closed")
ORDER_ALREADY_QUEUED: Final = Refusal(400, "Order already queued for cancellation")
TRIGGER_TOO_HIGH: Final = Refusal(400, "Trigger price too high")
TRIGGER_TOO_LOW: Final = Refusal(400, "Trigger price too low")
INVALID_REDUCE_ONLY: Final = Refusal(400, "Invalid reduce-only order")
SPOT_REDUCE_ONLY: Final = Refusal(400, "Spot orders cannot be reduce-only")
ORDER_NOT_FOUND: Final = Refusal(404, "Order not found")  # the text is real, the status 404 is an assumption
INVALID_BODY: Final = Refusal(400, "Invalid request body")  # invented: no answer to a broken body was recorded
NO_SUCH_FUTURE: Final = Refusal(404, "No such future")

# -- 429 ---------------------------------------------------------------------------------------------------------------


def too_many_requests(count: int) -> Refusal:
    """The limit of an account or address, in the words of ccxt's table."""
    return Refusal(429, f"Cannot send more than {count} requests per minute")


def too_many_orders(count: int, window_ms: int) -> Refusal:
    """The order limit of one market, in the words bbgo recorded ("… 2 orders on this market per 200ms")."""
    return Refusal(429, f"Do not send more than {count} orders on this market per {window_ms}ms")


def missing(name: str) -> Refusal:
    """A parameter that had to be there ("Missing parameter price")."""
    return Refusal(400, f"Missing parameter {name}")


def invalid(name: str) -> Refusal:
    """A parameter that does not parse ("Invalid parameter start_time")."""
    return Refusal(400, f"Invalid parameter {name}")


def no_such_market(name: str) -> Refusal:
    """An unknown market; the WebSocket gave it the code 404 (bbgo), the same status is assumed for REST."""
    return Refusal(404, f"No such market: {name}")


# -- WebSocket error frames: (code, msg); they carry neither channel nor market ----------------------------------------
WS_INVALID_LOGIN: Final = (400, "Invalid login credentials")
WS_NOT_LOGGED_IN: Final = (400, "Not logged in")
WS_ALREADY_LOGGED_IN: Final = (400, "Already logged in")
WS_ALREADY_SUBSCRIBED: Final = (400, "Already subscribed")
WS_NOT_SUBSCRIBED: Final = (400, "Not subscribed")  # invented
WS_INVALID_REQUEST: Final = (400, "Invalid request")  # invented: malformed JSON, unknown op or channel
