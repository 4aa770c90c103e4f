"""A mock exchange and a third-party client, each a process of its own, and the rows by which all who tell are compared.

Nothing here imports the mock or ccxt: the one is started by its command line and spoken to by HTTP, the other is a
script in an environment of its own (`scripts/`).  exchstream runs in the test's process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import attrs
import httpx2
import pytest
import trio

from exchstream.events import Fill, OrderUpdate
from exchstream.model import OrderType

SCRIPT: Final = Path(__file__).parent / "scripts" / "ccxt_client.py"
ANSWERED_WITHIN: Final = 30.0  # a cold start of ccxt on a busy machine is most of it
POLL: Final = 0.02


async def eventually(done: Callable[[], Any] | Callable[[], Awaitable[Any]], what: str, seconds: float = 20) -> Any:
    """Wait until `done` (sync or async) gives something true, and return it; fail in words when it does not."""
    with trio.move_on_after(seconds):
        while True:
            found = done()
            if hasattr(found, "__await__"):
                found = await found
            if found:
                return found
            await trio.sleep(POLL)
    pytest.fail(f"not within {seconds} s: {what}")


@asynccontextmanager
async def program(*argv: str) -> AsyncIterator[trio.Process]:
    """A child process with pipes; told to end by the end of its input or by SIGTERM, and seen to end well."""
    process = await trio.lowlevel.open_process(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process
        assert process.stdin is not None
        await process.stdin.aclose()
        if argv[1] == "-m":
            process.terminate()
        with trio.fail_after(10):
            assert await process.wait() == 0
    finally:
        with trio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    await pipe.aclose()


@attrs.define
class Lines:
    """The JSON objects that a process prints, one a line."""

    process: trio.Process
    _rest: bytes = b""

    async def next(self) -> list[Any]:
        """The next ones, at least one; none when the process has closed its output."""
        assert self.process.stdout is not None
        while chunk := await self.process.stdout.receive_some():
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            if lines:
                return [json.loads(line) for line in lines]
        return []


# --- the mock -------------------------------------------------------------------------------------------------------


@attrs.frozen
class Mock:
    """A mock exchange as a process, one venue of it, seen through its control API."""

    venue: str
    ready: dict[str, Any]
    http: httpx2.AsyncClient

    @property
    def shown(self) -> dict[str, Any]:
        """What the readiness line says of the venue: the account, its key, the lines to copy."""
        venue: dict[str, Any] = self.ready["venues"][self.venue]
        return venue

    async def post(self, path: str, **body: object) -> Any:
        """Ask the control API for an act."""
        answer = (await self.http.post(self.ready["control"] + path, json=body)).raise_for_status()
        return answer.json()

    async def get(self, path: str, **query: str | int) -> Any:
        """Ask the control API for a view."""
        answer = (await self.http.get(self.ready["control"] + path, params=query)).raise_for_status()
        return answer.json()

    async def fill(self, order: dict[str, Any], quantity: str) -> None:
        """The house trades with a part of a resting order; `order` is one as ccxt returned it."""
        symbol = self.shown["symbols"][0].replace("/", "%2F")
        await self.post(f"/orders/{self.venue}/{symbol}/{order['id']}/fill", quantity=quantity)

    async def lines_for(self, name: str, **more: object) -> str:
        """Open another account and return ccxt's lines for it; `more` goes to the control API."""
        made = await self.post("/accounts", venue=self.venue, name=name, **more)
        lines: str = self.shown["snippets"]["ccxt"]
        return lines.replace(self.shown["api_key"], made["api_key"]).replace(self.shown["api_secret"], made["secret"])

    async def links(self) -> set[int]:
        """The numbers of the connections that carry the demo account's events."""
        rows = (await self.get("/connections"))["connections"]
        return {row["id"] for row in rows if self.shown["account"] in row["accounts"]}

    async def truth(self) -> dict[str, Any]:
        """What really happened to the demo account."""
        truth: dict[str, Any] = await self.get("/truth", venue=self.venue, account=self.shown["account"])
        return truth


@asynccontextmanager
async def mock_of(venue: str) -> AsyncIterator[Mock]:
    """A mock exchange in which nothing happens by itself, on a free port."""
    argv = (sys.executable, "-m", "mockserver", "--port", "0", "--json", "--liquidity", "manual")
    async with program(*argv) as process, httpx2.AsyncClient() as http:
        with trio.fail_after(ANSWERED_WITHIN):
            (ready,) = await Lines(process).next()
        yield Mock(venue, ready, http)


# --- ccxt -----------------------------------------------------------------------------------------------------------


class Refused(Exception):
    """ccxt raised: the name of its exception, and its text."""

    def __init__(self, error: str, text: str) -> None:
        super().__init__(f"{error}: {text}")
        self.error = error


@attrs.define(eq=False)
class Ccxt:
    """A process with ccxt; `heard` is what its own streams told, by (name of the exchange object, method)."""

    process: trio.Process
    text_numbers: bool
    heard: defaultdict[tuple[str, str], list[dict[str, Any]]] = attrs.field(factory=lambda: defaultdict(list))
    troubles: list[str] = attrs.field(factory=list)
    _answers: dict[int, Any] = attrs.field(factory=dict)
    _waiting: dict[int, trio.Event] = attrs.field(factory=dict)

    async def listen(self) -> None:
        """Sort what the process says."""
        lines = Lines(self.process)
        while batch := await lines.next():
            for said in batch:
                self._sort(said)

    def _sort(self, said: dict[str, Any]) -> None:
        if "id" in said:
            self._answers[said["id"]] = said
            self._waiting[said["id"]].set()
        elif "rows" in said:
            self.heard[said["name"], said["heard"]].extend(said["rows"])
        else:
            self.troubles.append(f"{said['heard']}: {said['error']}: {said['text']}")

    async def do(self, verb: str, **values: object) -> Any:
        """Have one request carried out; raises Refused with what ccxt raised."""
        number = len(self._waiting) + 1
        self._waiting[number] = trio.Event()
        assert self.process.stdin is not None
        await self.process.stdin.send_all(json.dumps({"id": number, "do": verb, "with": values}).encode() + b"\n")
        with trio.fail_after(ANSWERED_WITHIN):
            await self._waiting[number].wait()
        answer = self._answers.pop(number)
        if "error" in answer:
            raise Refused(answer["error"], answer["text"])
        return answer["result"]

    async def open(self, name: str, lines: str) -> str:
        """Make an exchange object; the version of ccxt."""
        version: str = await self.do("open", name=name, lines=lines, text_numbers=self.text_numbers)
        return version

    async def call(self, name: str, method: str, *args: object) -> Any:
        """Call a method of an exchange object."""
        return await self.do("call", name=name, method=method, args=args)

    async def watch(self, name: str, method: str) -> None:
        """Let an exchange object listen."""
        await self.do("watch", name=name, method=method)


@asynccontextmanager
async def ccxt_of(variable: str, *, text_numbers: bool) -> AsyncIterator[Ccxt]:
    """A process with the ccxt whose Python this environment variable names."""
    python = os.environ.get(variable)
    if not python:
        pytest.fail(f"{variable} must name a Python that has ccxt: run these tests by `nox -s clients`")
    async with trio.open_nursery() as nursery, program(python, str(SCRIPT)) as process:
        client = Ccxt(process, text_numbers)
        nursery.start_soon(client.listen)
        yield client


# --- rows to compare ------------------------------------------------------------------------------------------------


class FillRow(NamedTuple):
    """One fill, as everybody who tells it must tell it."""

    order_id: str
    trade_id: str
    time_ms: int
    side: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: str


class OrderRow(NamedTuple):
    """One order as it ended, in ccxt's words; `price` is None for a market order."""

    order_id: str
    client_order_id: str | None
    side: str
    price: Decimal | None
    quantity: Decimal
    filled: Decimal
    status: str


def number(value: Any) -> Decimal:
    """The number as it was written; a float by its shortest form."""
    return Decimal(str(value))


def true_fills(truth: dict[str, Any], trade_id: str) -> list[FillRow]:
    """The truth's fills; `trade_id` says which of its ids is the one that the venue shows first."""
    return [
        FillRow(
            row["order_id"],
            row[trade_id],
            row["time_ns"] // 1_000_000,
            row["side"].lower(),
            number(row["price"]),
            number(row["quantity"]),
            number(row["fee"]),
            row["fee_asset"],
            row["liquidity"],
        )
        for row in truth["fills"]
    ]


def told_fills(fills: Iterable[Fill]) -> list[FillRow]:
    """exchstream's fills."""
    rows = []
    for fill in fills:
        assert fill.fee is not None
        assert fill.fee_asset is not None
        assert fill.liquidity is not None
        millis = fill.time_ns // 1_000_000
        fee = (fill.fee, fill.fee_asset, fill.liquidity.value)
        rows.append(FillRow(fill.order_id, fill.trade_id, millis, fill.side.value, fill.price, fill.quantity, *fee))
    return rows


def ccxt_fills(trades: Iterable[dict[str, Any]]) -> list[FillRow]:
    """ccxt's trades."""
    return [
        FillRow(
            trade["order"],
            trade["id"],
            trade["timestamp"],
            trade["side"],
            number(trade["price"]),
            number(trade["amount"]),
            number(trade["fee"]["cost"]),
            trade["fee"]["currency"],
            trade["takerOrMaker"],
        )
        for trade in trades
    ]


CCXT_STATUS: Final = {
    "NEW": "open",
    "PARTIALLY_FILLED": "open",
    "FILLED": "closed",
    "CANCELED": "canceled",
    "EXPIRED": "expired",
}


def true_orders(truth: dict[str, Any], statuses: dict[str, str]) -> dict[str, OrderRow]:
    """The truth's orders; `statuses` are its words in ccxt's."""
    return {
        row["order_id"]: OrderRow(
            row["order_id"],
            row["client_order_id"],
            row["side"].lower(),
            None if row["type"] == "MARKET" else number(row["price"]),
            number(row["quantity"]),
            number(row["filled_quantity"]),
            statuses[row["status"]],
        )
        for row in truth["orders"]
    }


def told_orders(updates: Iterable[OrderUpdate]) -> dict[str, OrderRow]:
    """The last that exchstream told of each order."""
    rows = {}
    for update in updates:
        assert update.side is not None
        assert update.quantity is not None
        rows[update.order_id] = OrderRow(
            update.order_id,
            update.client_order_id,
            update.side.value,
            None if update.type is OrderType.MARKET else update.price,
            update.quantity,
            update.filled_quantity,
            CCXT_STATUS[update.status.name],
        )
    return rows


def ccxt_orders(orders: Iterable[dict[str, Any]]) -> dict[str, OrderRow]:
    """The last that ccxt says of each order."""
    return {
        order["id"]: OrderRow(
            order["id"],
            order["clientOrderId"],
            order["side"],
            None if order["type"] == "market" else number(order["price"]),
            number(order["amount"]),
            number(order["filled"]),
            order["status"],
        )
        for order in orders
    }
