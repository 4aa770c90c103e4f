"""The clients that trade on the mock: which, how they are attached, and what their own streams can show.

One table for the test and for the page `docs/mock/compatibility.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import attrs

SPOT, FUTURES, FTX = "binance-spot", "binance-futures", "ftx"
BINANCE: Final = {status: status for status in ("NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED")}
"""Binance's own words, which most clients hand on as they are."""
CCXT: Final = {"NEW": "open", "PARTIALLY_FILLED": "open", "FILLED": "closed", "CANCELED": "canceled"}
OF_FTX: Final = {"NEW": "new", "PARTIALLY_FILLED": "open", "FILLED": "closed", "CANCELED": "closed"}


@attrs.frozen(kw_only=True)
class Case:
    """One client at one venue."""

    client: str
    """Its name among the lines that the mock prints."""
    package: str
    """Its name where it comes from."""
    registry: Literal["PyPI", "npm"] = "PyPI"
    venue: str
    script: str
    environment: str
    words: Mapping[str, str] = BINANCE
    """The truth's statuses in the words in which the client tells them."""
    lines: str | None = None
    """Where it comes unchanged, by `exec`: how it is made; else it is made by the lines that the mock prints."""
    profile: str = "binance-2026"
    needs_tls: bool = False
    channels: tuple[str, ...] = ("orders", "fills")
    """At FTX: what it subscribes."""
    places: bool = True
    """Whether it can place and cancel; else the control API does, as the account's owner."""
    trade_id: str | None = None
    """The truth's name of the id that it gives to a fill, where it is not the venue's first."""
    note: str = ""
    """What its own stream cannot show, or what is peculiar."""

    @property
    def symbol(self) -> str:
        """What is traded, in the venue's word."""
        return "BTC/USD" if self.venue == FTX else "BTCUSDT"

    @property
    def price(self) -> str:
        """Where its bids rest."""
        return "38500" if self.venue == FTX else "60000"

    @property
    def attach(self) -> str:
        """How it comes to the mock, for the table."""
        if self.lines is not None:
            return "`exec`, unchanged"
        return "printed lines, TLS" if self.needs_tls else "printed lines"

    @property
    def id(self) -> str:
        """Its name in the test."""
        return f"{self.registry}-{self.package}-{self.venue}"


def both(**shared: object) -> tuple[Case, Case]:
    """The same client at both venues of Binance."""
    return Case(venue=SPOT, **shared), Case(venue=FUTURES, **shared)  # type: ignore[arg-type]


UNICORN_BY_EXEC: Final = """\
import os
from unicorn_binance_rest_api import BinanceRestApiManager
from unicorn_binance_websocket_api import BinanceWebSocketApiManager
key, secret = os.environ["KEY"], os.environ["SECRET"]
rest = BinanceRestApiManager(key, secret, exchange="binance.com", warn_on_update=False)
manager = BinanceWebSocketApiManager(exchange="binance.com-futures", warn_on_update=False)
events = manager.create_stream("arr", "!userData", api_key=key, api_secret=secret, stream_buffer_name=True)
"""
NODE_BY_EXEC: Final = """\
const { default: Binance } = await import('node-binance-api');
const client = new Binance({ APIKEY: process.env.KEY, APISECRET: process.env.SECRET });
"""
CONNECTOR_NOTE: Final = "knows only what Binance retired in 2026: `--profile binance-2024`"

CASES: Final[tuple[Case, ...]] = (
    *both(client="ccxt", package="ccxt", script="trade_ccxt.py", environment="ccxt", words=CCXT),
    *both(
        client="ccxt-npm",
        package="ccxt",
        registry="npm",
        script="trade_ccxt.mjs",
        environment="npm-ccxt",
        words=CCXT,
    ),
    *both(
        client="python-binance",
        package="python-binance",
        script="trade_python_binance.py",
        environment="python-binance",
    ),
    Case(
        client="unicorn-binance-websocket-api",
        package="unicorn-binance-websocket-api",
        venue=SPOT,
        script="trade_unicorn.py",
        environment="unicorn",
    ),
    Case(
        client="unicorn-binance-websocket-api",
        package="unicorn-binance-websocket-api",
        venue=FUTURES,
        script="trade_unicorn.py",
        environment="unicorn",
        lines=UNICORN_BY_EXEC,
    ),
    Case(
        client="binance-sdk-spot",
        package="binance-sdk-spot",
        venue=SPOT,
        script="trade_sdk.py",
        environment="sdk-spot",
    ),
    Case(
        client="binance-sdk-derivatives-trading-usds-futures",
        package="binance-sdk-derivatives-trading-usds-futures",
        venue=FUTURES,
        script="trade_sdk.py",
        environment="sdk-futures",
    ),
    Case(
        client="binance-connector",
        package="binance-connector",
        venue=SPOT,
        script="trade_connector.py",
        environment="connector",
        profile="binance-2024",
        note=CONNECTOR_NOTE,
    ),
    Case(
        client="binance-connector",
        package="binance-futures-connector",
        venue=FUTURES,
        script="trade_connector.py",
        environment="futures-connector",
        profile="binance-2024",
        note=CONNECTOR_NOTE,
    ),
    *both(client="pybotters", package="pybotters", script="trade_pybotters.py", environment="pybotters"),
    Case(
        client="node-binance-api",
        package="node-binance-api",
        registry="npm",
        venue=SPOT,
        script="trade_node_binance_api.mjs",
        environment="npm-node-binance-api",
    ),
    Case(
        client="node-binance-api",
        package="node-binance-api",
        registry="npm",
        venue=FUTURES,
        script="trade_node_binance_api.mjs",
        environment="npm-node-binance-api",
        lines=NODE_BY_EXEC,
    ),
    *both(client="binance", package="binance", registry="npm", script="trade_binance.mjs", environment="npm-binance"),
    Case(client="ccxt", package="ccxt", venue=FTX, script="trade_ccxt.py", environment="ccxt-ftx", words=CCXT),
    Case(
        client="ftx-api",
        package="ftx-api",
        registry="npm",
        venue=FTX,
        script="trade_ftx_api.mjs",
        environment="npm-ftx-api",
        words=OF_FTX,
    ),
    Case(
        client="cryptofeed",
        package="cryptofeed",
        venue=FTX,
        script="trade_cryptofeed.py",
        environment="cryptofeed",
        words={**OF_FTX, "NEW": "submitting"},
        needs_tls=True,
        places=False,
        trade_id="trade_id",
        note="places no orders at FTX: the control API does; it names the market's trade, not FTX's id of the fill",
    ),
)
