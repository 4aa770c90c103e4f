"""How long it takes until all accounts of one stream are live, and what the venue was asked for meanwhile.

At the neutral server, where nothing is limited, it is the machine that is measured.  At mockserver, in a process of its
own with the limits of Binance spot (6,000 weight a minute and 300 connections in five minutes for one address), and
with an account's default limits, it is the pacing.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any, Final
from urllib.request import Request, urlopen

import attrs

from tests.bench.processes import answer_of, line_of, started

PATIENCE: Final = 1_800.0
PACED: Final = 100  # accounts, of which each weighs 200 to start: minutes of the venue's weight
MARKETS: Final = "/api/v3/exchangeInfo"
GOOD: Final = ("101", "200")


@attrs.frozen(kw_only=True)
class Start:
    """One start: when each account was live, CPU time of the whole process, and what the venue says of it."""

    accounts: int
    transport: str
    limited: bool
    live_s: tuple[float, ...]
    cpu_s: float
    reconnects: int
    asked: Counter[str]
    """How often each path was asked for over HTTP."""
    refused: Counter[str]
    """How many requests and connections got another answer than they wanted, by its status."""

    @property
    def kind(self) -> tuple[bool, int, str]:
        """Starts of one kind are one row."""
        return self.limited, self.accounts, self.transport


def unlimited(accounts: int, transport: str) -> Start:
    """Start at the neutral server."""
    keys = [(f"bench-key-{number}", "bench-secret") for number in range(accounts)]
    with started(sys.executable, "-m", "tests.bench.server", patience=PATIENCE) as server:
        place = f"127.0.0.1:{line_of(server)}"
        said = _start({"http": f"http://{place}", "ws": f"ws://{place}", "keys": keys, "lifted": True}, transport)
        asked = answer_of(server, "asked")
    return _found(said, accounts, transport, limited=False, asked=Counter(asked), refused=Counter())


def limited(accounts: int, transport: str) -> Start:
    """Start at the mock exchange, with real limits on both sides."""
    options = ("--port", "0", "--limits", "ip", "--liquidity", "manual", "--journal", "1000000", "--json")
    with started(sys.executable, "-m", "mockserver", *options, patience=PATIENCE) as server:
        ready = json.loads(line_of(server))
        control = ready["control"]
        made = [_control(f"{control}/accounts", {"venue": "binance-spot", "name": f"a{n}"}) for n in range(accounts)]
        keys = [(each["api_key"], each["secret"]) for each in made]
        said = _start({"http": ready["http"], "ws": ready["ws"], "keys": keys, "lifted": False}, transport)
        rows = _control(f"{control}/journal?limit=1000000")["entries"]
    asked = Counter(row["text"].split(" ")[1].partition("?")[0] for row in rows if row["kind"] == "rest-in")
    answers = [row["text"][:3] for row in rows if row["kind"] == "rest-out"]
    refused = Counter(status for status in answers if status not in GOOD)
    return _found(said, accounts, transport, limited=True, asked=asked, refused=refused)


def _start(terms: dict[str, Any], transport: str) -> dict[str, Any]:
    module = "tests.bench.contestants.exchstream_start"
    with started(sys.executable, "-m", module, json.dumps(terms), transport, patience=PATIENCE) as client:
        said: dict[str, Any] = json.loads(line_of(client))
    return said


def _found(said: dict[str, Any], accounts: int, transport: str, **seen: Any) -> Start:
    live_s = tuple(said["live"])
    return Start(
        accounts=accounts,
        transport=transport,
        live_s=live_s,
        cpu_s=said["cpu_s"],
        reconnects=said["reconnects"],
        **seen,
    )


def _control(url: str, body: dict[str, Any] | None = None) -> Any:
    """What the mock's control API answers."""
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)
