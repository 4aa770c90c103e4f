"""What the code blocks of the documents find already there: a mock exchange whose demo accounts trade by themselves.

The documents name it by its default address; where a block runs, the address of this one stands in its place.  The
variables from which `from_env` and `exchstream tail` take the accounts `main` and `perps` lead to it too.
"""

import logging
import queue
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from mockserver.command import build, parser
from mockserver.server import Listening, Server, listen

WRITTEN_ADDRESS = "127.0.0.1:8080"  # what a reader who types `python -m mockserver` gets
READY_S = 30


@pytest.fixture(scope="session")
def mock_address() -> Iterator[str]:
    """Host and port of a mock exchange in a thread of its own, on the wall clock."""
    started: queue.Queue[tuple[Listening, trio.lowlevel.TrioToken, trio.CancelScope]] = queue.Queue(1)

    async def run() -> None:
        server = Server(build(parser().parse_args(["--trade-demo", "0.1"])))
        listeners = await listen("127.0.0.1", 0)
        async with trio.open_nursery() as nursery:
            listening = await nursery.start(partial(server.serve_on, "127.0.0.1", listeners))
            started.put_nowait((listening, trio.lowlevel.current_trio_token(), nursery.cancel_scope))

    thread = threading.Thread(target=partial(trio.run, run), name="mock exchange", daemon=True)
    thread.start()
    listening, token, scope = started.get(timeout=READY_S)
    yield f"{listening.host}:{listening.port}"
    token.run_sync_soon(scope.cancel)
    thread.join(READY_S)


@pytest.fixture(scope="session")
def mock_variables(mock_address: str) -> dict[str, str]:
    """The environment of a reader who has set the keys of the mock's demo accounts."""
    common = {"ENVIRONMENT": "mock", "REST_URL": f"http://{mock_address}"}
    spot = {
        "KEY": "demoBinanceSpotApiKey".ljust(64, "0"),
        "SECRET": "demoBinanceSpotSecret".ljust(64, "0"),
        "WS_URL": f"ws://{mock_address}/ws-api/v3",
        "STREAM_URL": f"ws://{mock_address}",
    }
    futures = {
        "KEY": "demoBinanceFuturesApiKey".ljust(64, "0"),
        "SECRET": "demoBinanceFuturesSecret".ljust(64, "0"),
        "WS_URL": f"ws://{mock_address}",
    }
    return {
        **{f"EXCHSTREAM_BINANCE_SPOT_MAIN_{field}": text for field, text in (common | spot).items()},
        **{f"EXCHSTREAM_BINANCE_FUTURES_PERPS_{field}": text for field, text in (common | futures).items()},
    }


@pytest.fixture
def namespace(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[dict[str, Any]]:
    """The names a document starts with; one that names the mock exchange or reads the environment gets a running one.

    What a block does to the log is undone, and what it writes is in a folder of its own.
    """
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__document__"}
    path: Path = request.node.callspec.params["path"]
    text = path.read_text()
    if WRITTEN_ADDRESS in text:
        names["__addresses__"] = {WRITTEN_ADDRESS: request.getfixturevalue("mock_address")}
    if "from_env(" in text:
        for name, value in request.getfixturevalue("mock_variables").items():
            monkeypatch.setenv(name, value)
    log = logging.getLogger("exchstream")
    handlers, level = list(log.handlers), log.level
    yield names
    log.handlers[:] = handlers
    log.setLevel(level)
