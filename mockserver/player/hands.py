"""What a step does, done on a world: orders are filled, faults armed, connections closed, timers moved on.

All of it goes the way that the control API goes, so a scenario can do what a test can, and no more. Pure: the world has
no sockets. When a step comes next is ``machine``'s.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from decimal import ROUND_DOWN, Decimal
from typing import Any

import attrs

from mockserver.actions import RIVAL, Action, command_of, traders
from mockserver.control_acts import PREFIX
from mockserver.durations import format_duration
from mockserver.engine.types import (
    HOUSE,
    Cancel,
    CancelAll,
    Command,
    Expire,
    Fill,
    OrderView,
    Place,
    Side,
    TimeInForce,
)
from mockserver.exchange import Exchange
from mockserver.faces.base import HttpRequest
from mockserver.heard import Heard
from mockserver.link import Link
from mockserver.player.machine import StepError
from mockserver.player.verbs import NEWEST, Filling, Levels
from mockserver.player.weather import Weather
from mockserver.story import Step
from mockserver.verbs import CLIENTS, WEATHER
from mockserver.world import World, Worlds

CLIENT_IDS = ("newClientOrderId", "origClientOrderId", "clientId", "clientOrderId")
MAX_FIRED_SHOWN = 6


@attrs.frozen(slots=True)
class OrderRef:
    """An order that a step has captured."""

    symbol: str
    order_id: int


class WorldHands:
    """Does the steps of one scenario at one venue of one world, for one account."""

    def __init__(self, worlds: Worlds, world: str, venue: str, account: str) -> None:
        self.worlds = worlds
        self.name = world
        self.venue = venue
        self.account = account
        # The control API has routes that play scenarios, so it imports this module.
        from mockserver.control import Control

        self.control = Control(worlds)

    @property
    def world(self) -> World:
        """The world, which a reset replaces."""
        return self.worlds.worlds[self.name]

    @property
    def exchange(self) -> Exchange:
        """The venue of the scenario."""
        return self.world.exchanges[self.venue]

    @property
    def links(self) -> list[Link]:
        """The connections of this world."""
        return [link for link in self.worlds.links.values() if link.home is self.world]

    def delivered(self) -> bool:
        """Whether the server has taken all frames for this world's clients; one that is held never does."""
        return all(link.backlog == 0 for link in self.links if not link.held)

    # -- what a step does -----------------------------------------------------------------------------------------

    def act(self, step: Step, captured: dict[str, Any]) -> Generator[object, None, str]:
        """See ``machine.Hands``."""
        match step.what:
            case "advance":
                return (yield from self._advance(step.arg))
            case "control":
                return (yield from self._control(*step.arg.value))
            case "close":
                how = "close" if "code" in step.arg.value else "drop"
                return (yield from self._control("POST", f"/connections/{how}", step.arg.value))
            case _:
                return self._do(step, captured)

    def _do(self, step: Step, captured: dict[str, Any]) -> str:
        match step.what:
            case "trade":
                return self._trade(step.arg)
            case "fill":
                return self._fill(step.arg, captured)
            case "cancel" | "expire":
                return self._end(step.what, self._order(step.arg, captured))
            case "book":
                return self._place_levels(step.arg)
            case "price":
                return "; ".join(self._price(symbol, price) for symbol, price in step.arg.value.items())
            case "fault":
                return self._arm(step)
            case "clear" if step.arg is None:
                self.world.faults.clear()
                return "all are disarmed"
            case "clear":
                return self._disarm(step.arg)
            case "send":
                for link in self.links:
                    link.tell(step.arg)
                return f"told {len(self.links)} connections"
            case word if word in WEATHER:
                mine = [link for link in self.links if link.venue == self.venue]
                try:
                    return Weather(self.exchange, mine).befall(step)
                except ValueError as error:
                    raise StepError(str(error)) from None
            case word if word in CLIENTS:
                return "left out: it befalls the client's own process"
            case _:
                raise StepError(f"{step.what} cannot be done here")

    def _trade(self, action: Action) -> str:
        """Trade as the action says; a refusal is as good an outcome as another."""
        rival = RIVAL if self.exchange.account(RIVAL) is not None else HOUSE
        command = command_of(self.exchange.engine, action, traders(self.account, rival=rival))
        if command is None:
            return "it meant nothing now"
        try:
            return self._submit(command)
        except StepError as error:
            return str(error)

    def _submit(self, command: Command) -> str:
        reply = self.exchange.submit(command)
        if reply.reject is not None:
            detail = f": {reply.reject.detail}" if reply.reject.detail else ""
            raise StepError(f"the venue refused it: {reply.reject.reason.value}{detail}")
        return "done" if reply.order is None else self._shown(reply.order)

    def _shown(self, order: OrderView) -> str:
        instrument = self.exchange.engine.instruments[order.instrument]
        filled, quantity = (instrument.quantity(steps) for steps in (order.filled, order.quantity))
        return f"order {order.order_id} of {order.instrument}: {order.status.value.lower()}, {filled} of {quantity}"

    def _fill(self, filling: Filling, captured: dict[str, Any]) -> str:
        order = self._order(filling.order, captured)
        instrument = self.exchange.engine.instruments[order.instrument]
        try:
            quantity = None if filling.quantity is None else instrument.to_steps(filling.quantity)
            price = None if filling.price is None else instrument.to_ticks(filling.price)
        except ValueError as error:
            raise StepError(str(error)) from None
        if filling.share is not None:
            exact = order.quantity * filling.share / 100
            quantity = max(1, min(order.remaining, int(exact.to_integral_value(ROUND_DOWN))))
        return self._submit(
            Fill(
                instrument=order.instrument,
                order_id=order.order_id,
                quantity=quantity,
                price=price,
                maker=filling.maker,
            )
        )

    def _end(self, how: str, order: OrderView) -> str:
        name, number = order.instrument, order.order_id
        if how == "expire":
            return self._submit(Expire(instrument=name, order_id=number))
        return self._submit(Cancel(account=order.account, instrument=name, order_id=number))

    def _price(self, symbol: str, price: Decimal) -> str:
        """Let the house take whatever stands at this price or beyond it."""
        instruments = self.exchange.engine.instruments
        name = symbol or next(iter(instruments))
        if name not in instruments:
            raise StepError(f"no symbol {name!r}; there are {', '.join(instruments)}")
        instrument = instruments[name]
        try:
            ticks = instrument.to_ticks(price)
        except ValueError as error:
            raise StepError(str(error)) from None
        for side in Side:
            self.exchange.submit(
                Place(
                    account=HOUSE,
                    instrument=name,
                    side=side,
                    quantity=instrument.max_steps,
                    price=ticks,
                    tif=TimeInForce.IOC,
                )
            )
        return f"{name} at {price}"

    def _place_levels(self, levels: Levels) -> str:
        """Let the house place what stands in the book, in place of what it had there."""
        instruments = self.exchange.engine.instruments
        name = levels.symbol or next(iter(instruments))
        if name not in instruments:
            raise StepError(f"no symbol {name!r}; there are {', '.join(instruments)}")
        instrument = instruments[name]
        self.exchange.submit(CancelAll(account=HOUSE, instrument=name))
        for side, rows in ((Side.BUY, levels.bids), (Side.SELL, levels.asks)):
            for price, quantity in rows:
                try:
                    ticks, steps = instrument.to_ticks(price), instrument.to_steps(quantity)
                except ValueError as error:
                    raise StepError(str(error)) from None
                self._submit(Place(account=HOUSE, instrument=name, side=side, quantity=steps, price=ticks))
        return f"{name}: {len(levels.bids)} bids, {len(levels.asks)} asks"

    def _arm(self, step: Step) -> str:
        try:
            self.world.arm(step.arg)
        except ValueError as error:
            raise StepError(str(error)) from None
        return f"armed {step.arg.name}"

    def _disarm(self, name: str) -> str:
        try:
            self.world.faults.disarm(name)
        except ValueError as error:
            raise StepError(str(error)) from None
        return f"disarmed {name}"

    def _advance(self, by_ns: int) -> Generator[object, None, str]:
        fired: list[str] = []
        watcher = lambda each: fired.append(each.name)  # noqa: E731 (removed by identity)
        clock = self.world.clock
        clock.watchers.append(watcher)
        try:
            yield from self._control("POST", "/clock/advance", {"by": format_duration(by_ns)})
        finally:
            clock.watchers.remove(watcher)
        names = list(dict.fromkeys(fired))
        more = f" and {len(names) - MAX_FIRED_SHOWN} more" if len(names) > MAX_FIRED_SHOWN else ""
        return f"{format_duration(by_ns)}; fired: {', '.join(names[:MAX_FIRED_SHOWN]) or 'nothing'}{more}"

    def set_up(self, settings: dict[str, Any]) -> Generator[object, None, str]:
        """Change the venue's settings, as ``POST /__mock/settings`` does."""
        return self._control("POST", "/settings", settings)

    def _control(self, method: str, path: str, body: dict[str, Any]) -> Generator[object, None, str]:
        takes = self.control.takes().get(f"{method} {PREFIX}{path}", frozenset())
        venue = {"venue": self.venue} if "venue" in takes else {}
        sent = json.dumps({**venue, **body, "world": self.name}).encode()
        request = HttpRequest(method, f"{PREFIX}{path}", (("Host", "127.0.0.1"),), sent)
        answer = yield from self.control.steps(request)
        if answer.status >= 400:
            raise StepError(f"{method} {path} answers {answer.status}: {json.loads(answer.body)['error']}")
        return f"{method} {path} answers {answer.status}"

    # -- orders ---------------------------------------------------------------------------------------------------

    def capture(self, heard: Heard) -> OrderRef:
        """The order that a request has placed, or asks about; if its words do not say which, the newest."""
        engine = self.exchange.engine
        mine = [order for symbol in engine.instruments for order in engine.orders(self.account, symbol)]
        named = {heard.params[name] for name in CLIENT_IDS if name in heard.params}
        known = [order for order in mine if order.client_id in named or f"{order.order_id}" in heard.params.values()]
        if not mine:
            raise StepError(f"there is no order to capture: {heard.shown.strip()}")
        newest = max(known or mine, key=lambda order: (order.created_ns, order.order_id))
        return OrderRef(newest.instrument, newest.order_id)

    def _order(self, name: str, captured: dict[str, Any]) -> OrderView:
        engine = self.exchange.engine
        if name == NEWEST:
            mine = engine.open_orders(self.account)
            if not mine:
                raise StepError("the client has no open order")
            return max(mine, key=lambda order: (order.created_ns, order.order_id))
        if name[1:] not in captured:
            raise StepError(f"nothing was captured as {name}; there is {', '.join(captured) or 'nothing'}")
        ref = captured[name[1:]]
        order = engine.order(ref.symbol, ref.order_id)
        if order is None:
            raise StepError(f"{name} is not there any more")
        return order
