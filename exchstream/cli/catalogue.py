"""The venues of the command line: what each is, how far it can be trusted, and accounts from the environment."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from exchstream.core.venue import Secret, Venue
from exchstream.errors import ConfigError
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.ftx import Ftx
from exchstream.venues.settings import Leaf, leaves, variable

DEFAULT_NAME: Final = "main"
ONE_OF: Final = {
    "api_secret": "_PRIVATE_KEY",
    "private_key": "_SECRET",
}  # of Binance, where neither is needed by itself


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
    asked_for, colon, own_name = text.partition(":")
    venue, entry = _entry(asked_for)
    if (colon and not own_name) or not name:
        raise ConfigError(f"{text!r}: an account's name is empty")
    name = own_name or name
    overrides = {} if environment is None else {"environment": environment}
    if overrides and "environment" not in attrs.fields_dict(entry.cls):
        raise ConfigError(f"{venue} has no environments to choose from")
    try:
        made: Venue = entry.cls.from_env(name, **overrides)
    except ConfigError as error:
        raise ConfigError(f"{error}{_variables_of(str(error), venue, name)}") from error
    return made


def _variables_of(text: str, venue: str, name: str) -> str:
    """Where the fields that a text speaks of can be set; nothing if it says that itself."""
    if "EXCHSTREAM_" in text:
        return ""
    words = set(re.findall(r"\w+", text))
    places = [leaf.variable for leaf in _leaves(venue, name) if (leaf.part or leaf.field) in words]
    return f" (to set: {', '.join(places)})" if places else ""


def misspelt(wanted: Sequence[str], name: str, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """What looks like a variable of one of these accounts and is none, each with what it may have been meant for."""
    for text in wanted:
        asked_for, _, own_name = text.partition(":")
        venue, _ = _entry(asked_for)
        stem = variable(venue, own_name or name, "")
        known = {leaf.variable: leaf.field.upper() for leaf in _leaves(venue, own_name or name)}
        # EXCHSTREAM_FTX_MAIN_TWO_KEY is no mistake: it is the key of the account main-two.
        ends = tuple(f"_{place.removeprefix(stem)}" for place in known)
        for place in sorted(environ):
            end = place.removeprefix(stem)
            if not place.startswith(stem) or place in known:
                continue
            meant = [right for right, field in known.items() if field == end]  # API_KEY, which is short
            if not meant and end.endswith(ends):
                continue
            meant = meant or difflib.get_close_matches(place, known, 1, 0.9)
            yield f"{place} is no variable of {venue}" + (f": did you mean {meant[0]}?" if meant else "")


def _entry(venue: str) -> tuple[str, Entry]:
    """The venue as it is written, however the user writes it."""
    name = venue.lower().replace("_", "-")
    if name not in CATALOGUE:
        close = difflib.get_close_matches(name, CATALOGUE, 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ConfigError(f"there is no venue {venue!r}; {hint}there are {', '.join(sorted(CATALOGUE))}")
    return name, CATALOGUE[name]


def _leaves(venue: str, name: str) -> list[Leaf]:
    return list(leaves(CATALOGUE[venue].cls, venue, name))


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
    venue, _ = _entry(venue)
    listed = _leaves(venue, name)
    width = max(len(leaf.variable) for leaf in listed)
    for leaf in listed:
        yield f"{leaf.variable:<{width}} {_default(leaf)}"


def _default(leaf: Leaf) -> str:
    default = leaf.default
    if default is attrs.NOTHING:
        return "needed"
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return "by the fields above"
    if leaf.field in ONE_OF:
        return f"this or {ONE_OF[leaf.field]}, one of the two"
    if default == ():
        return "none; with commas, such as BTCUSDT,ETHUSDT" if leaf.field == "symbols" else "none; with commas"
    if default is None:
        return "none"
    assert not isinstance(default, Secret), "no secret has a default"
    shown = ",".join(sorted(default)) if isinstance(default, frozenset) else default
    return f"default {shown}"
