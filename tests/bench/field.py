"""Who runs: exchstream, its peers, and the floors below them."""

from __future__ import annotations

import os
from typing import Final

import pytest

from tests.bench.race import Contestant

TYPED: Final = "typed, exact, deduplicated events"
DICT: Final = "dict of strings"


def peer(package: str) -> str:
    """The Python that has this peer."""
    variable = f"EXCHSTREAM_BENCH_{package.upper().replace('-', '_')}"
    python = os.environ.get(variable)
    if python is None:
        pytest.fail(f"{variable} must name a Python that has {package}: run this by `nox -s bench`")
    return python


def exchstream(*argv: str, name: str = "exchstream", accounts: int = 1, flood: int | None = None) -> Contestant:
    """It, with a transport and what else its script takes."""
    return Contestant(name=name, module="exchstream_stream", gets=TYPED, argv=argv, accounts=accounts, flood=flood)


DEFAULT: Final = exchstream("trio-websocket")
FAST: Final = exchstream("websockets", name='exchstream, `transport="websockets"`')
OURS: Final = (DEFAULT, FAST)
FLOORS: Final = (
    Contestant(name="*floor:* trio-websocket loop", module="floor", gets="text", argv=("trio-websocket",)),
    Contestant(name="*floor:* websockets Sans-I/O on trio", module="floor", gets="text", argv=("websockets",)),
    Contestant(name="*floor:* socket on trio", module="floor", gets="bytes", argv=("socket",)),
)
CRYPTOFEED: Final = "cryptofeed `ORDER_INFO`"
UNICORN: Final = "unicorn-binance-websocket-api"
UNICORN_PICOWS: Final = "unicorn-binance-websocket-api over picows"
PYTHON_BINANCE: Final = "python-binance `user_socket`"
CCXT: Final = "ccxt.pro `watch_orders`"
SDK: Final = "binance-sdk-spot"


def quick_peers() -> tuple[Contestant, ...]:
    """Those that a paced run with TLS is about."""
    unicorn = peer("unicorn-binance-websocket-api")
    return (
        Contestant(
            name=CRYPTOFEED,
            module="cryptofeed_orders",
            gets="typed, Decimals, not deduplicated",
            python=peer("cryptofeed"),
        ),
        Contestant(name=UNICORN, module="unicorn", gets=DICT, python=unicorn, argv=("websockets",)),
        Contestant(name=UNICORN_PICOWS, module="unicorn", gets=DICT, python=unicorn, argv=("picows",)),
    )


def peers() -> tuple[Contestant, ...]:
    """All of them."""
    return (
        *quick_peers(),
        Contestant(name="pybotters queue", module="pybotters_queue", gets=DICT, python=peer("pybotters")),
        Contestant(name=PYTHON_BINANCE, module="python_binance", gets=DICT, python=peer("python-binance")),
        Contestant(name=SDK, module="sdk_spot", gets="pydantic models", python=peer("binance-sdk-spot")),
        Contestant(name=CCXT, module="ccxt_pro", gets="dict of floats", python=peer("ccxt")),
    )


def _decode(name: str, gets: str, way: str, at_once: int) -> Contestant:
    return Contestant(name=name, module="decode", gets=gets, argv=(way, str(at_once)), listens=False)


DECODERS: Final = (
    _decode("msgspec", "typed struct, Decimals", "msgspec", 100),
    _decode("stdlib json", DICT, "json", 100),
    _decode("exchstream, 100 frames a read", TYPED, "exchstream", 100),
    _decode("exchstream, 1 frame a read", TYPED, "exchstream", 1),
)
JOURNALS: Final = tuple(
    exchstream("websockets", durability, name="no journal" if durability == "memory" else f"journal: {durability}")
    for durability in ("memory", "relaxed", "normal", "full")
)
TRANSPORTS: Final = ("trio-websocket", "websockets")
ACCOUNTS: Final = (1, 10, 100, 1_000)
MANY: Final = tuple(
    exchstream(transport, "memory", name=f"{accounts:,} accounts, {transport}", accounts=accounts)
    for accounts in ACCOUNTS
    for transport in TRANSPORTS
)
FLOOD: Final = 10_000  # reports a second, a burst of them each 97 ms
FAIR: Final = tuple(
    exchstream(transport, "memory", name=f"{transport}, {beside}", accounts=2, flood=flood)
    for transport in TRANSPORTS
    for beside, flood in (("alone", 0), (f"beside {FLOOD:,} reports/s", FLOOD))
)
FTX: Final = tuple(
    exchstream(transport, "none", "ftx", name=each.name) for transport, each in zip(TRANSPORTS, OURS, strict=True)
)
CRYPTOFEED_FTX: Final = "cryptofeed `ORDER_INFO`, `FILLS`"
CCXT_FTX: Final = "ccxt.pro `watch_orders`, `watch_my_trades`"


def ftx_peers() -> tuple[Contestant, ...]:
    """The last versions that knew FTX."""
    return (
        Contestant(
            name=CRYPTOFEED_FTX,
            module="cryptofeed_ftx",
            gets="typed, Decimals, not deduplicated",
            python=peer("cryptofeed-ftx"),
        ),
        Contestant(name=CCXT_FTX, module="ccxt_ftx", gets="dict of floats", python=peer("ccxt-ftx")),
    )
