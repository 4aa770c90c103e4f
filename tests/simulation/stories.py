"""Stories that were told once: each found a bug, or is the shortest way to a place where one could be.

All of them end well.  A bug that is found becomes one of them, with what was wrong beside it.
"""

from __future__ import annotations

from typing import Final

from exchstream.core.venue import HOUR, MINUTE, SECOND
from exchstream.journal.store import Durability
from mockserver.actions import Act, Action
from mockserver.engine.types import SelfTrade, Side

from .books import Death
from .story import Step, Story
from .world import FLAVOURS

SPOT, LISTEN_KEY, FUTURES, FTX = FLAVOURS


def trade(act: Act, *, side: Side = Side.BUY, offset: int = -3, size: int = 3, where: int = 0, which: int = 0) -> Step:
    """The client trades: by default a limit order that rests, on the first market."""
    action = Action(
        act=act,
        who=0,
        where=where,
        which=which,
        side=side,
        offset=offset,
        size=size,
        self_trade=SelfTrade.NONE,
        flag=False,
        after_ns=0,
    )
    return Step("trade", action)


PLACE: Final = trade(Act.LIMIT)
CANCEL: Final = trade(Act.CANCEL)
FILL_ALL: Final = trade(Act.FILL, size=9)
FILL_PART: Final = trade(Act.FILL, size=3)


def wait(ns: int) -> Step:
    """Let time pass."""
    return Step("wait", ns)


# One order that meets three others of the same account.
SELF_TRADES: Final = (trade(Act.LIMIT, offset=5, size=9), *(trade(Act.LIMIT, side=Side.SELL, offset=5),) * 3)

# A position that is opened and closed again.
THERE_AND_BACK: Final = (
    trade(Act.LIMIT, where=1),
    FILL_ALL,
    trade(Act.LIMIT, where=1, side=Side.SELL, offset=3),
    FILL_ALL,
)

# Of a journal of this durability, in this way; and a seed.
DEATHS: Final[tuple[tuple[Durability, Death, int], ...]] = (
    ("normal", "power", 3),
    ("relaxed", "kill", 1),
    ("relaxed", "power", 2),
)

PINNED: Final[dict[str, Story]] = {
    # A page may end between the two sides of a self-trade, which have one id: paging behind it lost the second.
    **{
        f"self-trades over pages of two, {flavour}": Story(
            flavour=flavour, seed=1, page_cap=2, steps=(Step("drop", "late"), PLACE, FILL_ALL, *SELF_TRADES)
        )
        for flavour in (SPOT, LISTEN_KEY, FUTURES)
    },
    # FTX tells no time of an order's end: one created just before the start and cancelled after it was not told.
    "cancelled while starting, ftx": Story(
        flavour=FTX, seed=336, early=True, steps=(PLACE, Step("slow", 3 * SECOND), wait(SECOND // 4), CANCEL)
    ),
    **{
        f"a fill on a connection that dies without a word, {flavour}": Story(
            flavour=flavour, seed=1, steps=(PLACE, wait(SECOND), Step("drop", "half"), FILL_PART, wait(2 * MINUTE))
        )
        for flavour in FLAVOURS
    },
    **{
        f"a fill that the old connection still carried, {flavour}": Story(
            flavour=flavour,
            seed=1,
            steps=(Step("shutdown", False), wait(80_000_000), Step("stall", 8 * SECOND), PLACE, FILL_ALL, wait(MINUTE)),
        )
        for flavour in (SPOT, LISTEN_KEY, FTX)
    },
    **{
        f"a symbol that nobody named, {flavour}": Story(
            flavour=flavour,
            seed=1,
            symbols=("BTCUSDT",),
            steps=(Step("drop", "late"), trade(Act.LIMIT, where=1), FILL_ALL, wait(MINUTE)),
        )
        for flavour in (SPOT, LISTEN_KEY, FUTURES)
    },
    # No position is left of it, and no listing that is asked by symbol shows it: the fees do.
    **{
        f"there and back on a symbol that nobody named, {how}, binance-futures": Story(
            flavour=FUTURES,
            seed=1,
            symbols=("BTCUSDT",),
            steps=(wait(MINUTE), Step(*fault), *THERE_AND_BACK, wait(5 * MINUTE)),
        )
        for how, fault in (("in a gap", ("drop", "late")), ("unheard", ("mute", "events")))
    },
    # The first page of the commissions was taken for the last, for it had fewer rows than were asked for.
    "there and back on a symbol that nobody named, on a later page, binance-futures": Story(
        flavour=FUTURES,
        seed=1,
        symbols=("BTCUSDT",),
        page_cap=1,
        steps=(Step("drop", "late"), PLACE, FILL_ALL, *THERE_AND_BACK, wait(MINUTE)),
    ),
    **{
        f"fills in good health, {flavour}": Story(
            flavour=flavour, seed=1, healthy=True, steps=(PLACE, FILL_ALL, wait(SECOND)) * 40
        )
        for flavour in FLAVOURS
    },
    **{
        f"a key that expires and says so {notices} times, {flavour}": Story(
            flavour=flavour, seed=1, steps=(PLACE, wait(SECOND), Step("expire_key", notices), FILL_PART, wait(MINUTE))
        )
        for flavour in (LISTEN_KEY, FUTURES)
        for notices in (0, 1, 2)
    },
    # An order that begins and ends while nothing is delivered is in no answer that the audit asks for; its passing
    # moves `good_ns` beyond it, so that the gap which is told later begins after what was lost (G1, G4).
    **{
        f"an order lives and dies on a connection without a word, {flavour}": Story(
            flavour=flavour, seed=1, steps=(Step("drop", "half"), PLACE, CANCEL, wait(5 * MINUTE))
        )
        for flavour in (SPOT, LISTEN_KEY, FUTURES)
    },
    **{
        f"an order lives and dies while muted, {flavour}": Story(
            flavour=flavour, seed=1, steps=(Step("mute", "events"), PLACE, CANCEL, wait(5 * MINUTE))
        )
        for flavour in FLAVOURS
    },
    # The old link is closed the moment the new one is proven: what it still carried is dropped, and no gap told.
    **{
        f"the old connection still carried an order's life, {flavour}": Story(
            flavour=flavour,
            seed=1,
            steps=(Step("shutdown", False), wait(80_000_000), Step("stall", 8 * SECOND), PLACE, CANCEL, wait(MINUTE)),
        )
        for flavour in (SPOT, LISTEN_KEY, FTX)
    },
    # Placed while looking back, an order is missing from REST as it was a lag ago: "does not exist" is then no
    # authoritative answer, but the order is named as unresolved, dropped, and told again as new.
    **{
        f"placed while looking back, {flavour}": Story(
            flavour=flavour,
            seed=1,
            steps=(Step("lag", 5 * SECOND), Step("drop", "reset"), *(wait(SECOND // 2), PLACE) * 16, wait(MINUTE)),
        )
        for flavour in (SPOT, LISTEN_KEY, FUTURES)
    },
    # Questions given up after ten minutes take their symbols with them: the verdicts to come are about no symbol at
    # all, `complete`, and fills that REST could tell again are never asked for.
    **{
        f"REST is away for longer than we ask, {flavour}": Story(
            flavour=flavour,
            seed=1,
            steps=(
                PLACE,
                wait(SECOND),
                Step("drop", "reset"),
                wait(SECOND // 2),
                FILL_PART,
                Step("fate", "lost"),
                wait(25 * MINUTE),
                CANCEL,
                Step("fate", "ok"),
                wait(5 * MINUTE),
                Step("drop", "late"),
                PLACE,
                FILL_ALL,
                wait(5 * MINUTE),
            ),
        )
        for flavour in (SPOT,)
    },
    # While trading goes on the balances cannot be compared, so the unknown symbol is looked for only when the gap in
    # which it traded has long been closed, and from too late an instant on.
    **{
        f"an unnamed symbol in busy times, {flavour}": Story(
            flavour=flavour,
            seed=1,
            symbols=("BTCUSDT",),
            steps=(
                wait(MINUTE),
                Step("drop", "late"),
                trade(Act.LIMIT, where=1),
                FILL_ALL,
                *(PLACE, FILL_ALL, wait(SECOND)) * 60,
                wait(MINUTE),
            ),
        )
        for flavour in (SPOT, LISTEN_KEY)
    },
    # Where it is found, the look-back began anew for every symbol: what had been told of them, and forgotten since, was
    # told again.
    **{
        f"an unnamed symbol in busy times, and little memory, {flavour}": Story(
            flavour=flavour,
            seed=1,
            symbols=("BTCUSDT",),
            limits=(("MAX_FILLS", 5), ("MAX_CLOSED", 2)),
            steps=(
                wait(MINUTE),
                *(PLACE, FILL_ALL) * 10,
                Step("drop", "late"),
                trade(Act.LIMIT, where=1),
                FILL_ALL,
                *(PLACE, FILL_ALL, wait(SECOND)) * 90,
                wait(MINUTE),
            ),
        )
        for flavour in (SPOT, LISTEN_KEY)
    },
    # Each TRADE_LITE leaves its order in `Gaps.suspects`, which only the end of a gap empties (G5).
    "many fills in good health, binance-futures": Story(
        flavour=FUTURES, seed=1, healthy=True, steps=(PLACE, FILL_ALL, wait(SECOND)) * 150
    ),
    # ---- What the first simulation could not see: orders from before the start, many symbols, one question that fails
    # while others do not, frames that come twice or broken, notices in a row, a clock measured over a slow way.
    **{
        f"since an instant between an order's birth and its end, {flavour}": Story(
            flavour=flavour,
            seed=1,
            before=(PLACE, wait(MINUTE), Step("since"), wait(MINUTE), CANCEL, PLACE, FILL_PART, wait(MINUTE)),
            steps=(wait(MINUTE), FILL_ALL),
        )
        for flavour in FLAVOURS
    },
    **{
        f"an old order is cancelled while starting, {flavour}": Story(
            flavour=flavour,
            seed=1,
            early=True,
            before=(PLACE, wait(2 * MINUTE)),
            steps=(Step("slow", SECOND // 2), wait(SECOND // 2), CANCEL, wait(MINUTE)),
        )
        for flavour in FLAVOURS
    },
    # REST fails in one place only: no look of the audit is ever whole, and a mute connection was never noticed.
    **{
        f"mute, and {what} cannot be asked for, {flavour}": Story(
            flavour=flavour,
            seed=1,
            steps=(
                Step("away", (what, "503")),
                Step("mute", "events"),
                PLACE,
                wait(SECOND),
                FILL_ALL,
                wait(40 * MINUTE),
            ),
        )
        for flavour in FLAVOURS
        for what in ("openorders", "fills")
    },
    **{
        f"one symbol cannot be asked about for ever, {flavour}": Story(
            flavour=flavour,
            seed=1,
            lasting=True,
            steps=(Step("away", ("fills:ETHUSDT", "odd")), Step("mute", "events"), PLACE, FILL_ALL, wait(5 * MINUTE)),
        )
        for flavour in (SPOT, LISTEN_KEY, FUTURES)
    },
    **{
        f"the key passes its end while REST is away, {flavour}": Story(
            flavour=flavour,
            seed=1,
            steps=(Step("fate", "500"), Step("mute", "events"), wait(62 * MINUTE), PLACE, FILL_ALL, wait(10 * MINUTE)),
        )
        for flavour in (LISTEN_KEY, FUTURES)
    },
    **{
        f"mute among fourteen symbols, {flavour}": Story(
            flavour=flavour,
            seed=1,
            markets=14,
            steps=(Step("mute", "events"), trade(Act.LIMIT, where=11), FILL_ALL, wait(12 * MINUTE)),
        )
        for flavour in (SPOT, LISTEN_KEY, FUTURES)
    },
    **{
        f"the clock is measured over a slow way, {flavour}": Story(
            flavour=flavour,
            seed=seed,
            early=True,
            steps=(Step("measure", 8 * SECOND), Step("lag", 5 * SECOND), wait(30 * SECOND), Step("stall", 12 * SECOND))
            + (PLACE, FILL_ALL, wait(SECOND)) * 10
            + (wait(2 * MINUTE),),
        )
        for flavour in FLAVOURS
        for seed in (1, 2, 3)
    },
    **{
        f"notice after notice, {flavour}": Story(
            flavour=flavour,
            seed=1,
            steps=(Step("shutdowns", 9), *(PLACE, FILL_ALL, wait(SECOND // 5)) * 10, wait(MINUTE)),
        )
        for flavour in (SPOT, LISTEN_KEY, FTX)
    },
    f"the subscription ends as often as it begins, {SPOT}": Story(
        flavour=SPOT, seed=1, steps=(Step("terminates", 30), *(PLACE, FILL_ALL, wait(SECOND // 5)) * 20, wait(MINUTE))
    ),
    **{
        f"everything comes twice, and again on the next connection, {flavour}": Story(
            flavour=flavour,
            seed=1,
            steps=(
                Step("doubled", 1.0),
                *(PLACE, FILL_ALL) * 5,
                Step("shutdown", False),
                wait(SECOND),
                Step("replay", (30, MINUTE)),
                PLACE,
                FILL_ALL,
                wait(MINUTE),
            ),
        )
        for flavour in FLAVOURS
    },
    **{
        f"no frame can be read, {flavour}": Story(
            flavour=flavour,
            seed=seed,
            steps=(
                Step("broken", 1.0),
                PLACE,
                FILL_PART,
                PLACE,
                CANCEL,
                wait(SECOND),
                Step("broken", 0.0),
                wait(MINUTE),
            ),
        )
        for flavour in FLAVOURS
        for seed in (1, 2, 3)
    },
    **{
        f"banned while looking back, {flavour}": Story(
            flavour=flavour,
            seed=1,
            steps=(
                PLACE,
                Step("drop", "reset"),
                FILL_ALL,
                wait(2 * SECOND),
                Step("ban", (2 * MINUTE, 429)),
                wait(MINUTE),
            ),
        )
        for flavour in FLAVOURS
    },
    **{
        f"no room for a fill, {flavour}": Story(
            flavour=flavour, seed=1, steps=(PLACE, wait(SECOND), Step("overflow"), FILL_ALL, wait(MINUTE))
        )
        for flavour in FLAVOURS
    },
    **{
        f"more fills in a gap than memory holds, {flavour}": Story(
            flavour=flavour,
            seed=1,
            limits=(("MAX_FILLS", 3), ("MAX_FILLS_NEEDED", 8), ("MAX_CLOSED", 3), ("MAX_HELD", 2)),
            steps=(Step("drop", "late"), *(PLACE, FILL_ALL) * 12, wait(MINUTE), PLACE, FILL_ALL, wait(MINUTE)),
        )
        for flavour in FLAVOURS
    },
    # ---- Found by the wider search, with more symbols, partial outages and wrong clocks.
    # Listings beyond MAX_FOLLOWED count as listed and settled, and are never asked for (`LookBack._follow_up`).
    **{
        f"more symbols learnt at once than are asked about at once, {flavour}": Story(
            flavour=flavour,
            seed=1,
            markets=6,
            symbols=(),
            limits=(("MAX_FOLLOWED", 2),),
            before=(
                Step("since"),
                wait(SECOND),
                *(
                    step
                    for where in range(4)
                    for step in (trade(Act.LIMIT, where=where), trade(Act.LIMIT, where=where))
                ),
                *(trade(Act.CANCEL, which=which) for which in range(4)),
                wait(MINUTE),
            ),
            steps=(wait(MINUTE),),
        )
        for flavour in (SPOT, LISTEN_KEY, FUTURES)
    },
    # The second verdict reaches back to the start, and no longer says that it did not know the open orders of then.
    "orders cannot be listed at the start, ftx": Story(
        flavour=FTX,
        seed=1,
        early=True,
        before=(PLACE, wait(9 * MINUTE)),
        steps=(
            wait(SECOND // 10),
            CANCEL,
            Step("mute", "all"),
            Step("away", ("orders", "html")),
            PLACE,
            CANCEL,
            wait(17 * MINUTE),
        ),
    ),
    # The gap of the start begins an hour before what was asked for, where nothing is told, and is closed as complete.
    **{
        f"since a minute ago, by a clock that is an hour late, {flavour}": Story(
            flavour=flavour,
            seed=1,
            machine_ns=-60 * MINUTE,
            before=(PLACE, FILL_ALL, wait(SECOND), Step("since"), wait(MINUTE)),
            steps=(wait(MINUTE),),
        )
        for flavour in FLAVOURS
    },
    # The first holdings have what nobody has told yet: it counts twice (an asset is named, after a needless gap) ...
    "the first holdings have a fill that is on its way, binance-spot": Story(
        flavour=SPOT,
        seed=580,
        early=True,
        steps=(
            wait(4 * SECOND),
            trade(Act.LIMIT, where=0, offset=5, side=Side.BUY),
            trade(Act.LIMIT, where=0, offset=-5, side=Side.SELL),
            trade(Act.LIMIT, where=2, side=Side.SELL, offset=3),
            wait(37 * SECOND),
            Step("stall", 7 * SECOND),
            trade(Act.FILL, which=0, size=7),
        ),
    ),
    # ... or is never found, on a symbol that nobody named.
    "the first holdings have a fill on a symbol that nobody named, binance-spot": Story(
        flavour=SPOT,
        seed=4361,
        symbols=(),
        early=True,
        steps=(wait(3 * SECOND), Step("drop", "late"), PLACE, FILL_ALL, wait(MINUTE)),
    ),
    # By a clock that is seconds late, a fill from before the first holdings were read looked younger than them, and
    # counted twice.
    "the first holdings are read by a clock that is late, binance-spot": Story(
        flavour=SPOT,
        seed=10,
        early=True,
        steps=(Step("measure", 8 * SECOND), wait(3 * SECOND + SECOND // 2), PLACE, FILL_ALL, wait(MINUTE)),
    ),
    # What was being asked was dropped when the subscription ended; the answer that said to stay away was not read.
    "told to stay away when nobody waits for the answer, binance-spot": Story(
        flavour=SPOT,
        seed=15,
        steps=(
            Step("away", ("orders", "503")),
            Step("drop", "reset"),
            wait(100 * SECOND),
            Step("slow", 3 * SECOND),
            Step("ban", (2 * MINUTE, 418)),
            wait(5 * SECOND // 2),
            Step("terminate"),
            wait(SECOND // 2),
            Step("slow", 80_000_000),
            wait(MINUTE),
        ),
    ),
    # An order that rests from before the start, where the open orders cannot be asked for: the verdict says so.
    **{
        f"an old order, and the open ones cannot be listed, {flavour}": Story(
            flavour=flavour,
            seed=1,
            early=True,
            lasting=True,
            before=(PLACE, wait(MINUTE)),
            steps=(Step("away", ("openorders", "odd")),),
        )
        for flavour in FLAVOURS
    },
    # Placed more and cancelled less than a lag before a look: the look passes, and no later listing has the order.
    **{
        f"an order that ends just before the audit looks, {flavour}": Story(
            flavour=flavour,
            seed=1,
            steps=(Step("mute", "events"), wait(first_ns), PLACE, wait(10 * SECOND), CANCEL, wait(3 * MINUTE)),
        )
        for flavour, first_ns in ((SPOT, 28 * SECOND), (LISTEN_KEY, 8 * SECOND), (FUTURES, 8 * SECOND))
    },
    # A process that told of its beginning by the machine's clock and was killed left nothing of that: the next one
    # began anew, and nobody ever asked what had been in between.
    **{
        f"killed before the venue's time is known, {flavour}": Story(
            flavour=flavour,
            seed=1,
            journal="normal",
            early=True,
            machine_ns=machine_ns,
            before=(PLACE, Step("fate", "lost"), Step("dials", "refused")),
            steps=(
                wait(30 * SECOND),
                FILL_PART,
                Step("restart", ("kill", MINUTE)),
                FILL_PART,
                wait(2 * MINUTE),
                Step("fate", "ok"),
                Step("dials", "ok"),
                wait(MINUTE),
            ),
        )
        for flavour, machine_ns in zip(FLAVOURS, (-HOUR, HOUR, 0, -HOUR), strict=True)
    },
    # What had been told first was not on the disk yet: what came next began later than was told.
    **{
        f"a death just after the start, {durability}, {how}": Story(
            flavour=FTX,
            seed=seed,
            journal=durability,
            early=True,
            steps=(wait(400_000_000), PLACE, FILL_ALL, Step("restart", (how, 10 * SECOND)), wait(MINUTE)),
        )
        for durability, how, seed in DEATHS
    },
    **{
        f"a restart in the middle of a gap, {how}, {flavour}": Story(
            flavour=flavour,
            seed=1,
            journal="normal",
            steps=(
                PLACE,
                wait(SECOND),
                Step("drop", "reset"),
                FILL_PART,
                wait(2 * SECOND),
                Step("restart", (how, 30 * SECOND)),
                FILL_PART,
                wait(MINUTE),
            ),
        )
        for flavour in FLAVOURS
        for how in ("exit", "kill", "power")
    },
    # While what had not been told was entered, memory let go of what had, and that was told again.
    **{
        f"more fills to recover than memory holds, {flavour}": Story(
            flavour=flavour,
            seed=1,
            limits=(("MAX_FILLS", 5), ("MAX_FILLS_NEEDED", 5)),
            steps=(
                *(PLACE,) * 4,
                wait(SECOND),
                Step("mute", "events"),
                *(FILL_PART,) * 8,
                Step("unmute"),
                *(FILL_PART,) * 3,
                wait(3 * MINUTE),
            ),
        )
        for flavour in FLAVOURS
    },
    # Another key is given out while the old one lives: the link on the old one was closed at once, which was a gap.
    **{
        f"another key while the old one lives, {flavour}": Story(
            flavour=flavour,
            seed=1,
            healthy=True,
            steps=(Step("rekey"), wait(23 * MINUTE), *(PLACE, FILL_ALL, wait(3 * SECOND)) * 280, wait(60 * MINUTE)),
        )
        for flavour in (FUTURES,)
    },
    # The same, but the old one is dead: nobody said so, and facts were lost on it.
    **{
        f"another key after the old one died unheard, {flavour}": Story(
            flavour=flavour,
            seed=1,
            steps=(Step("mute", "events"), PLACE, FILL_PART, Step("rekey"), wait(40 * MINUTE), FILL_ALL, wait(MINUTE)),
        )
        for flavour in (FUTURES,)
    },
}
