"""The checks of scenarios over a client that trades as it likes: how it has done so far, or until it ended.

What takes a scenario's script for granted is left out. Pure.
"""

from __future__ import annotations

from typing import Any

from mockserver.exchange import Exchange
from mockserver.heard import read_entry
from mockserver.player.checks import CHECKS, Case, Judged, judge


def so_far(exchange: Exchange, account: str) -> list[Judged]:
    """Each check, by its name; what the client heard is known only as far as it reported."""
    return _judged(exchange, account, _truth(exchange, account))


def until_it_ended(exchange: Exchange) -> list[str]:
    """What a client that has ended did wrong, in words, with each account that it listened to.

    That it hears nothing any more is no fault of it; of what nobody can know nothing is said.
    """
    wrong = []
    spans = _truth(exchange)["blind"]
    for account in sorted({row["account"] for row in spans if row["until_ns"] is not None}):
        truth = _truth(exchange, account)
        truth["blind"] = [row for row in truth["blind"] if row["until_ns"] is not None]
        for each in _judged(exchange, account, truth):
            if each.wrong and not each.unknown:
                more = f" (and {len(each.wrong) - 1} more)" if len(each.wrong) > 1 else ""
                wrong.append(
                    f"{exchange.venue}/{account}: not so that {CHECKS[each.name].about}: {each.wrong[0]}{more}"
                )
    return wrong


def _truth(exchange: Exchange, account: str | None = None) -> dict[str, Any]:
    world, engine = exchange.world, exchange.engine
    return world.truth.report(
        lambda _, symbol: engine.instruments[symbol], world.clock.now_ns, venue=exchange.venue, account=account
    )


def _judged(exchange: Exchange, account: str, truth: dict[str, Any]) -> list[Judged]:
    world = exchange.world
    case = Case(
        venue=exchange.venue,
        account=account,
        heard=[read_entry(entry) for entry in world.recorder.entries()],
        truth=truth,
        told=world.reports.told,
        unreadable=world.reports.wrong,
        now_ns=world.clock.now_ns,
    )
    return judge([name for name, check in CHECKS.items() if not check.scripted], case)
