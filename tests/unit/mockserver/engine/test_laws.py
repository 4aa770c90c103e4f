"""Laws of the engine that hold in every history Hypothesis can drive it through.

``LAW_EXAMPLES=3000 pytest tests/unit/mockserver/engine/test_laws.py`` looks longer.
"""

import os
from collections import Counter
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.actions import Action, command_of, drive
from mockserver.engine.engine import Engine
from mockserver.engine.fees import Discount
from mockserver.engine.ids import BINANCE_SPOT_IDS, FTX_IDS
from mockserver.engine.types import (
    ATOMS,
    HOUSE,
    Deposit,
    FeeRule,
    Fill,
    ListChange,
    ListEvent,
    ListKind,
    OrderChange,
    OrderEvent,
    OrderStatus,
    OrderView,
    PositionSide,
    SetTerms,
    Side,
    TradeEvent,
)
from mockserver.strategies import actions, stories
from tests.unit.mockserver.engine.markets import NOW, PERP, SPOT, do, engine_of, perp, spot

ACCOUNTS = ("alice", "bob", HOUSE)
laws = settings(deadline=None, max_examples=int(os.environ.get("LAW_EXAMPLES", "40")))
histories = stories(actions(), 40)
markets = st.sampled_from(("received", "quote", "rebate"))


def make(market: str) -> Engine:
    """Return an engine with one of the venues' fee rules; alice's margin is isolated, until she changes that."""
    if market == "received":
        discount = Discount("BNB", 25_000_000, "USD", Decimal(5))
        engine = engine_of(spot(), perp(), ids=BINANCE_SPOT_IDS, discount=discount)
    else:
        fee = -5_000 if market == "rebate" else 20_000
        engine = engine_of(spot(FeeRule.QUOTE, maker_fee=fee, taker_fee=70_000), perp(), ids=FTX_IDS)
    do(engine, SetTerms(account="alice", instrument=PERP, isolated=True))
    return engine


def held(engine: Engine, account: str, asset: str) -> int:
    """Return what the open spot orders of an account must lock of an asset: of a pair what the dearer one needs."""
    by_pair: dict[object, int] = {}
    for view in engine.open_orders(account):
        instrument = engine.instruments[view.instrument]
        pays = instrument.base if view.side is Side.SELL else instrument.quote
        if instrument.is_perp or pays != asset or view.status is OrderStatus.PENDING_NEW:
            continue
        mine = None if view.list_id is None else engine.order_list(view.list_id)
        pair = (
            () if mine is None else {ListKind.OCO: mine.order_ids, ListKind.OTO: ()}.get(mine.kind, mine.order_ids[1:])
        )
        key = view.list_id if view.order_id in pair else (view.instrument, view.order_id)
        by_pair[key] = max(by_pair.get(key, 0), need(engine, view))
    return sum(by_pair.values())


def need(engine: Engine, view: OrderView) -> int:
    """Return what an open spot order locks by itself."""
    instrument = engine.instruments[view.instrument]
    if view.side is Side.SELL:
        return view.remaining * instrument.step_atoms
    ticks = view.price
    if ticks is None:
        assert view.trigger is not None
        assert view.trigger.price is not None  # or the caller could not know
        ticks = -int(-view.trigger.price // instrument.tick)
    notional = instrument.notional(ticks, view.remaining)
    rates = engine.terms(view.account).fees or (instrument.maker_fee, instrument.taker_fee)
    return notional - (-notional * max(0, *rates) // ATOMS) if instrument.pays_on_top else notional


def wealth(engine: Engine, asset: str) -> int:
    """Return everything of an asset: balances, less what open positions cost, plus fees; only deposits change it."""
    total = engine.fees_collected(asset)
    for account in engine.accounts():
        total += engine.balance(account, asset).total
        for position in engine.positions(account):
            if engine.instruments[position.instrument].cash == asset:
                total -= position.entry_quote
    return total


@given(market=markets, recipes=histories)
@laws
def test_money_is_neither_made_nor_lost(market: str, recipes: list[Action]) -> None:
    """The sum of an asset over all accounts and fees changes by exactly what was deposited."""
    engine = make(market)
    before = {asset: wealth(engine, asset) for asset in ("ABC", "BNB", "USD")}
    for _, command, result in drive(engine, recipes, ACCOUNTS, start_ns=NOW):
        if isinstance(command, Deposit) and result.reply.reject is None:
            before[command.asset] += command.amount
    assert before == {asset: wealth(engine, asset) for asset in before}


@given(market=markets, recipes=histories)
@laws
def test_what_is_locked_is_what_open_orders_need(market: str, recipes: list[Action]) -> None:
    """After every command; nothing locked or free is ever negative, but a wallet that pays for perpetuals."""
    engine = make(market)
    now_ns = NOW
    for action in recipes:
        command = command_of(engine, action, ACCOUNTS)
        if command is None:
            continue
        engine.apply(command, now_ns)
        for account in ("alice", "bob"):
            coins, cash = (engine.balance(account, asset) for asset in ("ABC", "USD"))
            assert coins.free >= 0
            assert coins.locked == held(engine, account, "ABC")
            # A market buy that trails from the start locks what it cost at the price of that moment.
            buys = [v for v in engine.open_orders(account, SPOT) if v.side is Side.BUY and v.price is None]
            if all(view.trigger is not None and view.trigger.price is not None for view in buys):
                behind = sum(position.wallet for position in engine.positions(account))
                assert cash.locked == held(engine, account, "USD") + behind
            assert cash.locked >= 0
            assert cash.free >= 0 or any(position.instrument == PERP for position in engine.positions(account))


@given(market=markets, recipes=histories)
@laws
def test_book_is_never_crossed_and_counts_its_orders(market: str, recipes: list[Action]) -> None:
    """After every command the best bid is below the best ask, and each level is the sum of the open orders there."""
    engine = make(market)
    now_ns = NOW
    for action in recipes:
        command = command_of(engine, action, ACCOUNTS)
        if command is not None:
            engine.apply(command, now_ns)
        for name in engine.instruments:
            depth = engine.depth(name)
            if depth.bids and depth.asks:
                assert depth.bids[0][0] < depth.asks[0][0]
            resting: dict[Side, Counter[int]] = {side: Counter() for side in Side}
            for account in engine.accounts():
                for view in engine.open_orders(account, name):
                    if view.waits:
                        continue
                    assert view.price is not None
                    resting[view.side][view.price] += view.remaining
            assert sorted(resting[Side.BUY].items(), reverse=True) == list(depth.bids)
            assert sorted(resting[Side.SELL].items()) == list(depth.asks)


@given(market=markets, recipes=histories)
@laws
def test_every_trade_has_two_equal_sides(market: str, recipes: list[Action]) -> None:
    """A trade in the book is one buy and one sell of one quantity and price; a forced one has the house opposite."""
    engine = make(market)
    for _, _, result in drive(engine, recipes, ACCOUNTS, start_ns=NOW):
        trades = {e.trade.trade_id: e.trade for e in result.events if isinstance(e, TradeEvent)}
        sides = [e.execution for e in result.events if isinstance(e, OrderEvent) and e.execution is not None]
        for execution in sides:
            trade = trades[execution.trade_id]
            assert (trade.price, trade.quantity, trade.quote) == (execution.price, execution.quantity, execution.quote)
            assert (execution.side is trade.taker_side) == (not execution.maker)
        per_trade = Counter(execution.trade_id for execution in sides)
        assert set(trades) == set(per_trade)
        assert all(count in (1, 2) for count in per_trade.values())


@given(market=markets, recipes=histories)
@laws
def test_orders_only_move_forward(market: str, recipes: list[Action]) -> None:
    """Per order: filled never falls nor exceeds the quantity, fills add up, nothing follows an end, NEW comes first."""
    engine = make(market)
    seen: dict[tuple[str, int], OrderEvent] = {}
    for _, _, result in drive(engine, recipes, ACCOUNTS, start_ns=NOW):
        for event in result.events:
            if not isinstance(event, OrderEvent):
                continue
            view = event.order
            last = seen.get((view.instrument, view.order_id))
            # An order that waits for the first of its list is told as NEW again when its turn comes.
            again = last is not None and last.order.status is OrderStatus.PENDING_NEW
            assert (last is None or (again and view.status is OrderStatus.NEW)) == (event.change is OrderChange.NEW)
            traded = event.execution.quantity if event.execution is not None else 0
            assert 0 <= view.remaining <= view.quantity
            assert (view.status is OrderStatus.FILLED) == (view.remaining == 0 and traded > 0)
            assert (event.change is OrderChange.PREVENTED) <= (view.prevented > 0 and view.is_open)
            assert view.waits <= (traded == 0)
            if last is not None:
                assert last.order.is_open
                assert last.order.prevented <= view.prevented
                assert last.order.waits >= view.waits
                assert last.order.filled + traded == view.filled
                assert last.execution_id < event.execution_id
            seen[view.instrument, view.order_id] = event


@given(market=markets, recipes=histories)
@laws
def test_better_prices_and_older_orders_trade_first(market: str, recipes: list[Action]) -> None:
    """Within a sweep a maker is never passed over for one that is worse priced, or that came later at its price."""
    engine = make(market)
    arrival: dict[tuple[str, int], int] = {}  # when an order joined the queue where it stands
    before: dict[tuple[str, int], OrderView] = {}
    for _, command, result in drive(engine, recipes, ACCOUNTS, start_ns=NOW):
        told = [event for event in result.events if isinstance(event, OrderEvent)]
        takers = {e.execution.trade_id: e.execution.order_id for e in told if e.execution and not e.execution.maker}
        sweeps: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for event in told:
            view, key = event.order, (event.order.instrument, event.order.order_id)
            old = before.get(key)
            if old is None or view.price != old.price or view.quantity > old.quantity or old.waits > view.waits:
                arrival[key] = event.seq
            before[key] = view
            trade = event.execution
            if trade is not None and trade.maker and not isinstance(command, Fill):
                worse = trade.price if view.side is Side.SELL else -trade.price
                sweep = (view.instrument, takers[trade.trade_id])
                sweeps.setdefault(sweep, []).append((worse, arrival[key]))
        for makers in sweeps.values():
            assert sorted(makers) == makers


@given(market=markets, recipes=histories, data=st.data())
@laws
def test_questions_about_the_past_equal_a_replay(market: str, recipes: list[Action], data: st.DataObject) -> None:
    """Asked as of an earlier moment, the engine answers what a second engine that stopped there answers now."""
    engine = make(market)
    done = drive(engine, recipes, ACCOUNTS, start_ns=NOW)
    moment = data.draw(st.sampled_from([NOW, *(now_ns for now_ns, _, _ in done)]))
    earlier = make(market)
    for now_ns, command, _ in done:
        if now_ns <= moment:
            earlier.apply(command, now_ns)
    for account in ("alice", "bob"):
        assert earlier.open_orders(account) == engine.open_orders(account, as_of_ns=moment)
        assert earlier.orders(account) == engine.orders(account, as_of_ns=moment)
        assert earlier.executions(account) == engine.executions(account, as_of_ns=moment)
        assert earlier.balances(account) == engine.balances(account, as_of_ns=moment)
        assert earlier.positions(account) == engine.positions(account, as_of_ns=moment)
        assert earlier.algo_orders(account) == engine.algo_orders(account, as_of_ns=moment)
        assert earlier.order_lists(account) == engine.order_lists(account, as_of_ns=moment)


@given(market=markets, recipes=histories)
@laws
def test_same_seed_and_commands_give_the_same_events(market: str, recipes: list[Action]) -> None:
    """Two engines that are told the same say the same, ids included, and number their events without a hole."""
    first, second = (drive(make(market), recipes, ACCOUNTS, start_ns=NOW) for _ in range(2))
    assert first == second
    seqs = [event.seq for _, _, result in first for event in result.events]
    assert seqs == sorted(set(seqs))
    assert not seqs or seqs[-1] - seqs[0] == len(seqs) - 1


@given(market=markets, recipes=histories)
@laws
def test_a_refused_command_changes_nothing(market: str, recipes: list[Action]) -> None:
    """A reject comes without events, and leaving the refused commands out gives the same balances and books."""
    engine, willing = make(market), make(market)
    for now_ns, command, result in drive(engine, recipes, ACCOUNTS, start_ns=NOW):
        if result.reply.reject is not None:
            assert result.events == ()
        else:
            willing.apply(command, now_ns)
    for account in ("alice", "bob"):
        assert willing.balances(account) == engine.balances(account)
        assert willing.open_orders(account) == engine.open_orders(account)


@given(market=markets, recipes=histories)
@laws
def test_a_list_ends_with_its_orders(market: str, recipes: list[Action]) -> None:
    """A list is told as started first and as done once, when the last of its orders ended; of a pair one executes."""
    engine = make(market)
    told: dict[int, list[ListEvent]] = {}
    for _, _, result in drive(engine, recipes, ACCOUNTS, start_ns=NOW):
        for event in result.events:
            if isinstance(event, ListEvent):
                told.setdefault(event.order_list.list_id, []).append(event)
    for list_id, events in told.items():
        now = engine.order_list(list_id)
        assert now is not None
        changes = [event.order_list.change for event in events]
        orders = [v for i in now.order_ids if (v := engine.order(now.instrument, i)) is not None]
        assert changes[0] is ListChange.STARTED
        assert changes.count(ListChange.DONE) == now.is_done == (not any(view.is_open for view in orders))
        if now.kind is not ListKind.OTO and len(orders) == len(now.order_ids):
            assert sum(view.filled > 0 for view in orders[-2:]) <= 1
            assert sum(view.is_open and not view.waits and view.trigger is not None for view in orders[-2:]) <= 1


@given(market=markets, recipes=histories)
@laws
def test_positions_sum_to_zero_and_agree_with_the_cash(market: str, recipes: list[Action]) -> None:
    """What one side owns the other owes; profit, made or not, is what the trades were worth; cash is told by trades."""
    engine = make(market)
    cash = {account: engine.balance(account, "USD").total for account in ("alice", "bob")}
    for _, command, result in drive(engine, recipes, ACCOUNTS, start_ns=NOW):
        if isinstance(command, Deposit) and result.reply.reject is None and command.account in cash:
            cash[command.account] += command.amount
    every = [position for account in engine.accounts() for position in engine.positions(account)]
    assert sum(position.quantity for position in every) == 0
    last, perpetual = engine.last_price(PERP), engine.instruments[PERP]
    for account, before in cash.items():
        mine = engine.executions(account)
        for position in engine.positions(account):
            fills = [each for each in mine if (each.instrument, each.position_side) == (PERP, position.side)]
            assert position.quantity == sum(each.side.sign * each.quantity for each in fills)
            assert position.realized == sum(each.realized for each in fills)
            gained = perpetual.notional(last, position.quantity) - position.entry_quote
            worth = sum(each.side.sign * (perpetual.notional(last, each.quantity) - each.quote) for each in fills)
            assert position.realized + gained == worth
            assert position.side is PositionSide.BOTH or position.quantity * position.side.sign >= 0
        paid = sum(each.side.sign * each.quote for each in mine if each.instrument == SPOT)
        fees = sum(each.fee for each in mine if each.fee_asset == "USD")
        made = sum(each.realized for each in mine)
        assert engine.balance(account, "USD").total == before - paid - fees + made


@given(market=markets, recipes=histories)
@laws
def test_cash_stands_behind_open_isolated_positions_alone(market: str, recipes: list[Action]) -> None:
    """What trades and the account moved there and back, less the fees that were paid from it, is there; never less."""
    engine = make(market)
    for now_ns, command, _ in drive(engine, recipes, ACCOUNTS, start_ns=NOW):
        account = getattr(command, "account", None)
        for position in () if account is None else engine.positions(account, now_ns):
            assert position.wallet >= 0
    for account in ("alice", "bob"):
        for position in engine.positions(account):
            is_isolated = position.instrument in engine.terms(account).isolated
            assert bool(position.wallet) <= (is_isolated and position.quantity != 0)
            moves = [each for each in engine.margin_moves(account) if each.side is position.side]
            fees = sum(max(0, each.fee) for each in engine.executions(account, position.instrument))
            rebates = sum(max(0, -each.fee) for each in engine.executions(account, position.instrument))
            moved = sum(each.amount for each in moves)
            assert moved - fees <= position.wallet <= moved + rebates


@given(market=markets, recipes=histories)
@laws
def test_an_order_is_what_was_executed_prevented_and_open(market: str, recipes: list[Action]) -> None:
    """And each execution of it is one of its account's; no other account has one."""
    engine = make(market)
    drive(engine, recipes, ACCOUNTS, start_ns=NOW)
    for account in ("alice", "bob"):
        filled: Counter[tuple[str, int]] = Counter()
        for each in engine.executions(account):
            filled[each.instrument, each.order_id] += each.quantity
        for view in engine.orders(account):
            assert view.quantity == view.filled + view.prevented + view.remaining
            assert view.filled == filled.pop((view.instrument, view.order_id), 0)
            assert view.is_open <= (view.remaining > 0)
        assert not filled
