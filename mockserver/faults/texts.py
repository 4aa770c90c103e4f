"""The venues' words for Binance's codes, so that an error that is asked for by its code reads as the venue's own.

The faces have the same words for what they refuse themselves (``mockserver.faces.*.errors``; a test compares); here one
stands for each code. FTX had no codes: it has the words for what the code means.
What this module does not do: fill in the numbers that some words hold (`refusals`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[int, str]] = {
    -1000: "An unknown error occurred while processing the request.",
    -1001: "Internal error; unable to process your request. Please try again.",
    -1006: "An unexpected response was received from the message bus. Execution status unknown.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
    -1013: "Filter failure: PRICE_FILTER",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1101: "Duplicate values for a parameter detected.",
    -1111: "Parameter 'quantity' has too much precision.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1120: "Invalid interval.",
    -1121: "Invalid symbol.",
    -1125: "This listenKey does not exist.",
    -1128: "Combination of optional parameters invalid.",
    -1135: "Invalid JSON Request",
    -1145: "Invalid cancelRestrictions",
    -1158: "Order type not supported in OCO.",
    -1159: "Order type not supported in OTO.",
    -1193: "WebSocket session not authenticated",
    -1194: "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
    -2007: "Invalid callBack rate.",
    -2010: "Account has insufficient balance for requested action.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2019: "Margin is insufficient.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -2026: "Order was canceled or expired with no executed qty over 90 days ago and has been archived.",
    -2028: "HMAC-SHA-256 API key is not supported",
    -2035: "User Data Stream subscription already active.",
    -2036: "User Data Stream subscription not active.",
    -2038: "The requested action would change no state; rejecting.",
    -2039: "Client order ID is not correct for this order ID.",
    -2042: "Maximum subscription ID reached for this connection.",
    -4001: "Price less than 0.",
    -4002: "Price greater than max price.",
    -4003: "Quantity less than or equal to zero.",
    -4005: "Quantity greater than max quantity.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id length should be less than 36 chars",
    -4045: "Reach max stop order limit.",
    -4046: "No need to change margin type.",
    -4047: "Margin type cannot be changed if there exists open orders.",
    -4048: "Margin type cannot be changed if there exists position.",
    -4049: "Add margin only support for isolated position.",
    -4050: "Cross balance insufficient.",
    -4051: "Isolated balance insufficient.",
    -4054: "Cannot add position margin: position is 0.",
    -4055: "Amount must be positive.",
    -4059: "No need to change position side.",
    -4060: "Invalid position side.",
    -4061: "Order's position side does not match user's setting.",
    -4067: "Position side cannot be changed if there exists open orders.",
    -4068: "Position side cannot be changed if there exists position.",
    -4082: "Invalid number of batch place orders.",
    -4108: "Symbol is on delivering or delivered or settling or closed or pre-trading.",
    -4116: "ClientOrderId is duplicated.",
    -4120: "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    -4130: "An open stop or take profit order with GTE and closePosition in the direction is existing.",
    -4161: "Leverage reduction is not supported in Isolated Margin Mode with open positions",
    -4164: "Order's notional must be no smaller than 5 (unless you choose reduce only).",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    -5027: "No need to modify the order.",
}
SPOT_TEXTS: Final[Mapping[int, str]] = {
    -2021: "Order cancel-replace partially failed.",
    -2022: "Order cancel-replace failed.",
}
"""Those of the same numbers that mean another thing on spot than on futures."""

STATUSES: Final[Mapping[int, int]] = {
    -1001: 500,
    -1003: 429,
    -1006: 500,
    -1007: 504,
    -1008: 503,
    -1015: 429,
    -2014: 401,
    -2015: 401,
}
"""The status that an error travels with, where that is not 400; that of -1001 and -1006 is assumed."""
BAN_S: Final = 120
"""How long a first ban is ("from 2 minutes to 3 days", spot docs)."""
BANNED: Final = (
    "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for live updates to avoid bans."
)
TOO_MUCH_WEIGHT: Final = (
    "Too much request weight used; current limit is {} request weight per 1 MINUTE. "
    "Please use WebSocket Streams for live updates to avoid polling the API."
)
TOO_MANY_ORDERS: Final = "Too many new orders; current limit is {} orders per 10 SECOND."

_NO_MARGIN: Final = "Account does not have enough margin for order."
_TOO_MANY: Final = "Cannot send more than 1500 requests per minute"
FTX_BY_CODE: Final[Mapping[int, str]] = {
    -1003: _TOO_MANY,
    -1006: "Order took too long to process",
    -1007: "Order took too long to process",
    -1008: "Please try again",
    -1013: "Size too small",
    -1015: "Do not send more than 2 orders on this market per 200ms",
    -1021: "Not logged in: Timestamp too far from current time",
    -1022: "Invalid Signature",
    -2010: "Not enough balances",
    -2011: "Order already closed",
    -2013: "Order not found",
    -2014: "Not logged in: Invalid API key",
    -2015: "Not logged in: Invalid API key",
    -2019: _NO_MARGIN,
    -2021: "Trigger price too high",
    -2022: "Invalid reduce-only order",
    -4164: "Size too small",
}
"""The words of -1006 to -1008 are in the exception tables of clients of 2022 alone, as are those of 500 and 503."""
FTX_BY_STATUS: Final[Mapping[int, str]] = {
    400: _NO_MARGIN,
    401: "Not logged in",
    404: "Order not found",
    429: _TOO_MANY,
    500: "Internal Error",
    503: "Please try again",
}
