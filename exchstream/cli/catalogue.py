"""The venues of the command line: what each is, how far it can be trusted, and accounts from the environment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs

from exchstream.core.venue import Secret, Venue
from exchstream.errors import ConfigError
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.ftx import Ftx
from exchstream.venues.settings import leaves, variable

DEFAULT_NAME: Final = "main"


@attrs.frozen
class Entry:
    """One venue: its class, and what a user should know before trusting it."""

    cls: Any
    title: str
    modes: tuple[str, ...]
    environments: str
    status: str


CATALOGUE: Final = {
    "binance-spot": Entry(
        BinanceSpot,
        "Binance spot",
        (
            "websocket-api: signed subscription on the WebSocket API (default)",
            "listen-key: the classic flow, which Binance itself retired on 2026-02-20",
        ),
        "production (default), testnet, demo",
        "tried against the mock exchange only, not with a real account yet",
    ),
    "binance-futures": Entry(
        BinanceFutures,
        "Binance USD-margined futures",
        ("listen-key: the only one that Binance offers here",),
        "production (default), testnet, demo",
        "tried against the mock exchange only, not with a real account yet",
    ),
    "ftx": Entry(
        Ftx,
        "FTX",
        ("the channels `orders` and `fills`, both (default) or one",),
        "none; the domain is ftx.com (default) or ftx.us",
        "the exchange closed in November 2022: for the mock exchange and recordings",
    ),
}


def accounts(wanted: Sequence[str], name: str, environment: str | None) -> list[Venue]:
    """The accounts `VENUE` or `VENUE:NAME` with their fields from the environment.

    `name` is for those that give none.  Raises ConfigError that names the variable that is missing.
    """
    return [_account(text, name, environment) for text in wanted]


def _account(text: str, name: str, environment: str | None) -> Venue:
    venue, colon, own_name = text.partition(":")
    entry = _entry(venue)
    if (colon and not own_name) or not name:
        raise ConfigError(f"{text!r}: an account's name is empty")
    overrides = {} if environment is None else {"environment": environment}
    if overrides and "environment" not in attrs.fields_dict(entry.cls):
        raise ConfigError(f"{venue} has no environments to choose from")
    made: Venue = entry.cls.from_env(own_name or name, **overrides)
    return made


def _entry(venue: str) -> Entry:
    if venue not in CATALOGUE:
        raise ConfigError(f"there is no venue {venue!r}; there are {', '.join(sorted(CATALOGUE))}")
    return CATALOGUE[venue]


def overview() -> Iterator[str]:
    """All venues, as lines."""
    for venue, entry in CATALOGUE.items():
        stem = variable(venue, "<name>", "").replace("_NAME_", "<NAME>")
        yield f"{venue:<17} {entry.title}"
        yield from (f"  {label:<15} {mode}" for label, mode in zip(("modes", "", ""), entry.modes, strict=False))
        yield f"  {'environments':<15} {entry.environments}"
        secret = "_SECRET (or _PRIVATE_KEY)" if "private_key" in attrs.fields_dict(entry.cls) else "_SECRET"
        yield f"  {'variables':<15} {stem}KEY and {secret}"
        yield f"  {'status':<15} {entry.status}"
        yield ""
    yield "<NAME> is your name for the account in capitals, MAIN unless you choose another."
    yield "exchstream venues VENUE lists every variable of a venue, with its default."


def fields(venue: str, name: str) -> Iterator[str]:
    """Every variable of one account, with its default.  Raises ConfigError for an unknown venue."""
    for leaf in leaves(_entry(venue).cls, venue, name):
        yield f"{leaf.variable:<50} {_default(leaf.default)}"


def _default(default: object) -> str:
    if default is attrs.NOTHING:
        return "needed"
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return "by the fields above"
    if default is None or default == ():
        return "none"
    assert not isinstance(default, Secret), "no secret has a default"
    shown = ",".join(sorted(default)) if isinstance(default, frozenset) else default
    return f"default {shown}"
