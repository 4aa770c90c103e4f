"""The control API under whatever its own document allows, and the port under noise: no 5xx, no hang, nothing left over.

    python -m tests.contract [--examples 50] [--seed 1]

A mock of its own is served; schemathesis reads ``/__mock/openapi.json`` there and asks every route with what the
schemas allow and what they do not: first only by the names of what a crowd has brought, and each route must find some
of it; then by chance alone. Then random bytes are thrown at the port. At the end the mock must live,
hold no connection more than before, and stop when told to.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio

from tests.contract.crowd import DIAL, PATIENCE, Names, crowd

CHECKS: Final = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
ELSEWHERE: Final = r"reset|clear|shutdown_notice|/scenarios/|/snapshot|/worlds/|/clock/|/connections/\{verb\}"
"""Routes that would take from all others what is there; they need none of it, and are asked without."""
NOISES: Final = 300
HEADS: Final = (
    b"",
    b"GET / HTTP/1.1\r\n",
    b"POST /__mock/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\n",
    DIAL,
    b"\x16\x03\x01\x02\x00",
)


def main() -> int:
    """Serve, ask, make noise; 0 if all is well."""
    options = argparse.ArgumentParser(description="The control API under whatever its own document allows.")
    options.add_argument("--examples", type=int, default=50)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ready, config = Path(folder) / "ready", Path(folder) / "schemathesis.toml"
        arguments = ["--port", "0", "--clock", "virtual", "--seed", "1", "--ready-file", str(ready)]
        mock = subprocess.Popen([sys.executable, "-m", "mockserver", *arguments], stdout=subprocess.DEVNULL)
        try:
            listening = awaited(ready, mock)
            before = health(listening)
            asking = partial(ask, listening["http"], examples=given.examples, seed=given.seed)
            with crowd(listening) as names:
                config.write_text(configured(names))
                met = asking("fuzzing", "--mode", "positive", "--exclude-path-regex", ELSEWHERE, config=config)
            asked = asking("examples,coverage,fuzzing")
            trio.run(noise, listening["port"], given.seed)
            after = health(listening)
        finally:
            mock.send_signal(signal.SIGTERM)
            code = mock.wait(PATIENCE)
    print(f"schemathesis: {met}, {asked}; connections before and after: {before}, {after}; the mock ended with {code}")
    return int((met, asked, after, code) != (0, 0, before, 0))


def awaited(ready: Path, mock: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The readiness of the mock."""
    until = time.monotonic() + PATIENCE
    while not ready.exists():
        if mock.poll() is not None or time.monotonic() > until:
            raise SystemExit("the mock did not start")
        time.sleep(0.05)
    return dict(json.loads(ready.read_text()))


def health(listening: dict[str, Any]) -> tuple[int, int]:
    """Open WebSockets, and open TCP connections but the one that asks; waits for what is just ending."""
    until = time.monotonic() + PATIENCE
    while True:
        with urllib.request.urlopen(f"{listening['control']}/health", timeout=PATIENCE) as answer:
            told = json.load(answer)
        found = told["connections"], told["sockets"] - 1
        if found == (0, 0) or time.monotonic() > until:
            return found
        time.sleep(0.1)


def configured(names: Names) -> str:
    """Schemathesis' settings: the names of what is there, and a route that never found any of it is a failure."""
    known, bound = ["[dictionaries]"], ["[warnings]", 'fail-on = ["missing_test_data"]']
    for routes, taken in names.items():
        chosen = ["[[operations]]", f"include-path-regex = '{routes}'", "[operations.parameters]"]
        bound += chosen if routes else ["[parameters]"]
        for name, values in taken.items():
            dictionary = f"of-{len(known)}"
            known.append(f"{dictionary} = {{ values = {json.dumps(values)} }}")
            bound += [f'"{where}.{name}" = {{ dictionary = "{dictionary}" }}' for where in ("path", "query", "body")]
    return "\n".join([*known, *bound, ""])


def ask(http: str, phases: str, *more: str, examples: int, seed: int, config: Path | None = None) -> int:
    """What schemathesis ends with."""
    command = ["schemathesis", *(() if config is None else ("--config-file", str(config)))]
    command += ["run", f"{http}/__mock/openapi.json", "--checks", CHECKS, "--workers", "1", "--phases", phases, *more]
    command += ["--max-examples", str(examples), "--seed", str(seed)]
    command += ["--request-timeout", str(PATIENCE), "--suppress-health-check", "all"]
    return subprocess.run(command, check=False, env=os.environ | {"COLUMNS": "120"}).returncode


async def noise(port: int, seed: int) -> None:
    """Random bytes, as themselves and behind the beginnings of good requests."""
    chance = random.Random(seed)
    for _ in range(NOISES):
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        async with stream:
            with trio.move_on_after(0.02):
                await stream.send_all(chance.choice(HEADS) + chance.randbytes(chance.randrange(3_000)))
                await stream.receive_some()


if __name__ == "__main__":
    sys.exit(main())
