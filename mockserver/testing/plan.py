"""What a test asks for with ``@pytest.mark.mock(...)``: a venue, its era, who trades, a seed, balances, a scenario.

Everything is checked before a world is made, and refused in words with the nearest name. Pure, but for the scenarios,
which are files.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import attrs

from mockserver.faces.base import VenueSpec
from mockserver.forms import nearest
from mockserver.liquidity import MODELS
from mockserver.player import shelf
from mockserver.player.playing import SetupError, ahead_ns
from mockserver.story import Story, StoryError
from mockserver.supply import NoSupply, Supply
from mockserver.supply import read as read_supply
from mockserver.venues import VENUES

VENUE: Final = "binance-spot"
ARGUMENTS: Final = ("venue", "profile", "liquidity", "seed", "balances", "scenario")


class PlanError(ValueError):
    """The marker asks for what there is not; the text says what there is."""


@attrs.frozen(kw_only=True)
class Plan:
    """How the world of one test begins."""

    venue: VenueSpec
    profile: str
    supply: Supply = Supply("manual")
    seed: int = 0
    balances: Mapping[str, Decimal] | None = None
    """None: those of the venue's demo account."""
    story: Story | None = None

    @property
    def ahead_ns(self) -> int:
        """How far the venue's clock is ahead of the client's, as the scenario will have it."""
        return 0 if self.story is None else ahead_ns(self.story)


def read_plan(given: Mapping[str, Any], *, seed: int | None = None) -> Plan:
    """The plan of a marker's arguments; ``seed`` (of the command line) wins over all. PlanError says what is wrong."""
    for name in given:
        if name not in ARGUMENTS:
            raise PlanError(f"no argument {name!r}; {nearest(name, ARGUMENTS)}")
    story = None if given.get("scenario") is None else _story(given["scenario"])
    venue, profile = _venue(given, story)
    liquidity = str(given.get("liquidity") or (story.liquidity if story is not None else "") or "manual")
    balances = None if story is None else story.account
    if given.get("balances") is not None:
        balances = _balances(given["balances"])
    plan = Plan(
        venue=venue,
        profile=profile,
        supply=_supply(liquidity),
        seed=_seed(given, story, seed),
        balances=balances,
        story=story,
    )
    try:
        _ = plan.ahead_ns
    except SetupError as error:
        raise PlanError(str(error)) from None
    return plan


def find_profile(spec: VenueSpec, wanted: str) -> str:
    """A profile by its whole name or its year; nothing: the first."""
    if (profile := spec.profile(wanted)) is None:
        raise PlanError(f"{spec.name} has no profile {wanted!r}; {nearest(wanted, spec.profiles)}")
    return profile


def read_story(name: object) -> Story:
    """A scenario that is shipped, or a file."""
    return _story(name)


def _story(name: object) -> Story:
    try:
        return shelf.read(str(name))
    except (shelf.NoScenario, StoryError) as error:
        raise PlanError(str(error)) from None


def _venue(given: Mapping[str, Any], story: Story | None) -> tuple[VenueSpec, str]:
    told = "" if story is None else story.venue
    wanted = str(given.get("venue") or told or VENUE)
    name, _, era = wanted.partition("@")
    specs = {spec.name: spec for spec in VENUES}
    if name not in specs:
        raise PlanError(f"no venue {name!r}; {nearest(name, specs)}")
    if story is not None and name != told.partition("@")[0]:
        raise PlanError(f"the scenario {story.name!r} is of {told}, not of {name}")
    return specs[name], find_profile(specs[name], str(given.get("profile") or era))


def _supply(liquidity: str) -> Supply:
    if ":" not in liquidity and liquidity not in MODELS:
        raise PlanError(f"no liquidity {liquidity!r}; {nearest(liquidity, MODELS)}")
    try:
        return read_supply(liquidity)
    except NoSupply as error:
        raise PlanError(str(error)) from None


def _seed(given: Mapping[str, Any], story: Story | None, asked: int | None) -> int:
    told = None if story is None else story.seed
    seed = asked if asked is not None else given.get("seed", 0 if told is None else told)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise PlanError(f"seed is a whole number, 0 or above, not {seed!r}")
    return seed


def _balances(given: object) -> dict[str, Decimal]:
    if not isinstance(given, Mapping):
        raise PlanError(f"balances is a mapping such as {{'USDT': '1000'}}, not {given!r}")
    return {str(asset): _amount(asset, amount) for asset, amount in given.items()}


def _amount(asset: object, given: object) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, str | int | Decimal):
        raise PlanError(f"the balance of {asset} is a text, a whole number or a Decimal, not {given!r}")
    try:
        amount = Decimal(given)
    except InvalidOperation:
        raise PlanError(f"the balance of {asset} is no number: {given!r}") from None
    if not amount.is_finite() or amount < 0:
        raise PlanError(f"the balance of {asset} is 0 or above, not {given!r}")
    return amount
