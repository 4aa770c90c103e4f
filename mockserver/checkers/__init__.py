"""Is what a bot told true?  Pure functions: what really happened, what was told, and what of it is false.

    wrong = [*fills_lost(truth, told), *fills_twice(told), *fills_invented(truth, told)]

Everything is a plain tuple (``facts``), so the checkers can judge any client, whatever library it uses.  Each answers
with the violations in words, none if all is well.  A bot that tells fills only, and nothing of interruptions, is judged
by the same functions: it has no excuses.  ``reading`` makes the tuples of ``GET /__mock/truth``.

What they do not do: follow a running bot, or wait until it is at rest.
"""

from mockserver.checkers.bounds import too_much, too_often, too_seldom
from mockserver.checkers.delays import silences, told_late
from mockserver.checkers.excuses import Account, named
from mockserver.checkers.facts import (
    FINAL,
    MILLI,
    TRUNCATED,
    Closed,
    FillId,
    Opened,
    OrderId,
    Restarted,
    Span,
    Told,
    ToldFill,
    ToldOrder,
    TrueChange,
    TrueFill,
    moment,
)
from mockserver.checkers.fills import (
    fills_invented,
    fills_lost,
    fills_of_old,
    fills_out_of_order,
    fills_twice,
    sums_differ,
)
from mockserver.checkers.gaps import gaps_in_order, gaps_needless, gaps_untold
from mockserver.checkers.orders import orders_backward, orders_invented, orders_wrong_at_end
from mockserver.checkers.reading import true_fills, true_orders
from mockserver.checkers.verdicts import Excused, scopes_shrunk, verdicts_false, verdicts_incomplete

__all__ = [
    "FINAL",
    "MILLI",
    "TRUNCATED",
    "Account",
    "Closed",
    "Excused",
    "FillId",
    "Opened",
    "OrderId",
    "Restarted",
    "Span",
    "Told",
    "ToldFill",
    "ToldOrder",
    "TrueChange",
    "TrueFill",
    "fills_invented",
    "fills_lost",
    "fills_of_old",
    "fills_out_of_order",
    "fills_twice",
    "gaps_in_order",
    "gaps_needless",
    "gaps_untold",
    "moment",
    "named",
    "orders_backward",
    "orders_invented",
    "orders_wrong_at_end",
    "scopes_shrunk",
    "silences",
    "sums_differ",
    "told_late",
    "too_much",
    "too_often",
    "too_seldom",
    "true_fills",
    "true_orders",
    "verdicts_false",
    "verdicts_incomplete",
]
