"""When a waiting order goes to work: at a price, or when the market turns by so much.

Pure values and functions: a ``Trigger`` is what was asked for, a ``Watch`` what has been seen of the market since.
Prices are Decimals, since a trigger price need not be a multiple of the tick. ``Watchers`` keeps the watches of one
kind of order. Triggers look at trades only; there is no mark price here.

What it does not do: place anything.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Generic, TypeVar

import attrs

from mockserver.engine.enums import Side, TriggerWhen

K = TypeVar("K")


@attrs.frozen(slots=True, kw_only=True)
class Trigger:
    """What sets an order off.

    Without a trail: a trade at ``price`` or beyond it. With one (a share of the price, or a distance): a sell is set
    off when the price has fallen so much from its highest, a buy when it has risen so much from its lowest; ``price``
    is then where looking begins, None for at once (spot docs `faqs/trailing-stop-faq.md`).
    """

    when: TriggerWhen
    price: Decimal | None = None
    trail_ratio: Decimal | None = None
    trail_distance: Decimal | None = None

    @property
    def trails(self) -> bool:
        """Whether the price that sets it off follows the market."""
        return self.trail_ratio is not None or self.trail_distance is not None

    def reached(self, price: Decimal) -> bool:
        """Whether this trade price is ``price`` or beyond it."""
        if self.price is None:
            return False
        return price >= self.price if self.when is TriggerWhen.ABOVE else price <= self.price


@attrs.frozen(slots=True, kw_only=True)
class Watch:
    """A trigger and what it has seen. ``best`` is the highest (a sell) or lowest price; None: it is not looking yet."""

    trigger: Trigger
    side: Side
    best: Decimal | None = None
    since_ns: int | None = None
    """When it began to look."""
    after: int | None = None
    """The last trade before it began to wait, which it must not see again; None: there was none."""

    @property
    def level(self) -> Decimal | None:
        """The price that would set it off now, None while that is not known."""
        trigger = self.trigger
        if not trigger.trails:
            return trigger.price
        if self.best is None:
            return None
        if trigger.trail_distance is not None:
            return self.best + self.side.sign * trigger.trail_distance
        assert trigger.trail_ratio is not None  # one of the two
        return self.best * (1 + self.side.sign * trigger.trail_ratio)


def watch(trigger: Trigger, side: Side, last: Decimal | None, now_ns: int, *, after: int | None) -> Watch:
    """Return a new watch, for trades after this one; a trail without a price looks from the last trade on."""
    if trigger.trails and trigger.price is None and last is not None:
        return Watch(trigger=trigger, side=side, best=last, since_ns=now_ns, after=after)
    return Watch(trigger=trigger, side=side, after=after)


def see(seen: Watch, price: Decimal, now_ns: int) -> tuple[Watch, bool]:
    """Take in one trade price; return the watch after it and whether the order goes to work."""
    trigger = seen.trigger
    if not trigger.trails:
        return seen, trigger.reached(price)
    if seen.best is None:
        # The first trade that meets the condition is the first extreme.
        begins = trigger.price is None or trigger.reached(price)
        return (attrs.evolve(seen, best=price, since_ns=now_ns) if begins else seen), False
    if (price - seen.best) * seen.side.sign < 0:
        return attrs.evolve(seen, best=price), False
    level = seen.level
    assert level is not None  # it looks
    return seen, (price - level) * seen.side.sign >= 0


class Watchers(Generic[K]):
    """The watches of one engine, by market."""

    def __init__(self) -> None:
        self._markets: dict[str, dict[K, Watch]] = {}  # bounded: by the waiting orders, which their stores limit

    def add(self, instrument: str, key: K, seen: Watch) -> None:
        """Begin to watch for an order, or change what it watches for."""
        self._markets.setdefault(instrument, {})[key] = seen

    def discard(self, instrument: str, key: K) -> None:
        """Watch no longer, if it was watched for."""
        self._markets.get(instrument, {}).pop(key, None)

    def any_at(self, instrument: str) -> bool:
        """Whether anything is watched for at a market."""
        return bool(self._markets.get(instrument))

    def get(self, instrument: str, key: K) -> Watch | None:
        """Return an order's watch, None when it does not wait."""
        return self._markets.get(instrument, {}).get(key)

    def keys(self) -> list[K]:
        """Return everything that is watched for, by market and then by age."""
        return [key for market in self._markets.values() for key in market]

    def see(self, instrument: str, price: Decimal, trade_id: int, now_ns: int) -> tuple[list[K], list[tuple[K, Watch]]]:
        """Take in one trade; return the orders it sets off, oldest first, and the watches that began to look."""
        fired: list[K] = []
        began: list[tuple[K, Watch]] = []
        market = self._markets.get(instrument, {})
        for key, old in tuple(market.items()):
            if old.after is not None and trade_id <= old.after:
                continue  # an order that a sweep has called to wait came after all of its trades
            new, fires = see(old, price, now_ns)
            if fires:
                del market[key]
                fired.append(key)
                continue
            if new is not old:
                market[key] = new
                if old.since_ns is None:
                    began.append((key, new))
        return fired, began
