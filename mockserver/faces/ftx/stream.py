"""FTX's WebSocket: login, subscriptions, keep-alive, and the events that go out on one connection.

One URL carries the public and the private channels. Kept as FTX did it: a good login gets no answer; errors name
neither channel nor market; the private channels send no snapshot, their acknowledgement has no `market` and neither
have their messages. A failed login leaves the connection open (no client shows otherwise). What it does not do: render
orders (`render.py`) or the public channels' data (`public.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import attrs

from mockserver.engine.types import Event
from mockserver.faces.base import Close, Session, Text
from mockserver.faces.ftx import auth, errors, public, render
from mockserver.faces.ftx.markets import MARKETS
from mockserver.faces.ftx.wire import Json, JsonStyle, dumps, loads

if TYPE_CHECKING:
    from mockserver.clock import Timer
    from mockserver.exchange import Account, Exchange
    from mockserver.link import Link

PRIVATE: Final = frozenset({"orders", "fills", "ftxpay"})
INSTRUMENTS: Final = {name: market.instrument for name, market in MARKETS.items()}
MAX_SUBSCRIPTIONS: Final = len(PRIVATE) + len(public.PER_MARKET) * len(MARKETS) + 1
RESTARTING: Final = "The server is restarting, please reconnect"  # invented: only its code 20001 is known
NS_PER_MS: Final = 1_000_000
OF_BINANCE: Final = "this is FTX, and that a message of Binance's: say /binance-spot/ws or /binance-futures/ws"

WsError = tuple[int, str]


@attrs.frozen(slots=True)
class Login:
    """Who a connection is: the account whose key it was and the ledger (main or subaccount) it hears."""

    account: str
    ledger: str


class FtxSession(Session):
    """The protocol state of one connection."""

    def __init__(self, exchange: Exchange, link: Link) -> None:
        self._exchange = exchange
        self._link = link
        self._login: Login | None = None
        self._private: set[str] = set()  # bounded: PRIVATE
        self._public: dict[tuple[str, str | None], public.Feed] = {}  # bounded: MAX_SUBSCRIPTIONS, valid ones only
        self._chance = exchange.random(f"interleaving of connection {link.id}")
        self._idle: Timer | None = None
        self._warned = False

    @property
    def accounts(self) -> frozenset[tuple[str, str, str]]:
        """The ledger, once orders or fills are subscribed: either channel lets a client see something."""
        if self._login is None or not self._private & {"orders", "fills"}:
            return frozenset()
        return frozenset({(self._exchange.world.name, self._exchange.venue, self._login.ledger)})

    @property
    def logged_in_as(self) -> str | None:
        """The name of the account, None before login."""
        return None if self._login is None else self._login.account

    def opened(self) -> None:
        """FTX did not greet; hear the public events of this exchange, and mind idle clients if told to."""
        self._link.join(self._exchange)
        self._watch_idle()

    def closed(self) -> None:
        """Nothing to tell anybody."""
        if self._idle is not None:
            self._idle.cancel()

    def receive(self, frame: str | bytes) -> None:
        """One message of the client; whatever is wrong with it is answered with an error, the connection stays."""
        try:
            message = loads(frame)
        except ValueError:
            self._refuse(errors.WS_INVALID_REQUEST)
            return
        if not isinstance(message, Mapping):
            self._refuse(errors.WS_INVALID_REQUEST)
            return
        match message.get("op"):
            case "ping":
                self._answer({"type": "pong"})
            case "login":
                self._log_in(message.get("args"))
            case "subscribe":
                self._subscribe(*_topic(message))
            case "unsubscribe":
                self._unsubscribe(*_topic(message))
            case _:
                self._warn_of(message)
                self._refuse(errors.WS_INVALID_REQUEST)

    def _warn_of(self, message: Mapping[str, Json]) -> None:
        """Tell the journal, once, of a client that meant Binance: their paths are one, if nobody says whose it is."""
        if "method" in message and not self._warned:
            self._warned = True
            self._link.warn(OF_BINANCE)

    def on_events(self, exchange: Exchange, events: Sequence[Event]) -> None:
        """Tell what one command did: own orders and fills in the order the settings say, then the public channels."""
        if self._login is not None and self._private:
            self._tell_private(events, self._login.ledger)
        for feed in self._public.values():
            for message in feed.on_events(events):
                self._tell(message)

    def restart_notice(self, *, close: bool) -> None:
        """`info` 20001: "when our servers restart, you may see … code 20001. If you do, please reconnect" (docs)."""
        self._tell({"type": "info", "code": 20001, "msg": RESTARTING})
        if close:
            self._link.push(Close(1001, ""))

    # -- login ----------------------------------------------------------------------------------------------------

    def _log_in(self, args: Json) -> None:
        if self._login is not None:
            self._refuse(errors.WS_ALREADY_LOGGED_IN)
            return
        found = self._authenticate(args) if isinstance(args, Mapping) else None
        if found is None:
            self._refuse(errors.WS_INVALID_LOGIN)
            return
        exchange, account, ledger = found
        self._login = Login(account.name, ledger)
        if exchange is not self._exchange:
            self._move(exchange)

    def _authenticate(self, args: Mapping[str, Json]) -> tuple[Exchange, Account, str] | None:
        key, sign, time_ms, subaccount = (args.get(name) for name in ("key", "sign", "time", "subaccount"))
        if not isinstance(key, str) or not isinstance(sign, str) or not isinstance(time_ms, int):
            return None
        found = self._exchange.caller(key)
        if found is None or found[1].revoked or not auth.in_window(time_ms, found[0].now_ns):
            return None
        exchange, account = found
        if not (account.believed or auth.same(auth.signature(account.secret, auth.login_payload(time_ms)), sign)):
            return None
        ledger = _ledger(account, subaccount)
        return None if ledger is None else (exchange, account, ledger)

    def _move(self, exchange: Exchange) -> None:
        """The key belongs to another world: from now on everything on this connection is of that world."""
        self._link.leave(self._exchange)
        self._exchange = exchange
        self._link.join(exchange)
        for topic in self._public:
            self._public[topic] = self._feed(*topic)
            for message in self._public[topic].first():
                self._tell(message)

    # -- subscriptions --------------------------------------------------------------------------------------------

    def _subscribe(self, channel: str, market: str | None) -> None:
        if channel in PRIVATE:
            self._subscribe_private(channel)
            return
        problem = _unknown_topic(channel, market)
        if problem is not None:
            self._refuse(problem)
            return
        if channel == "markets":
            market = None
        if (channel, market) in self._public:
            self._refuse(errors.WS_ALREADY_SUBSCRIBED)
            return
        feed = self._public[channel, market] = self._feed(channel, market)
        self._acknowledge("subscribed", channel, market)
        for message in feed.first():
            self._tell(message)

    def _subscribe_private(self, channel: str) -> None:
        if self._login is None:
            self._refuse(errors.WS_NOT_LOGGED_IN)
        elif channel in self._private:
            self._refuse(errors.WS_ALREADY_SUBSCRIBED)
        else:
            self._private.add(channel)
            self._acknowledge("subscribed", channel, None)

    def _unsubscribe(self, channel: str, market: str | None) -> None:
        if channel in self._private:
            self._private.remove(channel)
            self._acknowledge("unsubscribed", channel, None)
        elif self._public.pop((channel, None if channel == "markets" else market), None) is not None:
            self._acknowledge("unsubscribed", channel, market)
        else:
            self._refuse(errors.WS_NOT_SUBSCRIBED)

    def _feed(self, channel: str, market: str | None) -> public.Feed:
        return public.feed(self._exchange, channel, market)

    # -- saying things --------------------------------------------------------------------------------------------

    def _tell_private(self, events: Sequence[Event], ledger: str) -> None:
        own = render.own_order_events(events, ledger)
        if not own:
            return
        orders = self._updates("orders", render.order_messages(own, INSTRUMENTS))
        fills = self._updates("fills", render.fill_messages(own, INSTRUMENTS))
        how = str(self._exchange.settings.options["interleaving"])
        for text in render.interleave(orders, fills, how, self._chance):
            self._link.tell(text)

    def _updates(self, channel: str, rows: list[dict[str, Json]]) -> list[str]:
        if channel not in self._private:
            return []
        style = self._style
        return [dumps({"channel": channel, "type": "update", "data": row}, style) for row in rows]

    @property
    def _style(self) -> JsonStyle:
        return style_of(self._exchange)

    def _tell(self, message: Mapping[str, Json]) -> None:
        self._link.tell(dumps(message, self._style), market=True)

    def _answer(self, message: Mapping[str, Json]) -> None:
        self._link.push(Text(dumps(message, self._style)))

    def _refuse(self, error: WsError) -> None:
        self._answer({"type": "error", "code": error[0], "msg": error[1]})

    def _acknowledge(self, kind: str, channel: str, market: str | None) -> None:
        message: dict[str, Json] = {"type": kind, "channel": channel}
        self._answer(message if market is None else {**message, "market": market})

    # -- idle clients ---------------------------------------------------------------------------------------------

    def _watch_idle(self) -> None:
        """Close a client that has said nothing for so long; off by default, since FTX's own limit is not known."""
        limit_ns = int(self._exchange.settings.options["idle_limit_ms"] or 0) * NS_PER_MS
        if limit_ns <= 0:
            return
        clock, name = self._link.home.clock, f"idle limit of connection {self._link.id}"
        left_ns = limit_ns - self._link.quiet_ns
        if left_ns <= 0:
            self._link.push(Close(1001, ""))
        else:
            self._idle = clock.after(left_ns, name, self._watch_idle, link=self._link.id)


def style_of(exchange: Exchange) -> JsonStyle:
    """How this exchange's JSON looks at the moment."""
    options = exchange.settings.options
    return JsonStyle(compact=bool(options["compact"]), exponents=bool(options["exponents"]))


def _topic(message: Mapping[str, Json]) -> tuple[str, str | None]:
    """Channel and market; clients send the market of a private channel as "" or null, which says nothing."""
    channel, market = message.get("channel"), message.get("market")
    return channel if isinstance(channel, str) else "", market if isinstance(market, str) and market else None


def _unknown_topic(channel: str, market: str | None) -> WsError | None:
    if channel == "markets":
        return None
    if channel not in public.PER_MARKET or market is None:
        return errors.WS_INVALID_REQUEST
    return None if market in MARKETS else (404, f"No such market: {market}")


def _ledger(account: Account, subaccount: Json) -> str | None:
    """The ledger of a login's `subaccount`, sent as it is or percent-encoded: clients did both."""
    if subaccount is None or subaccount == "":
        return account.ledger()
    if not isinstance(subaccount, str):
        return None
    return account.ledger(subaccount) or account.ledger(unquote(subaccount))
