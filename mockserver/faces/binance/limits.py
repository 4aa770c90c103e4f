"""Counters of request weight, requests, connections and orders, in windows that are aligned to the clock.

"Intervals are wall-clock aligned": a minute starts at :00 (spot docs `rest-api.md`, 2026-07). Weight, requests and
connections belong to an address, orders to an account; the mode `account` counts the former per key too, so that tests
side by side do not disturb each other, and `off` counts and reports but refuses nothing.
What this module does not do: know what a call weighs. Frames on a socket are counted by the socket (`streams`).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Literal, TypeVar

from attrs import define, evolve, field, frozen

from mockserver.faces.binance import errors
from mockserver.faces.binance.errors import Refusal, Refused

K = TypeVar("K", bound=Hashable)  # Python 3.11 has no other way to write it
Mode = Literal["off", "account", "ip"]
MINUTE_MS: Final = 60_000
FIVE_MINUTES_MS: Final = 5 * MINUTE_MS
SPOT_WEIGHT: Final = 6_000
FUTURES_WEIGHT: Final = 2_400
# "RAW_REQUESTS 300,000 per 5 min since 2026-04-02" (spot changelog); counts REST, whatever a request weighs.
SPOT_RAW_REQUESTS: Final = 300_000
# "300 connections per attempt every 5 minutes per IP" (spot docs); USD-M documents no such limit.
SPOT_CONNECTIONS: Final = 300
# How many requests an address may send after its first 429 of a minute before it is banned. The venue says only that
# going on after 429 leads to 418, and that bans "scale in duration for repeat offenders, from 2 minutes to 3 days"
# (spot docs `rest-api.md`); that each is twice the one before is an assumption.
STUBBORN_REQUESTS: Final = 10
BAN_MS: Final = 120_000
LONGEST_BAN_MS: Final = 3 * 86_400_000
# Counters older than their window are swept when this many are held, so that made-up keys cannot grow memory.
MAX_COUNTERS: Final = 4096


@frozen
class OrderLimit:
    """How many orders an account may have in one window: `name` ends the header, `rest_interval` is the docs' word."""

    name: str
    window_ms: int
    limit: int
    rest_interval: str
    interval_num: int


SPOT_ORDERS: Final = (
    OrderLimit("10S", 10_000, 50, "SECOND", 10),
    OrderLimit("1D", 86_400_000, 160_000, "DAY", 1),
)
FUTURES_ORDERS: Final = (
    OrderLimit("10S", 10_000, 300, "SECOND", 10),
    OrderLimit("1M", MINUTE_MS, 1_200, "MINUTE", 1),
)


@define
class _Counter:
    window: int
    count: int = 0


@define
class Limits:
    """The counters of one venue in one world.

    Invariants: a counter is for the window its number says; a ban outlives windows.
    """

    weight_limit: int
    order_limits: tuple[OrderLimit, ...]
    mode: Mode = "off"
    raw_limit: int | None = None
    """Requests in five minutes."""
    connection_limit: int | None = None
    """Attempts to open a socket in five minutes."""
    _raw: dict[str, _Counter] = field(factory=dict, init=False)  # bounded: MAX_COUNTERS, swept
    _connections: dict[str, _Counter] = field(factory=dict, init=False)  # bounded: MAX_COUNTERS, swept
    _weight: dict[str, _Counter] = field(factory=dict, init=False)  # bounded: MAX_COUNTERS, swept
    _orders: dict[tuple[str, str], _Counter] = field(factory=dict, init=False)  # bounded: MAX_COUNTERS, swept
    _stubborn: dict[str, _Counter] = field(factory=dict, init=False)  # bounded: MAX_COUNTERS, swept
    _banned_until: dict[str, int] = field(factory=dict, init=False)  # bounded: MAX_COUNTERS, swept
    _bans: dict[str, _Counter] = field(factory=dict, init=False)  # bounded: MAX_COUNTERS, swept

    def count_request(self, owner: str, now_ms: int) -> None:
        """Count a request of REST, whatever it weighs; refused with 429, after stubbornness 418."""
        self._check_ban(owner, now_ms)
        counter = _current(self._raw, owner, now_ms, FIVE_MINUTES_MS)
        counter.count += 1
        if self.mode != "off" and self.raw_limit is not None and counter.count > self.raw_limit:
            end = _window_end(now_ms, FIVE_MINUTES_MS)
            self._refuse(owner, now_ms, errors.too_many_requests(self.raw_limit, now_ms, end))

    def count_connection(self, owner: str, now_ms: int) -> None:
        """Count an attempt to open a socket; refused above the limit."""
        counter = _current(self._connections, owner, now_ms, FIVE_MINUTES_MS)
        counter.count += 1
        if self.mode != "off" and self.connection_limit is not None and counter.count > self.connection_limit:
            end = _window_end(now_ms, FIVE_MINUTES_MS)
            raise Refused(errors.too_many_connections(self.connection_limit, now_ms, end))

    def charge(self, owner: str, weight: int, now_ms: int) -> int:
        """Count a request and return the weight used in this minute; refused with 429, after stubbornness 418."""
        self._check_ban(owner, now_ms)
        counter = _current(self._weight, owner, now_ms, MINUTE_MS)
        counter.count += weight
        if self.mode != "off" and counter.count > self.weight_limit:
            end = _window_end(now_ms, MINUTE_MS)
            self._refuse(owner, now_ms, errors.too_much_weight(self.weight_limit, now_ms, end))
        return counter.count

    def used(self, owner: str, now_ms: int) -> int:
        """Return the weight used in this minute."""
        return _current(self._weight, owner, now_ms, MINUTE_MS).count

    def refund(self, owner: str, weight: int, now_ms: int) -> None:
        """Take back what a successful order call was charged.

        "Placing, cancelling, cancel-replacing orders cost 0 weight when successful", since 2026-04-02 (spot changelog).
        """
        counter = _current(self._weight, owner, now_ms, MINUTE_MS)
        counter.count = max(0, counter.count - weight)

    def _check_ban(self, owner: str, now_ms: int) -> None:
        until = self._banned_until.get(owner, 0)
        if self.mode != "off" and now_ms < until:
            raise Refused(errors.banned(now_ms, until))

    def _refuse(self, owner: str, now_ms: int, refusal: Refusal) -> None:
        stubborn = _current(self._stubborn, owner, now_ms, MINUTE_MS)
        stubborn.count += 1
        if stubborn.count > STUBBORN_REQUESTS:
            _sweep_times(self._banned_until, now_ms)
            bans = _current(self._bans, owner, 0, MINUTE_MS)  # they are never forgotten
            until_ms = now_ms + min(LONGEST_BAN_MS, BAN_MS << min(bans.count, 20))
            bans.count += 1
            self._banned_until[owner] = until_ms
            raise Refused(errors.banned(now_ms, until_ms))
        raise Refused(refusal)

    def limit_orders(self, limit: int) -> None:
        """Let the first of the order limits be this one."""
        first, *rest = self.order_limits
        if first.limit != limit:
            self.order_limits = (evolve(first, limit=limit), *rest)

    def check_order(self, account: str, now_ms: int) -> None:
        """Refuse with -1015 an order above the account's rate; counts nothing."""
        if self.mode == "off":
            return
        for rule in self.order_limits:
            if _current(self._orders, (account, rule.name), now_ms, rule.window_ms).count >= rule.limit:
                interval = f"{rule.interval_num} {rule.rest_interval}"
                end = _window_end(now_ms, rule.window_ms)
                raise Refused(errors.too_many_orders(rule.limit, interval, now_ms, end))

    def count_order(self, account: str, now_ms: int, *, shortest: int = 1) -> None:
        """Count one order, or a batch, which counts as so many in the shortest window alone."""
        for number, rule in enumerate(self.order_limits):
            counter = _current(self._orders, (account, rule.name), now_ms, rule.window_ms)
            counter.count += 1 if number else shortest

    def uncount_order(self, account: str, now_ms: int) -> None:
        """Give one order back: it was refused, or has its first fill on spot, where only *unfilled* orders count."""
        for rule in self.order_limits:
            counter = _current(self._orders, (account, rule.name), now_ms, rule.window_ms)
            counter.count = max(0, counter.count - 1)

    def order_counts(self, account: str, now_ms: int) -> tuple[tuple[OrderLimit, int], ...]:
        """Return each order limit with the account's count in its present window."""
        return tuple(
            (rule, _current(self._orders, (account, rule.name), now_ms, rule.window_ms).count)
            for rule in self.order_limits
        )

    def reset(self) -> None:
        """Forget every count and every ban."""
        for counters in (self._weight, self._raw, self._connections, self._stubborn, self._bans):
            counters.clear()
        self._orders.clear()
        self._banned_until.clear()


def _window_end(now_ms: int, window_ms: int) -> int:
    return (now_ms // window_ms + 1) * window_ms


def _current(counters: dict[K, _Counter], key: K, now_ms: int, window_ms: int) -> _Counter:
    window = now_ms // window_ms
    counter = counters.get(key)
    if counter is None or counter.window != window:
        if len(counters) >= MAX_COUNTERS and counter is None:
            _sweep(counters, window)
        counter = counters[key] = _Counter(window)
    return counter


def _sweep(counters: dict[K, _Counter], window: int) -> None:
    for key in [key for key, counter in counters.items() if counter.window != window]:
        del counters[key]
    while len(counters) >= MAX_COUNTERS:  # all of this window: the oldest goes
        del counters[next(iter(counters))]


def _sweep_times(times: dict[str, int], now_ms: int) -> None:
    for key in [key for key, until in times.items() if until <= now_ms]:
        del times[key]
    while len(times) >= MAX_COUNTERS:
        del times[next(iter(times))]
