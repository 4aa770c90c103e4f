"""Binance's refusals: a code, the exact words, and the HTTP status they travel with.

The texts are those of the venue's error page (spot docs `errors.md`, 2026-07) unless a comment names another source.
A call raises `Refused(refusal)`; the face writes it out in one place.
What this module does not do: decide when a refusal is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from attrs import field, frozen

from mockserver.faces.binance.text import trimmed


@frozen
class Refusal:
    """A refusal in the venue's words.

    Invariants: `code` is negative; `status` is the HTTP status, which the WebSocket API repeats in the field `status`.
    `data` is the WebSocket API's extra object (`retryAfter` of a ban), or the two halves of a failed cancel-replace.
    """

    code: int
    msg: str
    status: int = 400
    data: Mapping[str, object] | None = None
    headers: tuple[tuple[str, str], ...] = field(default=())

    def body(self) -> dict[str, object]:
        """Return the JSON object of the refusal."""
        out: dict[str, object] = {"code": self.code, "msg": self.msg}
        if self.data is not None:
            out["data"] = dict(self.data)
        return out


class Refused(Exception):
    """Raised inside a call that the venue refuses; the face writes `refusal` out.

    The refusals themselves are values, not exceptions: an exception raised twice keeps growing its traceback.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code, refusal.msg)
        self.refusal = refusal


# Codes -2014 and -2015 were measured with status 401 and -1022 with 400 on production (2026-07-31); limits have 429 and
# 418 by the page; all others travel with 400 by common practice, which is written nowhere.
TOO_MANY_ORDERS: Final = -1015
UNKNOWN = Refusal(-1000, "An unknown error occurred while processing the request.")
TIMEOUT = Refusal(
    -1007,
    "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    status=504,
)
OVERLOADED = Refusal(
    -1008, "Server is currently overloaded with other requests. Please try again in a few minutes.", status=503
)
TOO_LATE = Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")
TOO_EARLY = Refusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
BAD_SIGNATURE = Refusal(-1022, "Signature for this request is not valid.")
DUPLICATE_VALUES = Refusal(-1101, "Duplicate values for a parameter detected.")
BAD_TIME_IN_FORCE = Refusal(-1115, "Invalid timeInForce.")
BAD_ORDER_TYPE = Refusal(-1116, "Invalid orderType.")
BAD_SIDE = Refusal(-1117, "Invalid side.")
BAD_INTERVAL = Refusal(-1120, "Invalid interval.")
BAD_SYMBOL = Refusal(-1121, "Invalid symbol.")
SYMBOL_CLOSED = Refusal(
    -4108, "Symbol is on delivering or delivered or settling or closed or pre-trading."
)  # USD-M error page
NO_LISTEN_KEY = Refusal(-1125, "This listenKey does not exist.")
BAD_COMBINATION = Refusal(-1128, "Combination of optional parameters invalid.")
BAD_JSON = Refusal(-1135, "Invalid JSON Request")
# -1158 by the page; -1159 was measured on the testnet, its words are those of -1158 fitted to it.
BAD_PAIR_TYPE = Refusal(-1158, "Order type not supported in OCO.")
BAD_FIRST_TYPE = Refusal(-1159, "Order type not supported in OTO.")
BAD_CANCEL_RESTRICTIONS = Refusal(-1145, "Invalid cancelRestrictions")
# Measured on production (2026-07-31); the error page does not list it.
NOT_LOGGED_ON = Refusal(-1193, "WebSocket session not authenticated")
BAD_TIME_UNIT = Refusal(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")
# The stp FAQ gives only the code for a mode the symbol does not allow.
BAD_SELF_TRADE = Refusal(-1013, "This symbol does not allow the specified self-trade prevention mode.")
INSUFFICIENT_BALANCE = Refusal(-2010, "Account has insufficient balance for requested action.")
DUPLICATE_ORDER = Refusal(-2010, "Duplicate order sent.")
MARKET_CLOSED = Refusal(-2010, "Market is closed.")
WOULD_TAKE = Refusal(-2010, "Order would immediately match and take.")
STOP_WOULD_TRIGGER = Refusal(-2010, "Order would trigger immediately.")
LIST_PRICES_WRONG = Refusal(-2010, "The relationship of the prices for the orders is not correct.")
UNKNOWN_ORDER = Refusal(-2011, "Unknown order sent.")
CANCEL_RESTRICTED = Refusal(-2011, "Order was not canceled due to cancel restrictions.")
NO_ORDER = Refusal(-2013, "Order does not exist.")
BAD_KEY_FORMAT = Refusal(-2014, "API-key format invalid.", status=401)
BAD_KEY = Refusal(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
ARCHIVED = Refusal(-2026, "Order was canceled or expired with no executed qty over 90 days ago and has been archived.")
# Measured on production (2026-07-31); the error page does not list it.
HMAC_NOT_SUPPORTED = Refusal(-2028, "HMAC-SHA-256 API key is not supported")
ALREADY_SUBSCRIBED = Refusal(-2035, "User Data Stream subscription already active.")
NOT_SUBSCRIBED = Refusal(-2036, "User Data Stream subscription not active.")
SUBSCRIPTIONS_SPENT = Refusal(-2042, "Maximum subscription ID reached for this connection.")
WRONG_CLIENT_ID = Refusal(-2039, "Client order ID is not correct for this order ID.")

# The amend FAQ says only that the new quantity must be smaller and above what is filled; code and words are practice.
BAD_AMEND = Refusal(-2038, "The requested action would change no state; rejecting.")

# Their `data` says what became of the two halves.
REPLACE_FAILED = Refusal(-2022, "Order cancel-replace failed.")
REPLACE_HALF_DONE = Refusal(-2021, "Order cancel-replace partially failed.", status=409)

# USD-M: the same numbers can mean other things than on spot (-2021 and -2022 are cancel-replace there).
MARGIN_INSUFFICIENT = Refusal(-2019, "Margin is insufficient.")  # practice; the page was not at hand
WOULD_TRIGGER = Refusal(-2021, "Order would immediately trigger.")
REDUCE_ONLY_REJECTED = Refusal(-2022, "ReduceOnly Order is rejected.")  # seen on the testnet, 2026-09-12
# Clients' reports (huojichuanqi/buou_grid issue 2, 2025): an id is taken while the order that has it is open.
CLIENT_ID_IN_USE = Refusal(-4116, "ClientOrderId is duplicated.")
CLIENT_ID_TOO_LONG = Refusal(-4015, "Client order id length should be less than 36 chars")  # same
WRONG_POSITION_SIDE = Refusal(-4061, "Order's position side does not match user's setting.")
BAD_POSITION_SIDE = Refusal(-4060, "Invalid position side.")
MARGIN_TYPE_AS_IT_IS = Refusal(-4046, "No need to change margin type.")
MARGIN_TYPE_WITH_ORDERS = Refusal(-4047, "Margin type cannot be changed if there exists open orders.")
MARGIN_TYPE_WITH_POSITION = Refusal(-4048, "Margin type cannot be changed if there exists position.")
# fapi error codes; which of them is said when is in `futures_margin`.
MARGIN_OF_CROSS = Refusal(-4049, "Add margin only support for isolated position.")
CROSS_BALANCE_INSUFFICIENT = Refusal(-4050, "Cross balance insufficient.")
ISOLATED_BALANCE_INSUFFICIENT = Refusal(-4051, "Isolated balance insufficient.")
MARGIN_WITHOUT_POSITION = Refusal(-4054, "Cannot add position margin: position is 0.")
AMOUNT_NOT_POSITIVE = Refusal(-4055, "Amount must be positive.")
LESS_LEVERAGE_WHILE_ISOLATED = Refusal(
    -4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions"
)
MODE_AS_IT_IS = Refusal(-4059, "No need to change position side.")
MODE_WITH_ORDERS = Refusal(-4067, "Position side cannot be changed if there exists open orders.")
MODE_WITH_POSITION = Refusal(-4068, "Position side cannot be changed if there exists position.")
USE_ALGO_ENDPOINT = Refusal(
    -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
)
BAD_CALLBACK_RATE = Refusal(-2007, "Invalid callBack rate.")  # clients' reports
BAD_BATCH_SIZE = Refusal(-4082, "Invalid number of batch place orders.")  # fapi error codes
TOO_MANY_STOPS = Refusal(-4045, "Reach max stop order limit.")
ALREADY_CLOSING = Refusal(
    -4130, "An open stop or take profit order with GTE and closePosition in the direction is existing."
)
NOTIONAL_TOO_SMALL = Refusal(-4164, "Order's notional must be no smaller than 5 (unless you choose reduce only).")
POST_ONLY_REJECTED = Refusal(
    -5022, "Due to the order could not be executed as maker, the Post Only order will be rejected."
)
# The page has "Quantity less than zero."; these words came for 0 (conor19w/Binance-Futures-Trading-Bot issue 52, 2023).
QUANTITY_NOT_POSITIVE = Refusal(-4003, "Quantity less than or equal to zero.")
QUANTITY_TOO_LARGE = Refusal(-4005, "Quantity greater than max quantity.")  # fapi error codes
PRICE_NOT_POSITIVE = Refusal(-4001, "Price less than 0.")  # the same; that it is said of 0 too is an assumption
PRICE_TOO_HIGH = Refusal(-4002, "Price greater than max price.")  # the same
PRICE_OFF_TICK = Refusal(-4014, "Price not increased by tick size.")  # practice; the page was not at hand
NO_AMEND_NEEDED = Refusal(-5027, "No need to modify the order.")


def bad_depth(limit: int) -> Refusal:
    """Return the refusal of a depth that there is none of (fapi error codes)."""
    return Refusal(-4021, f"{limit} is not valid depth limit.")


def price_above(highest: Decimal, *, of_stop: bool) -> Refusal:
    """Return the refusal of a buy above PERCENT_PRICE, of the mark price or of the order's own stop (fapi error codes).

    The text as clients met it: "Limit price can't be higher than 0.7720058."
    """
    return Refusal(-4183 if of_stop else -4016, f"Limit price can't be higher than {trimmed(highest)}.")


def price_below(lowest: Decimal, *, of_stop: bool) -> Refusal:
    """Return the refusal of a sell below it."""
    return Refusal(-4184 if of_stop else -4024, f"Limit price can't be lower than {trimmed(lowest)}.")


def bad_leverage(leverage: int) -> Refusal:
    """Return -4028; its text is an assumption."""
    return Refusal(-4028, f"Leverage {leverage} is not valid")


def missing(name: str) -> Refusal:
    """Return the refusal of a mandatory parameter that is absent, empty or unreadable."""
    return Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def missing_both(first: str, second: str) -> Refusal:
    """Return the refusal of a request that sends neither of two parameters, one of which is needed."""
    return Refusal(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def too_large(name: str, limit: str) -> Refusal:
    """Return the refusal of a value above its limit (the words today's error page has for `recvWindow` over 60000)."""
    return Refusal(-1102, f"'{name}' contains unexpected value. Cannot be greater than {limit}.")


def illegal(name: str, legal_range: str) -> Refusal:
    """Return the refusal of a value with characters outside its range."""
    return Refusal(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal_range}'.")


def not_valid(name: str) -> Refusal:
    """Return the refusal of a value that is none of those allowed."""
    return Refusal(-1130, f"Data sent for parameter '{name}' is not valid.")


def unread(read: int, sent: int) -> Refusal:
    """Return the refusal of a request with parameters the call does not know."""
    return Refusal(-1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.")


def too_many_parameters(taken: int, sent: int) -> Refusal:
    """Return the refusal of a REST request that sends more parameters than the call has, whatever their names.

    So clients met it: order queries expected '6' and received '8' (binance-api-postman issue 236, 2025), klines '5' and
    '6', a listen key that was signed '0' and '3'; with no more than there are an unknown one is -1104. On the WebSocket
    API one parameter to a call that takes none was -1104 (binance-connector-js issue 318). That USD-M counts as spot
    does is an assumption.
    """
    return Refusal(-1101, f"Too many parameters; expected '{taken}' and received '{sent}'.")


def not_required(name: str) -> Refusal:
    """Return the refusal of a parameter the order type does not take."""
    return Refusal(-1106, f"Parameter '{name}' sent when not required.")


def too_precise(name: str) -> Refusal:
    """Return the refusal of a number with more decimals than the asset has."""
    return Refusal(-1111, f"Parameter '{name}' has too much precision.")


def span_too_long(hours: int) -> Refusal:
    """Return the refusal of a listing over too long a time."""
    return Refusal(-1127, f"More than {hours} hours between startTime and endTime.")


def filter_failure(name: str) -> Refusal:
    """Return the refusal by one of the symbol's filters."""
    return Refusal(-1013, f"Filter failure: {name}")


def too_many_orders(limit: int, interval: str, now_ms: int, retry_at_ms: int) -> Refusal:
    """Return the refusal of an order above the account's order rate; it says when to come back, as any 429 does."""
    seconds = max(1, -(-(retry_at_ms - now_ms) // 1000))
    return Refusal(
        -1015,
        f"Too many new orders; current limit is {limit} orders per {interval}.",
        status=429,
        data={"serverTime": now_ms, "retryAfter": retry_at_ms},
        headers=(("Retry-After", str(seconds)),),
    )


def too_many_requests(limit: int, now_ms: int, retry_at_ms: int) -> Refusal:
    """Return the 429 of too many requests, whatever they weigh; the words are those that clients met since 2018."""
    seconds = max(1, -(-(retry_at_ms - now_ms) // 1000))
    return Refusal(
        -1003,
        f"Too many requests; current limit is {limit} requests per 5 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
        status=429,
        headers=(("Retry-After", str(seconds)),),
    )


def too_many_connections(limit: int, now_ms: int, retry_at_ms: int) -> Refusal:
    """Return the refusal of a handshake: the words are the error page's; that it has status 429 is an assumption."""
    seconds = max(1, -(-(retry_at_ms - now_ms) // 1000))
    return Refusal(
        -1034,
        f"Too many connection attempts from IP; current limit is {limit} per '5 MINUTE'.",
        status=429,
        headers=(("Retry-After", str(seconds)),),
    )


def too_much_weight(limit: int, now_ms: int, retry_at_ms: int) -> Refusal:
    """Return the 429 of too much request weight.

    REST says in the header `Retry-After` how many *seconds* to wait, the WebSocket API in `retryAfter` until which
    *epoch in milliseconds* (spot docs `web-socket-api.md`, 2026-07).
    """
    seconds = max(1, -(-(retry_at_ms - now_ms) // 1000))
    return Refusal(
        -1003,
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
        status=429,
        data={"serverTime": now_ms, "retryAfter": retry_at_ms},
        headers=(("Retry-After", str(seconds)),),
    )


def banned(now_ms: int, until_ms: int) -> Refusal:
    """Return the 418 of an address that went on asking after 429."""
    seconds = max(1, -(-(until_ms - now_ms) // 1000))
    return Refusal(
        -1003,
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        status=418,
        data={"serverTime": now_ms, "retryAfter": until_ms},
        headers=(("Retry-After", str(seconds)),),
    )
