"""The mock's truth (``GET /__mock/truth``) as the plain tuples that the checkers judge by.

Ids are those that the venue tells its clients: FTX has one for each side of a trade, Binance one for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from mockserver.checkers.facts import TrueChange, TrueFill

Report = Mapping[str, Any]


def true_fills(report: Report, *, venue: str, account: str) -> list[TrueFill]:
    """Every fill of this account, in the order in which they happened."""
    return [_fill(row) for row in _rows(report, "fills", venue, account)]


def true_orders(report: Report, *, venue: str, account: str) -> list[TrueChange]:
    """Every change of this account's orders: birth, fills, end; of conditional orders how they stand now."""
    fills: dict[tuple[str, str], list[TrueFill]] = {}
    for fill in true_fills(report, venue=venue, account=account):
        fills.setdefault((fill.key[0], fill.key[2]), []).append(fill)
    changes = [
        change
        for row in _rows(report, "orders", venue, account)
        for change in _course(row, fills.get((row["symbol"], row["order_id"]), []))
    ]
    for row in _rows(report, "conditional_orders", venue, account):
        status = "triggered" if row["status"] == "TRIGGERING" else row["status"].lower()
        changes.append(TrueChange((row["symbol"], row["algo_id"], "algo"), row["updated_ns"], status, Decimal(0)))
    return sorted(changes, key=lambda change: change.time_ns)


def _rows(report: Report, what: str, venue: str, account: str) -> Iterator[Mapping[str, Any]]:
    return (row for row in report[what] if row["venue"] == venue and row["account"] == account)


def _fill(row: Mapping[str, Any]) -> TrueFill:
    trade_id = row["fill_id"] if row["venue"] == "ftx" else row["trade_id"]
    key = (row["symbol"], trade_id, row["order_id"])
    return TrueFill(key, row["time_ns"], Decimal(row["price"]), Decimal(row["quantity"]), Decimal(row["fee"]))


def _course(row: Mapping[str, Any], fills: list[TrueFill]) -> Iterator[TrueChange]:
    key = (row["symbol"], row["order_id"], "order")
    status = row["status"].lower()
    if status == "expired" and row["venue"] == "ftx":  # which has one word for all that ends unfilled
        status = "canceled"
    filled = Decimal(0)
    yield TrueChange(key, row["created_ns"], status if status in ("pending_new", "rejected") else "new", filled)
    for fill in fills:
        filled += fill.quantity
        done = status == "filled" and filled == Decimal(row["filled_quantity"])
        yield TrueChange(key, fill.time_ns, "filled" if done else "partially_filled", filled)
    if status in ("canceled", "expired"):
        yield TrueChange(key, row["updated_ns"], status, filled)
