"""FTX's listings: open orders, the history of orders, fills.

The history is of *creation* times: an order made before `start_time` and closed after it is not in it. Rows come newest
first; both bounds belong to the range, so a client that pages backwards by the oldest row's time meets that row again.
All answers are as of the settings' REST lag. What it does not do: otc fills (the mock has none), trigger orders.
"""

from __future__ import annotations

from typing import Final

from mockserver.engine.types import OrderType, OrderView, Side
from mockserver.faces.ftx import errors, render
from mockserver.faces.ftx.orders import by_client_id, by_id
from mockserver.faces.ftx.rest import Call, Result, market, refuse
from mockserver.faces.ftx.wire import Json

ORDERS_LIMIT: Final = 100  # default and maximum (ccxt)
FILLS_LIMIT: Final = 100  # invented: the maximum without times; the default is a setting, since it is not known
FILLS_LIMIT_WITH_TIMES: Final = 5_000  # times "will relax the max results per page to 5,000" (pagination docs, 2022)


def order(call: Call, *, order_id: str | None = None, client_id: str | None = None) -> Result:
    """`GET /orders/{id}` and `GET /orders/by_client_id/{clientId}`: open or closed."""
    as_of_ns = call.exchange.as_of_ns
    view = by_client_id(call, client_id, as_of_ns) if client_id is not None else by_id(call, order_id or "", as_of_ns)
    return refuse(errors.ORDER_NOT_FOUND) if view is None else Result(_row(view))


def open_orders(call: Call) -> Result:
    """`GET /orders`: everything that works, of one market or of all."""
    views = call.exchange.engine.open_orders(call.ledger, call.market_filter(), as_of_ns=call.exchange.as_of_ns)
    return Result([_row(view) for view in reversed(views)])


def orders(call: Call) -> Result:
    """`GET /orders/history`: open and closed orders by creation time, newest first."""
    side = call.one_of("side", ("buy", "sell"))
    kind = call.one_of("orderType", ("limit", "market"))
    start_ns, end_ns = call.time_range()
    views = call.exchange.engine.orders(
        call.ledger, call.market_filter(), start_ns=start_ns, end_ns=end_ns, as_of_ns=call.exchange.as_of_ns
    )
    wanted = [
        view
        for view in views
        if (side is None or view.side is Side(side.upper())) and (kind is None or view.type is OrderType(kind.upper()))
    ]
    wanted.sort(key=lambda view: (view.created_ns, view.order_id), reverse=True)
    size = call.exchange.page(min(call.whole("limit") or ORDERS_LIMIT, ORDERS_LIMIT))
    return Result([_row(view) for view in wanted[:size]], more=len(wanted) > size)


def fills(call: Call) -> Result:
    """`GET /fills`: newest first, or oldest first with `order=asc`."""
    ascending = call.one_of("order", ("asc",)) is not None
    start_ns, end_ns = call.time_range()
    executions = sorted(
        call.exchange.engine.executions(
            call.ledger,
            call.market_filter(),
            order_id=call.whole("orderId"),
            start_ns=start_ns,
            end_ns=end_ns,
            as_of_ns=call.exchange.as_of_ns,
        ),
        key=lambda each: (each.time_ns, each.fill_id),
        reverse=not ascending,
    )
    size = _fills_page(call, timed=start_ns is not None or end_ns is not None)
    return Result([render.fill(each, market(each.instrument).instrument) for each in executions[:size]])


def _fills_page(call: Call, *, timed: bool) -> int:
    most = FILLS_LIMIT_WITH_TIMES if timed else FILLS_LIMIT
    usual = FILLS_LIMIT_WITH_TIMES if timed else int(call.exchange.settings.options["fills_default_limit"] or 1)
    return call.exchange.page(min(call.whole("limit") or usual, most))


def _row(view: OrderView) -> dict[str, Json]:
    return render.rest_order(view, market(view.instrument).instrument)
