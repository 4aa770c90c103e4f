"""What the two sides say, as the plain tuples that the checkers judge: our events, and those of the mock's engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from exchstream.events import Event, Fill, GapClosed, GapOpened, OrderUpdate
from mockserver.checkers import Closed, Opened, Told, ToldFill, ToldOrder, TrueChange, TrueFill
from mockserver.engine.types import AlgoEvent, AlgoStatus, Instrument, OrderEvent, atoms_to_decimal
from mockserver.engine.types import Event as EngineEvent


def told_of(event: Event, at_ns: int) -> Told | None:
    """An event as it was told at this instant; None for what is neither a fact nor a gap."""
    match event:
        case Fill():
            key = (event.venue_symbol, event.trade_id, event.order_id)
            return ToldFill(at_ns, key, event.time_ns, event.price, event.quantity, event.fee, event.recovered)
        case OrderUpdate():
            order = (event.venue_symbol, event.order_id, event.order_kind.value)
            return ToldOrder(at_ns, order, event.status.value, event.filled_quantity, event.recovered)
        case GapOpened():
            return Opened(at_ns, event.since_ns, event.reason.value)
        case GapClosed():
            symbols = None if event.scope.symbols is None else frozenset(event.scope.symbols)
            unresolved = tuple((part.what, part.name) for part in event.unresolved)
            orders_ns = event.scope.orders_since_ns
            return Closed(at_ns, event.since_ns, event.until_ns, symbols, event.complete, unresolved, orders_ns)
        case _:
            return None


def truth_of(
    happened: Sequence[EngineEvent], account: str, instruments: Mapping[str, Instrument], *, ftx: bool
) -> Iterator[TrueChange | TrueFill]:
    """What really happened to this account; FTX has an id for each side of a trade, and one word for ends unfilled."""
    for event in happened:
        if isinstance(event, OrderEvent) and event.account == account:
            yield from _of_order(event, instruments[event.order.instrument], ftx=ftx)
        elif isinstance(event, AlgoEvent) and event.account == account:
            key = (event.algo.child.instrument, str(event.algo.algo_id), "algo")
            yield TrueChange(key, event.time_ns, _algo_status(event.algo.status), Decimal(0))


def _of_order(event: OrderEvent, instrument: Instrument, *, ftx: bool) -> Iterator[TrueChange | TrueFill]:
    view, each = event.order, event.execution
    status = view.status.value.lower()
    if ftx and status == "expired":
        status = "canceled"
    order_id = str(view.order_id)
    yield TrueChange((view.instrument, order_id, "order"), event.time_ns, status, instrument.quantity(view.filled))
    if each is not None:
        trade_id = str(each.fill_id if ftx else each.trade_id)
        price, quantity = instrument.price(each.price), instrument.quantity(each.quantity)
        fee = atoms_to_decimal(each.fee)
        yield TrueFill((each.instrument, trade_id, order_id), each.time_ns, price, quantity, fee)


def _algo_status(status: AlgoStatus) -> str:
    triggered = (AlgoStatus.TRIGGERING, AlgoStatus.TRIGGERED)
    return "triggered" if status in triggered else status.value.lower()
