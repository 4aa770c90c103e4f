"""One REST call of FTX: who asks, what was sent, and the envelope of the answer.

Success is `{"success":true,"result":…}`, histories add `hasMoreData`; failure is `{"success":false,"error":…}` with a
status. What it does not do: the calls themselves (`orders.py`, `history.py`, `wallet.py`, `markets.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import parse_qsl

import attrs

from mockserver.faces.base import HttpRequest, HttpResponse
from mockserver.faces.ftx import auth, errors
from mockserver.faces.ftx.errors import Refusal
from mockserver.faces.ftx.markets import MARKETS, Market
from mockserver.faces.ftx.wire import Json, JsonStyle, decimal, dumps, loads, microseconds

if TYPE_CHECKING:
    from mockserver.exchange import Account, Exchange

MAX_PARAMETERS: Final = 100
NS_PER_US: Final = 1_000


class RefusedError(Exception):
    """Ends a call with one of FTX's errors."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


def refuse(refusal: Refusal) -> NoReturn:
    """End the call with this error."""
    raise RefusedError(refusal)


@attrs.frozen(slots=True)
class Result:
    """What a call answers; ``more`` is `hasMoreData`, None where FTX did not give it."""

    result: Json
    more: bool | None = None


@attrs.frozen(slots=True)
class Sender:
    """Who a request comes from, proven by its signature: the key's account and the ledger it acts on."""

    account: Account
    ledger: str


@attrs.frozen(slots=True)
class Call:
    """One request to one exchange; public calls have no sender."""

    exchange: Exchange
    request: HttpRequest
    sender: Sender | None = None

    @property
    def ledger(self) -> str:
        """The engine account of a private call."""
        assert self.sender is not None  # the router demands a signature for every call that asks this
        return self.sender.ledger

    # -- query ----------------------------------------------------------------------------------------------------

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, decoded; of two with one name the last counts."""
        try:
            return dict(parse_qsl(self.request.query, max_num_fields=MAX_PARAMETERS))
        except ValueError:
            refuse(errors.invalid("query"))

    def time_range(self) -> tuple[int | None, int | None]:
        """`start_time` and `end_time` as nanoseconds, both ends belonging to the range (pagination docs, 2022).

        A row's time is printed to the microsecond, so a bound means that whole microsecond.
        """
        start, end = self._time("start_time"), self._time("end_time")
        return (
            None if start is None else start * NS_PER_US,
            None if end is None else end * NS_PER_US + NS_PER_US - 1,
        )

    def _time(self, name: str) -> int | None:
        text = self.query.get(name)
        if text is None:
            return None
        time_us = microseconds(text)
        return refuse(errors.invalid(name)) if time_us is None else time_us

    def whole(self, name: str) -> int | None:
        """A parameter that is a whole number above zero, None when it is not there."""
        text = self.query.get(name)
        if text is None:
            return None
        value = decimal(text)
        if value is None or value < 1 or value != value.to_integral_value():
            refuse(errors.invalid(name))
        return int(value)

    def one_of(self, name: str, words: tuple[str, ...]) -> str | None:
        """A parameter out of a few words, None when it is not there."""
        text = self.query.get(name)
        return text if text is None or text in words else refuse(errors.invalid(name))

    def market_filter(self) -> str | None:
        """The `market` parameter, None when all are meant."""
        name = self.query.get("market")
        return market(name).name if name else None

    # -- body -----------------------------------------------------------------------------------------------------

    def body(self) -> Mapping[str, Json]:
        """The JSON object that was sent; an empty body is an empty object."""
        try:
            parsed = loads(self.request.body) if self.request.body else {}
        except ValueError:
            refuse(errors.INVALID_BODY)
        return parsed if isinstance(parsed, Mapping) else refuse(errors.INVALID_BODY)


def market(name: str) -> Market:
    """The market of this name, or FTX's refusal."""
    found = MARKETS.get(name)
    return refuse(errors.no_such_market(name)) if found is None else found


def text_field(body: Mapping[str, Json], name: str) -> str:
    """A field that must be there and be text."""
    value = body.get(name)
    if value is None:
        refuse(errors.missing(name))
    return value if isinstance(value, str) else refuse(errors.invalid(name))


def flag(body: Mapping[str, Json], name: str) -> bool:
    """A field that is false unless it is sent; null counts as not sent."""
    value = body.get(name)
    return bool(value) if value is None or isinstance(value, bool) else refuse(errors.invalid(name))


def amount(body: Mapping[str, Json], name: str) -> Decimal | None:
    """A field that is a number, None when it is null or not there."""
    value = body.get(name)
    if value is None:
        return None
    number = decimal(value)
    return refuse(errors.invalid(name)) if number is None else number


def prove(exchange: Exchange, request: HttpRequest) -> Sender:
    """Check key, time and signature in this order; any of them wrong ends the call with 401."""
    given = auth.credentials({name.lower(): value for name, value in request.headers})
    if given is None:
        refuse(errors.NOT_LOGGED_IN)
    found = exchange.caller(given.key)
    if found is None or found[1].revoked or found[0] is not exchange:
        refuse(errors.INVALID_KEY)
    account = found[1]
    time_ms = auth.timestamp_ms(given.timestamp)
    if time_ms is None or not auth.in_window(time_ms, exchange.told_ns):
        refuse(errors.TIMESTAMP_TOO_FAR)
    payload = auth.rest_payload(given.timestamp, request.method, request.target, request.body)
    if not (account.believed or auth.same(auth.signature(account.secret, payload), given.sign)):
        refuse(errors.INVALID_SIGNATURE)
    ledger = account.ledger(given.subaccount)
    return refuse(errors.NO_SUCH_SUBACCOUNT) if ledger is None else Sender(account, ledger)


def success(result: Result, style: JsonStyle) -> HttpResponse:
    """The envelope of a good answer."""
    envelope: dict[str, Json] = {"success": True, "result": result.result}
    if result.more is not None:
        envelope["hasMoreData"] = result.more
    return HttpResponse.json(dumps(envelope, style))


def failure(refusal: Refusal, style: JsonStyle) -> HttpResponse:
    """The envelope of an error."""
    envelope: dict[str, Json] = {"success": False, "error": refusal.text}
    if refusal.code is not None:
        envelope["errorCode"] = refusal.code
    return HttpResponse.json(dumps(envelope, style), status=refusal.status)
