"""A server, and one world after another on it, each with a port of its own: who brings no key is at home there.

The port goes with the world: its listener and every connection that came by it end together.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

import attrs
import trio

from mockserver.again import of_test
from mockserver.clock import Clock
from mockserver.exchange import Account, Exchange, Liquidity
from mockserver.faces.base import VenueSpec
from mockserver.server import Listening, Server, listen
from mockserver.testing.plan import Plan
from mockserver.venues import VENUES
from mockserver.world import Recipe, World, Worlds

HOST = "127.0.0.1"
MAIN = "demo"
"""The account that every world begins with; scenarios call it so."""


@attrs.frozen
class Served:
    """A world that is served, until ``scope`` is cancelled; ``gone`` is set then."""

    name: str
    listening: Listening
    scope: trio.CancelScope
    gone: trio.Event


class Stage:
    """Makes and serves the worlds; lives in one trio loop."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._plan: Plan | None = None
        self._now_ns = now_ns
        recipe = Recipe(venues=VENUES, clock=self._clock, liquidity=self._liquidity)
        self.server = Server(Worlds(recipe))
        self.worlds.again = lambda _world, seed: of_test("<this test>", seed)

    @property
    def worlds(self) -> Worlds:
        """Every world."""
        return self.server.worlds

    async def serve(
        self, name: str, plan: Plan, *, task_status: trio.TaskStatus[Served] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Make the world of this plan and serve it until its scope is cancelled; then it ends."""
        listeners = await listen(HOST, 0)
        port = listeners[0].socket.getsockname()[1]
        self._make(name, plan)
        gone = trio.Event()
        try:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    accepted = partial(self.server.accepted, world=name)
                    await nursery.start(partial(trio.serve_listeners, accepted, listeners, handler_nursery=nursery))
                    task_status.started(Served(name, Listening(HOST, port), scope, gone))
        finally:
            self.worlds.forget(name)
            gone.set()

    def open_account(
        self, world: World, plan: Plan, name: str, venue: VenueSpec, balances: Mapping[str, Decimal] | None = None
    ) -> Account:
        """An account whose key depends on the seed and on names alone, so that it repeats."""
        rng = random.Random(f"{plan.seed}/{world.name}/{venue.name}/{name}")  # noqa: S311 (repeatable on purpose)

        def text(length: int) -> str:
            return "".join(rng.choice(venue.key_alphabet) for _ in range(length))

        key, secret = text(venue.key_length), text(venue.secret_length)
        exchange = world.exchanges[venue.name]
        return self.worlds.open_account(exchange, name, balances=balances, api_key=key, secret=secret)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _make(self, name: str, plan: Plan) -> None:
        self._plan = plan
        world = self.worlds.create(name, plan.seed)
        world.exchanges[plan.venue.name].play_era(plan.profile)
        self.open_account(world, plan, MAIN, plan.venue, plan.balances)

    def _clock(self) -> Clock:
        ahead_ns = 0 if self._plan is None else self._plan.ahead_ns
        return Clock(lambda: self._now_ns() + ahead_ns)

    def _liquidity(self, exchange: Exchange) -> Liquidity | None:
        if self._plan is None:  # the default world, where nobody is
            return None
        return self._plan.supply.make(exchange)
