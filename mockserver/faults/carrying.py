"""A question is put to a venue as faults will have it: what it does of its own around that, and what time it believes.

For both doors, REST and the WebSocket API. What this module does not do: decide (`deciding`), wait, or give the answer
to anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mockserver.faces.base import HttpResponse
from mockserver.faults.refusals import refusal

if TYPE_CHECKING:
    from mockserver.exchange import Exchange
    from mockserver.faces.base import HttpRequest
    from mockserver.faults.deciding import Fate


CUT: Final = HttpResponse(503, cut=True)


def ask(
    exchange: Exchange, request: HttpRequest, fate: Fate, venue: Callable[[], HttpResponse | None]
) -> HttpResponse | None:
    """What the venue answers; None: it has no such route."""
    for act in fate.acts:
        act.before(exchange, request)
    settings, rules = exchange.settings, exchange.rules
    if rules.down:
        return CUT
    if rules.away:
        return refusal(503, exchange.site, None, None)
    lag_ns, skew_ns = settings.rest_lag_ns, rules.skew_ns
    settings.rest_lag_ns, rules.skew_ns = max(lag_ns, fate.lag_ns), fate.skew_ns
    try:
        answer = venue()
    finally:
        settings.rest_lag_ns, rules.skew_ns = lag_ns, skew_ns
    for act in fate.acts if answer is not None else ():
        assert answer is not None  # there is nothing to act on otherwise
        act.after(exchange, request, answer)
    return answer
