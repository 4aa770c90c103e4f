"""``exchstream tail --json`` as a process that listens to the mock, and what it has said so far."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.page.browser import PATIENCE, ROOT, Mock

URLS = {
    "binance-spot": {"WS_URL": "{ws}/ws-api/v3", "STREAM_URL": "{ws}", "LAG_NS": "100000000"},
    "binance-futures": {"WS_URL": "{ws}", "LAG_NS": "100000000"},
}


class Tail:
    """Reads the lines of the process as they come."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.events: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._thread.start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.events.append(json.loads(line))

    def until(
        self, wanted: Callable[[dict[str, Any]], bool], times: int = 1, within: float = 2 * PATIENCE
    ) -> dict[str, Any]:
        """Wait until so many events are wanted; the newest of them."""
        end = time.monotonic() + within
        while True:
            found = [each for each in list(self.events) if wanted(each)]
            if len(found) >= times:
                return found[-1]
            assert time.monotonic() < end, f"it does not come, there is {self.events}"
            time.sleep(0.05)

    def ended(self) -> None:
        """All lines are read."""
        self._thread.join(PATIENCE)


@contextmanager
def tail(mock: Mock, venue: str) -> Iterator[Tail]:
    """Listen for the demo account of this venue."""
    shown = mock.ready["venues"][venue]
    fields = {"KEY": shown["api_key"], "SECRET": shown["api_secret"], "REST_URL": mock.http}
    fields |= {name: url.format(ws=mock.ready["ws"]) for name, url in URLS[venue].items()}
    stem = f"EXCHSTREAM_{venue}_MAIN_".upper().replace("-", "_")
    command = [sys.executable, "-m", "exchstream", "tail", venue, "--json"]
    environment = os.environ | {stem + name: value for name, value in fields.items()}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        told = Tail(process)
        try:
            yield told
        finally:
            process.terminate()
            told.ended()
