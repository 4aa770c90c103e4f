"""A small bot for Binance spot and futures that does everything right, and may be told to do one thing wrong.

Each flaw is a switch of a few lines; `FLAWS` says what is wrong with it. The bot reports what it hears as the mock
wants it (`report`), so a scenario can judge it. It is as small as a bot can be that loses nothing, and no model.

As a program it is `python -m tests.scenarios [--flaw NAME] [--do place]`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

import attrs
import trio

from .wire import Answer, Lost, Socket, ask

FLAWS: Final = {
    "no_lookback": "does not ask what happened while it was away",
    "no_audit": "believes that a socket which is up tells everything",
    "no_watchdog": "waits forever for a connection that gives no sign of life",
    "hammers": "dials again at once, again and again",
    "gives_up": "ends its stream when the connection ends",
    "deaf_until_ack": "begins to listen a moment after the subscription was acknowledged",
    "unknown_dropped": "leaves out events of orders whose placing was not answered yet",
    "answer_wins": "believes an answer by REST more than the events that came before it",
    "resends": "places the order again when nobody knows whether it was placed",
    "retries_rejects": "places an order that was rejected again and again",
    "ignores_ban": "goes on asking when it is told to wait",
    "no_keepalive": "does not renew its listen key",
    "ignores_expiry": "goes on listening on a key that has expired",
    "keeps_old_key": "does not notice that it was given another key",
    "ignores_notice": "does not dial anew when the server says that it will go",
    "no_dedup": "reports what it hears on two connections twice",
    "small_queue": "drops events when more than five wait",
    "assumes_canceled": "takes an order whose cancel was refused for cancelled",
    "ids_forever": "takes a trade id that it has seen for a trade that it has seen, also after the venue was wiped",
    "no_clock": "signs by its own clock, whatever the venue's is",
    "assumes_placed": "takes an order for placed when nobody knows whether it was",
    "places_deaf": "places its order before it listens",
    "trusts_200": "takes any answer that it can read for the whole truth",
    "chokes": "stops at an answer that is no JSON",
}
BLIND: Final = ("no_audit", "no_lookback", "no_watchdog", "gives_up", "ignores_expiry", "small_queue")
"""Bots of these flaws believe the stream, and do not audit it."""
FINAL: Final = ("filled", "canceled", "expired", "rejected")
AUDIT_EVERY: Final = 20.0
LIFELESS: Final = {"binance-spot": 50.0, "binance-futures": 400.0, "ftx": 30.0}
KEEPALIVE: Final = 1_800.0
FIRST_RETRY, LONGEST_RETRY = 0.2, 5.0
WORDS: Final = {"EXPIRED_IN_MATCH": "expired"}

Row = dict[str, Any]


class Refused(Exception):
    """The venue said no."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code


class Unknown(Exception):
    """Nobody knows whether the request was done."""


@attrs.define(eq=False)
class Bot:
    """One account, one symbol. `do` is what it does beside listening: nothing, `place`, `cancel`, `maker`."""

    http: str
    ws: str
    key: str
    secret: str
    venue: str
    symbol: str
    report: Callable[[Row], None]
    now_ms: Callable[[], int]
    do: str = ""
    flaw: str = ""
    price: str = "90"
    offset_ms: int = 0
    seen: set[tuple[Any, ...]] = attrs.field(factory=set)
    states: dict[str, tuple[str, str]] = attrs.field(factory=dict)
    mine: set[str] = attrs.field(factory=set)
    banned_until: float = 0.0
    listen_key: str = ""
    sockets: int = 0
    placed: bool = False
    dials: Any = attrs.field(factory=lambda: trio.open_memory_channel[str](100))
    newer: trio.Event = attrs.field(factory=trio.Event)
    """Set when another stream begins."""
    subscribed: trio.Event = attrs.field(factory=trio.Event)

    # -- running --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._streams, nursery)
            nursery.start_soon(self._audit)
            if self.futures:
                nursery.start_soon(self._keep_key)
            if self.do:
                nursery.start_soon(self._trade)

    @property
    def futures(self) -> bool:
        return self.venue == "binance-futures"

    @property
    def base(self) -> str:
        return "/fapi/v1" if self.futures else "/api/v3"

    async def _streams(self, nursery: trio.Nursery) -> None:
        """One stream after another, beside each other while one takes over; a word in the channel asks for one."""
        self.dial("start")
        async for _ in self.dials[1]:
            nursery.start_soon(self._stream)

    def dial(self, why: str) -> None:
        self.dials[0].send_nowait(why)

    async def _stream(self) -> None:
        self.sockets += 1
        self.newer.set()
        self.newer = trio.Event()
        mine, told = self.sockets, False
        retry = FIRST_RETRY
        while mine == self.sockets or not told:
            try:
                with trio.CancelScope() as scope:
                    await self._one_stream(mine, scope)
            except (Lost, Refused, Unknown, ValueError):
                if self.flaw == "gives_up":
                    return
            if mine != self.sockets:
                return
            told = True
            await trio.sleep(0.05 if self.flaw == "hammers" else retry)
            retry = min(2 * retry, LONGEST_RETRY)

    async def _one_stream(self, number: int, scope: trio.CancelScope) -> None:
        socket = await Socket.dial(await self._url())
        waiting: list[Row] = []
        ready = trio.Event()

        def take(text: str) -> None:
            message = json.loads(text)
            event = message.get("event", message.get("data", message))
            if self._acknowledges(message):
                ready.set()
            elif self.flaw == "deaf_until_ack" and not self.subscribed.is_set():
                return
            elif self.flaw == "small_queue":
                waiting.append(event) if len(waiting) < 5 else None
            else:
                self._heard(event)

        async def drain() -> None:
            while True:
                await trio.sleep(0.05)
                while waiting:
                    self._heard(waiting.pop(0))

        async def start() -> None:
            requests = self._subscriptions()
            ready.set() if not requests else None
            for request in requests:
                await socket.send(json.dumps(request))
            await ready.wait()
            if self.flaw == "deaf_until_ack":
                await trio.sleep(0.05)
            self.subscribed.set()
            if self.flaw != "deaf_until_ack":
                await self._lookback()

        async def watch() -> None:
            while self.flaw != "no_watchdog":
                await trio.sleep(5)  # virtual: only used under MockClock
                if self.venue == "ftx":  # where it is the client that pings
                    await socket.send('{"op":"ping"}')
                if trio.current_time() - socket.last_life > LIFELESS[self.venue]:
                    raise Lost("no sign of life")

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(start)
                if self.flaw == "small_queue":
                    nursery.start_soon(drain)
                nursery.start_soon(watch)
                nursery.start_soon(self._retire, number, scope)
                await socket.read(take)
        except* (Lost, Refused, Unknown, ValueError) as errors:
            raise Lost(str(errors.exceptions)) from None
        finally:
            with trio.move_on_after(1, shield=True):
                await socket.close()

    async def _retire(self, number: int, scope: trio.CancelScope) -> None:
        """End this connection a while after another one has taken over."""
        if self.sockets == number:
            await self.newer.wait()
        await trio.sleep(2)  # virtual: only used under MockClock
        scope.cancel()

    async def _url(self) -> str:
        if not self.futures:
            await self._learn_clock()
            return f"{self.ws}/ws-api/v3"
        row = await self.call("POST", "/fapi/v1/listenKey", signed=False)
        self.listen_key = row["listenKey"]
        return f"{self.ws}/private/ws?listenKey={self.listen_key}"

    def _acknowledges(self, message: Row) -> bool:
        """Whether this is the answer to the subscription. Lost: it was refused."""
        if "status" in message and message["status"] != 200:
            raise Lost(f"refused: {message}")
        return "status" in message and "id" in message

    def _subscriptions(self) -> list[Row]:
        if self.futures:
            return []
        params = {"apiKey": self.key, "timestamp": self._now()}
        params["signature"] = self._sign("&".join(f"{k}={v}" for k, v in sorted(params.items())))
        return [{"id": 1, "method": "userDataStream.subscribe.signature", "params": params}]

    # -- what is heard --------------------------------------------------------------------------------------------

    def _heard(self, event: Row) -> None:
        match event.get("e"):
            case "executionReport":
                self._update(event, event["C"] or event["c"])
            case "ORDER_TRADE_UPDATE":
                self._update(event["o"] | {"T": event["T"]}, event["o"]["c"])
            case "listenKeyExpired" | "eventStreamTerminated" if self.flaw != "ignores_expiry":
                self.dial("expired")
            case "serverShutdown" if self.flaw != "ignores_notice":
                self.dial("shutdown")
            case _:
                pass

    def _update(self, report: Row, client_id: str) -> None:
        if self.flaw == "unknown_dropped" and client_id not in self.mine:
            return
        if report["x"] == "TRADE":
            self._fill(report["i"], report["t"], report["L"], report["l"], report["T"], recovered=False)
        self._order(report["i"], report["X"], report["z"], recovered=False)

    def _fill(self, order: int, trade: int, price: str, quantity: str, time_ms: int, *, recovered: bool) -> None:
        key: tuple[Any, ...] = (trade,) if self.flaw == "ids_forever" else (trade, time_ms)
        if key in self.seen and not (self.flaw == "no_dedup" and not recovered):
            return
        self.seen.add(key)
        told = {"event": "fill", "symbol": self.symbol, "order_id": str(order), "trade_id": str(trade)}
        self.report(told | {"price": price, "quantity": quantity, "time_ns": time_ms * 10**6, "recovered": recovered})

    def _order(self, order: int, status: str, filled: str, *, recovered: bool) -> None:
        """Tell a state, unless one that is further on was told before."""
        word = WORDS.get(status, status.lower())
        before = self.states.get(str(order), ("", "-1"))
        behind = before[0] in FINAL or float(filled) < float(before[1]) or (word, filled) == before
        if behind and not (self.flaw == "answer_wins" and recovered and (word, filled) != before):
            return
        self.states[str(order)] = (word, filled)
        told = {"event": "order_update", "symbol": self.symbol, "order_id": str(order), "status": word}
        self.report(told | {"filled_quantity": filled, "recovered": recovered})

    # -- asking ---------------------------------------------------------------------------------------------------

    async def _lookback(self) -> None:
        while self.flaw != "no_lookback" and not await self._ask_all():  # noqa: ASYNC110 (for the venue)
            await trio.sleep(FIRST_RETRY)

    async def _audit(self) -> None:
        """Ask now and then all the same; what the stream should have told long ago says that it is deaf."""
        while self.flaw not in BLIND:
            await trio.sleep(AUDIT_EVERY)
            known = len(self.seen)
            if await self._ask_all() and len(self.seen) > known:
                self.dial("deaf")

    async def _ask_all(self) -> bool:
        try:
            await self._look_once()
        except (Lost, Refused, Unknown, ValueError, KeyError, TypeError):
            if self.flaw == "chokes":
                await trio.sleep_forever()
            return self.flaw == "trusts_200"
        return True

    async def _look_once(self) -> None:
        trades = await self.call("GET", f"{self.base}/{'userTrades' if self.futures else 'myTrades'}")
        for row in trades:
            self._fill(row["orderId"], row["id"], row["price"], row["qty"], row["time"], recovered=True)
        for row in await self.call("GET", f"{self.base}/allOrders"):
            self._order(row["orderId"], row["status"], row["executedQty"], recovered=True)

    async def _keep_key(self) -> None:
        while self.flaw != "no_keepalive":
            await trio.sleep(KEEPALIVE)
            try:
                row = await self.call("PUT", "/fapi/v1/listenKey", signed=False)
            except (Lost, Refused, Unknown, ValueError):
                continue
            if self.flaw != "keeps_old_key" and row.get("listenKey", self.listen_key) != self.listen_key:
                self.dial("another key")

    async def call(self, method: str, path: str, *, signed: bool = True, **params: Any) -> Any:
        """One request. Refused: the venue said no. Unknown: it may have been done. Lost: it may have been done."""
        if self.flaw != "ignores_ban":
            await trio.sleep_until(self.banned_until)
        if signed:
            params = {"symbol": self.symbol, **params, "timestamp": self._now(), "recvWindow": 5000}
            params["signature"] = self._sign(urlencode(params))
        query = f"?{urlencode(params)}" if params else ""
        answer = await ask(method, f"{self.http}{path}{query}", {"X-MBX-APIKEY": self.key})
        return await self._read(answer)

    async def _read(self, answer: Answer) -> Any:
        if answer.status in (418, 429):
            self.banned_until = trio.current_time() + answer.retry_after
            raise Lost("banned")
        if answer.status >= 500:
            raise Unknown(f"{answer.status}")
        if self.flaw == "trusts_200" and answer.body.count(b"{") > answer.body.count(b"}"):
            return []
        row = json.loads(answer.body)
        if answer.status >= 400:
            if row["code"] == -1021:
                await self._learn_clock()
            raise Refused(row["code"], row["msg"])
        return row

    async def _learn_clock(self) -> None:
        if self.flaw != "no_clock":
            row = await self.call("GET", f"{self.base}/time", signed=False)
            self.offset_ms = row["serverTime"] - self.now_ms()

    def _now(self) -> int:
        return self.now_ms() + self.offset_ms

    def _sign(self, text: str) -> str:
        return hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    # -- trading --------------------------------------------------------------------------------------------------

    async def _trade(self) -> None:
        if self.flaw != "places_deaf":
            await self.subscribed.wait()
        kind = {"type": "LIMIT_MAKER"} if self.do == "maker" else {"type": "LIMIT", "timeInForce": "GTC"}
        await self._place("bot-1", kind)
        if self.do == "cancel":
            await trio.sleep(0.2)
            await self._cancel("bot-1")

    async def _place(self, client_id: str, kind: Row) -> None:
        self.mine.add(client_id) if self.flaw != "unknown_dropped" else None
        turn = 0
        while not self.placed:
            turn += 1
            name = f"{client_id}-{turn}" if self.flaw == "resends" else client_id
            terms: Row = {"side": "BUY", "quantity": "0.5", "price": self.price, "newClientOrderId": name}
            try:
                row = await self.call("POST", f"{self.base}/order", **terms, **kind)
            except Refused:
                if self.flaw != "retries_rejects":
                    return
                await trio.sleep(0.01)
            except (Unknown, Lost, ValueError):
                self.placed = self.flaw == "assumes_placed" or (
                    self.flaw != "resends" and await self._is_there(client_id)
                )
            else:
                self.placed = True
                self.mine.add(client_id)
                self._order(row["orderId"], row["status"], row["executedQty"], recovered=True)

    async def _is_there(self, client_id: str) -> bool:
        """Whether the order exists; asked until somebody knows. Late acceptance is waited for."""
        for _ in range(10):
            await trio.sleep(0.5)  # virtual: only used under MockClock
            try:
                row = await self.call("GET", f"{self.base}/order", origClientOrderId=client_id)
            except (Refused, Unknown, Lost, ValueError):
                continue
            self._order(row["orderId"], row["status"], row["executedQty"], recovered=True)
            return True
        return False

    async def _cancel(self, client_id: str) -> None:
        try:
            row = await self.call("DELETE", f"{self.base}/order", origClientOrderId=client_id)
        except Refused:
            if self.flaw == "assumes_canceled":
                number = next(iter(self.states))
                self.states[number] = ("", "-1")
                self._order(int(number), "CANCELED", "0", recovered=True)
            else:
                await self._is_there(client_id)
        except (Unknown, Lost, ValueError):
            await self._is_there(client_id)
        else:
            self._order(row["orderId"], row["status"], row["executedQty"], recovered=True)
