"""Texts in memory -> something that a program can use, three ways.  No socket, no waiting.

    json        the standard library: dict of strings
    msgspec     a typed struct of all fields, money as Decimal; nothing is checked, joined, deduplicated or told
    exchstream  Venue, Session, journal and reader: everything but the socket; `read` texts at a time

Arguments: reports to warm up with, reports that count, which way, and how many texts come in one read.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import msgspec

import exchstream
from exchstream import BinanceSpot, GapClosed, OrderUpdate
from exchstream.core.happenings import Answered, Ask, Clocked, Command, Connected, Dial, Emit, Now, Received, Send
from exchstream.core.happenings import Started, Woken
from exchstream.core.session import Session
from exchstream.core.venue import Reply
from exchstream.journal.ring import Ring
from tests.bench.answers import answer
from tests.bench.contestants.meter import Meter
from tests.bench.reports import blast

MILLI = 1_000_000


class Report(msgspec.Struct, rename=dict(zip(  # noqa: B905
    ("event", "time", "symbol", "client", "side", "kind", "time_in_force", "quantity", "price", "stop", "iceberg",
     "list_id", "original", "execution", "status", "reject", "order", "last", "filled", "last_price", "fee",
     "fee_asset", "transaction", "trade", "number", "works", "maker", "ignore", "created", "quote", "last_quote",
     "quote_quantity", "working", "prevention"),
    "e E s c S o f q p P F g C x X r i l z L n N T t I w m M O Z Y Q W V".split(),
))):  # fmt: skip
    """Every field of the report."""

    event: str
    time: int
    symbol: str
    client: str
    side: str
    kind: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    stop: Decimal
    iceberg: Decimal
    list_id: int
    original: str
    execution: str
    status: str
    reject: str
    order: int
    last: Decimal
    filled: Decimal
    last_price: Decimal
    fee: Decimal
    fee_asset: str | None
    transaction: int
    trade: int
    number: int
    works: bool
    maker: bool
    ignore: bool
    created: int
    quote: Decimal
    last_quote: Decimal
    quote_quantity: Decimal
    working: int
    prevention: str


class Wrapped(msgspec.Struct):
    """A report as the WebSocket API wraps it."""

    subscriptionId: int
    event: Report
