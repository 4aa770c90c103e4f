"""One trader: a client and its mock, each a process of its own; what its own stream told is held to the truth.

The trader is one of `scripts/trade_*`, in an environment of its own below the folder that EXCHSTREAM_CLIENTS names.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import attrs
import httpx2
import pytest
import trio

from mockserver.snippets import CLIENTS, values_of

from .harness import ANSWERED_WITHIN, Lines, eventually, number, program
from .table import Case

ROOT: Final = Path(__file__).parents[2]
SCRIPTS: Final = Path(__file__).parent / "scripts"
STARTED_WITHIN: Final = 60.0
HEARD_WITHIN: Final = 10.0


class Update(NamedTuple):
    """What was told of an order: the client's word for its status, and how much of it is filled."""

    status: str
    filled: str


@attrs.define(eq=False)
class Trader:
    """A client that runs, and the control API of its mock; `told` is what it printed, in its order."""

    case: Case
    process: trio.Process
    told: list[dict[str, Any]]
    http: httpx2.AsyncClient
    control: str
    errors: Path

    async def ask(self, request: dict[str, Any], answer: str) -> str:
        """Let the client do something; what it answers under this name."""
        before = sum(answer in line for line in self.told)
        assert self.process.stdin is not None
        await self.process.stdin.send_all(json.dumps(request).encode() + b"\n")
        await self._until(lambda: sum(answer in line for line in self.told) > before, f"{answer} by the client")
        return [line[answer] for line in self.told if answer in line][-1]

    async def place(self, quantity: str, price: str) -> str:
        """Let it bid; the order's id."""
        if not self.case.places:
            wanted = {"account": "demo", "side": "BUY", "quantity": quantity, "price": price}
            answer = await self.act("/orders", venue=self.case.venue, symbol=self.case.symbol, **wanted)
            return str(answer["order"]["order_id"])
        return await self.ask({"place": {"side": "BUY", "quantity": quantity, "price": price}}, "placed")

    async def cancel(self, order_id: str) -> None:
        """Let it cancel."""
        if not self.case.places:
            await self.act(f"{self.path}/{order_id}/cancel")
            return
        await self.ask({"cancel": order_id}, "cancelled")

    async def fill(self, order_id: str, quantity: str) -> None:
        """The house trades with a part of its order."""
        await self.act(f"{self.path}/{order_id}/fill", quantity=quantity)

    async def act(self, path: str, **body: str) -> Any:
        """Ask the control API for an act."""
        return (await self.http.post(self.control + path, json=body)).raise_for_status().json()

    @property
    def path(self) -> str:
        """Where the control API has its orders."""
        return f"/orders/{self.case.venue}/{self.case.symbol.replace('/', '%2F')}"

    async def look(self, path: str, **query: str) -> Any:
        """A view of the control API."""
        return (await self.http.get(self.control + path, params=query)).raise_for_status().json()

    async def truth(self) -> dict[str, Any]:
        """What really happened at the venue, to the one account that is used."""
        truth: dict[str, Any] = await self.look("/truth", venue=self.case.venue)
        return truth

    async def listens(self) -> bool:
        """Whether its own stream carries the account; at FTX its orders and its fills."""
        links = {row["connection"] for row in (await self.truth())["sight"] if row["until_ns"] is None}
        if self.case.venue != "ftx" or not links:
            return bool(links)
        said = (await self.look("/journal", kind="ws-out"))["entries"]
        texts = [entry["text"] for entry in said if '"subscribed"' in (entry["text"] or "")]
        return all(any(channel in text for text in texts) for channel in self.case.channels)

    @property
    def version(self) -> str:
        """The client's version, as its package says."""
        return next(str(line["ready"]) for line in self.told if "ready" in line)

    def history(self, order_id: str) -> list[Update]:
        """All that its stream told of an order."""
        lines = [line for line in self.told if "status" in line and line["order"] == order_id]
        return [Update(line["status"], line["filled"]) for line in lines]

    def fills(self) -> Counter[tuple[str, str, str]]:
        """All fills that its stream told: order, trade, quantity."""
        return Counter((line["order"], line["fill"], line["quantity"]) for line in self.told if "fill" in line)

    async def hears(self, order_id: str, count: int) -> None:
        """Wait until its stream has told this often of an order; what is missing is better shown by the comparison."""
        with trio.move_on_after(HEARD_WITHIN):
            while len(self.history(order_id)) < count:  # noqa: ASYNC110 (another process tells nobody)
                await trio.sleep(0.01)

    async def _until(self, done: Any, what: str) -> None:
        ended = lambda: self.process.returncode is not None  # noqa: E731
        await eventually(lambda: done() or ended(), what, STARTED_WITHIN)
        if not done():
            pytest.fail(f"the client ended with {self.process.returncode} before {what}:\n{self.complaint()}")

    def complaint(self) -> str:
        """The end of what it wrote to standard error."""
        return self.errors.read_text(errors="replace")[-3_000:]


# --- how it is started ----------------------------------------------------------------------------------------------


def command_of(case: Case, lines: str) -> tuple[list[str], Path]:
    """The command that runs the client's script in its environment, and the folder where it runs."""
    named = os.environ.get("EXCHSTREAM_CLIENTS")
    if not named:
        pytest.fail("EXCHSTREAM_CLIENTS must name the clients' environments: run these tests by `nox -s clients_all`")
    home = Path(named) / f"clients-{case.environment}"
    if case.script.endswith(".mjs"):
        texts = [(SCRIPTS / "trading.mjs").read_text(), lines, (SCRIPTS / case.script).read_text()]
        return ["node", "--input-type=module", "--eval", "\n".join(texts)], home
    return [str(home / "bin" / "python"), "-m", f"tests.clients.scripts.{case.script.removesuffix('.py')}"], ROOT


def lines_of(case: Case, ready: Mapping[str, Any]) -> str:
    """The lines that the mock prints for the client, for the mock that said that it is ready."""
    (client,) = (each for each in CLIENTS if each.name == case.client)
    shown = ready["venues"][case.venue]
    address = ready.get("tls", {})
    values = values_of(http=ready["http"], ws=ready["ws"], key=shown["api_key"], secret=shown["api_secret"])
    return client.snippet(case.venue, {**values, **{name: address[name] for name in ("https", "wss") if address}})


@asynccontextmanager
async def trader_of(case: Case, folder: Path) -> AsyncIterator[Trader]:
    """The client of this case, which listens."""
    manual = ["--liquidity", "manual", "--profile", case.profile]
    if case.lines is not None:  # under `exec`, which is the mock too
        command, place = command_of(case, case.lines)
        keys = ["--keys", "binance=KEY,SECRET"]
        argv = [sys.executable, "-m", "mockserver", "exec", *manual, *keys, "--", *command]
        async with running(case, argv, place, {"LINES": case.lines}, folder, None) as trader:
            yield trader
        return
    tls = ["--tls", str(folder / "tls")] if case.needs_tls else []
    async with program(sys.executable, "-m", "mockserver", "--port", "0", "--json", *manual, *tls) as process:
        with trio.fail_after(ANSWERED_WITHIN):
            (ready,) = await Lines(process).next()
        lines = lines_of(case, ready)
        argv, place = command_of(case, lines)
        variables = {"LINES": lines}
        if tls:
            variables |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), ready["tls"]["bundle"])
        async with running(case, argv, place, variables, folder, ready["control"]) as trader:
            yield trader


@asynccontextmanager
async def running(
    case: Case, argv: list[str], place: Path, variables: dict[str, str], folder: Path, control: str | None
) -> AsyncIterator[Trader]:
    """The client's process until its end, which the end of its input brings; by `exec` it says where the mock is."""
    errors = folder / "stderr"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "VENUE": case.venue, **variables}
    pipes = partial(trio.lowlevel.open_process, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with errors.open("wb") as stderr:
        process = await pipes(argv, stderr=stderr, cwd=place, env=env)
    async with trio.open_nursery() as nursery, httpx2.AsyncClient() as http:
        trader = Trader(case, process, [], http, control or "", errors)
        nursery.start_soon(listen, trader)
        try:
            await trader._until(lambda: any("ready" in line for line in trader.told), "it was ready")
            trader.control = control or next(line["control"] for line in trader.told if "ready" in line)
            await eventually(trader.listens, f"its own stream carries the account:\n{trader.complaint()}", 30)
            yield trader
            assert process.stdin is not None
            await process.stdin.aclose()
            with trio.fail_after(20):
                assert await process.wait() == 0, trader.complaint()
        finally:
            with trio.CancelScope(shield=True):
                if process.returncode is None:
                    process.terminate()
                    with trio.move_on_after(5):
                        await process.wait()
                if process.returncode is None:
                    process.kill()
                await process.wait()
            nursery.cancel_scope.cancel()


async def listen(trader: Trader) -> None:
    """Keep what it prints; a client may print other things too."""
    assert trader.process.stdout is not None
    rest = b""
    async for chunk in trader.process.stdout:
        *lines, rest = (rest + chunk).split(b"\n")
        trader.told += [json.loads(line) for line in lines if line.startswith(b"{")]


# --- what the truth says --------------------------------------------------------------------------------------------


def true_history(truth: dict[str, Any], order_id: str, words: Mapping[str, str]) -> list[Update]:
    """What a stream that leaves nothing out tells of an order, in the words of the client."""
    (order,) = (row for row in truth["orders"] if row["order_id"] == order_id)
    filled, told = number(0), [Update(words["NEW"], "0")]
    for fill in truth["fills"]:
        if fill["order_id"] == order_id:
            filled += number(fill["quantity"])
            status = "FILLED" if filled == number(order["quantity"]) else "PARTIALLY_FILLED"
            told.append(Update(words[status], text(filled)))
    if order["status"] == "CANCELED":
        told.append(Update(words["CANCELED"], text(filled)))
    return told


def true_fills(truth: dict[str, Any], case: Case) -> Counter[tuple[str, str, str]]:
    """Each fill, by the ids that the client shows."""
    name = case.trade_id or ("fill_id" if case.venue == "ftx" else "trade_id")
    return Counter((row["order_id"], row[name], text(number(row["quantity"]))) for row in truth["fills"])


def text(value: Any) -> str:
    """A number without zeros at its end."""
    return f"{value.normalize():f}"
