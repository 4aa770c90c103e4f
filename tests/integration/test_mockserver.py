"""The mock on real sockets: one port, real resets, and a program that starts and ends as it says."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, connect_websocket_url, open_websocket_url

from mockserver import Clock, Recipe, Server, Worlds
from mockserver.engine.types import Cancel
from mockserver.server import Listening
from mockserver.venues import VENUES
from tests.unit.mockserver.toy_venue import SPEC, buy

STOPPED_WITHIN = 10.0


class Host:
    """A server on a free port, with the toy venue beside the real ones."""

    def __init__(self, server: Server, listening: Listening) -> None:
        self.server = server
        self.worlds = server.worlds
        self.listening = listening
        self.toy = self.worlds.default.exchanges["toy"]
        self.worlds.open_account(self.toy, "alice", api_key="A")

    def url(self, path: str = "/play/ws?key=A") -> str:
        return self.listening.ws + path


@asynccontextmanager
async def hosting() -> AsyncIterator[Host]:
    """A listening server; when the block ends nothing of it is left."""
    worlds = Worlds(Recipe(venues=(*VENUES, SPEC), clock=lambda: Clock(time.time_ns)))
    server = Server(worlds)
    async with trio.open_nursery() as nursery:
        yield Host(server, await nursery.start(server.serve, "127.0.0.1", 0))
        nursery.cancel_scope.cancel()
    assert (server.open_connections, worlds.links) == (0, {})


async def code_of(connection: WebSocketConnection) -> int:
    """Read until the connection ends; its close code."""
    with trio.fail_after(5):
        while connection.closed is None:
            with suppress(ConnectionClosed):
                await connection.get_message()
    await trio.aclose_forcefully(connection._stream)  # trio-websocket leaves it open when the peer aborts
    return connection.closed.code


async def test_rest_and_websocket_share_one_port_and_connections_are_kept() -> None:
    """Four requests to three venues and the control API take one connection, and a WebSocket opens beside it."""
    async with hosting() as host, httpx2.AsyncClient(base_url=host.listening.http) as http:
        paths = ["/api/v3/ping", "/fapi/v1/ping", "/api/markets", "/__mock/health"]
        statuses = [(await http.get(path)).status_code for path in paths]
        kept = host.server.open_connections
        async with open_websocket_url(host.url()) as connection:
            await connection.send_message("hello")
            echo = await connection.get_message()

    assert (statuses, kept, echo) == ([200] * 4, 1, "hello")


async def test_a_status_is_told_in_words_too() -> None:
    """Clients show them: Python's urllib would say `HTTP Error 404: ` and stop there."""
    async with hosting() as host, httpx2.AsyncClient(base_url=host.listening.http) as http:
        answers = [await http.get(path) for path in ("/api/v3/ping", "/api/v3/order", "/__mock/nowhere")]
    assert [answer.reason_phrase for answer in answers] == ["OK", "Unauthorized", "Not Found"]


async def test_an_order_reaches_its_own_socket_only() -> None:
    """A REST order's event is on the socket of its account, in whatever world, and on no other."""
    async with hosting() as host, httpx2.AsyncClient(base_url=host.listening.http) as http:
        made = (await http.post("/__mock/accounts", json={"venue": "toy", "world": "w"})).json()
        async with open_websocket_url(host.url()) as alice, open_websocket_url(host.url("/play/ws")) as other:
            await other.send_message(json.dumps({"login": made["api_key"]}))
            assert await other.get_message() == "ok"
            order = (await http.post("/play/order", headers={"X-Key": made["api_key"]})).json()
            told = json.loads(await other.get_message())
            await alice.send_message("nothing before this")
            first = await alice.get_message()

    assert told == {"event": "NEW", "id": order["id"]}
    assert first == "nothing before this"


async def test_reset_inside_a_frame() -> None:
    """One connection is cut inside a frame by RST; the client loses that frame, its neighbour loses nothing."""
    async with hosting() as host, trio.open_nursery() as nursery:
        victim = await connect_websocket_url(nursery, host.url())
        witness = await connect_websocket_url(nursery, host.url())
        first = host.worlds.links[min(host.worlds.links)]
        first.reset(after_bytes=5)
        host.toy.submit(buy("alice"))
        seen = json.loads(await witness.get_message())
        code = await code_of(victim)
        await witness.aclose()

    assert (code, seen["event"]) == (1006, "NEW")


async def test_reset_is_a_tcp_reset() -> None:
    """The reset of a connection reaches the client as ECONNRESET, a drop as a plain end."""
    ends: dict[str, object] = {}
    async with hosting() as host:
        for act in ("reset", "drop"):
            stream = await trio.open_tcp_stream("127.0.0.1", host.listening.port)
            async with stream:
                await stream.send_all(handshake("/play/ws"))
                await stream.receive_some()
                (link,) = host.worlds.links.values()
                getattr(link, act)()
                with trio.fail_after(5):
                    try:
                        ends[act] = await stream.receive_some()
                    except trio.BrokenResourceError as error:
                        ends[act] = type(error.__cause__)
            with trio.fail_after(5):
                await host.server.go_away()

    assert ends == {"reset": ConnectionResetError, "drop": b""}


async def test_a_silent_socket_stays_open() -> None:
    """A silenced socket answers pings and hears no event; resumed, it hears the next one."""
    async with hosting() as host, open_websocket_url(host.url()) as connection:
        (link,) = host.worlds.links.values()
        link.mute()
        host.toy.submit(buy("alice"))
        with trio.fail_after(5):
            await connection.ping(b"alive?")
        link.resume()
        second = host.toy.submit(buy("alice")).order
        told = json.loads(await connection.get_message())

    assert second is not None
    assert told["id"] == second.order_id


async def test_random_bytes_do_no_harm() -> None:
    """Noise on the port ends its own connection at most; the next client is served."""
    noise = random.Random(7)
    async with hosting() as host:
        for _ in range(30):
            stream = await trio.open_tcp_stream("127.0.0.1", host.listening.port)
            async with stream:
                with trio.move_on_after(0.05):
                    head = noise.choice([b"", b"GET / HTTP/1.1\r\n", handshake("/play/ws")])
                    await stream.send_all(head + noise.randbytes(noise.randrange(2_000)))
                    await stream.receive_some()
        async with httpx2.AsyncClient(base_url=host.listening.http) as http:
            assert (await http.get("/api/v3/ping")).status_code == 200
            with trio.fail_after(5):
                while host.server.open_connections > 1:  # noqa: ASYNC110 (it ends connections in tasks of its own)
                    await trio.sleep(0.01)
            told = (await http.get("/__mock/health")).json()
            assert (told["connections"], told["sockets"]) == (0, 1)


async def test_a_burst_over_a_socket() -> None:
    """Six thousand events go through a socket whole, in order, and as fast as they are made."""
    told: list[int] = []
    placed: list[int] = []
    async with (
        hosting() as host,
        open_websocket_url(host.url(), message_queue_size=64) as connection,
        trio.open_nursery() as nursery,
    ):

        async def trade() -> None:
            for number in range(3_000):
                order = host.toy.submit(buy("alice", quantity=1)).order
                assert order is not None
                host.toy.submit(Cancel(account="alice", instrument="BTCUSDT", order_id=order.order_id))
                placed.append(order.order_id)
                if number % 100 == 0:
                    await trio.lowlevel.checkpoint()

        nursery.start_soon(trade)
        with trio.fail_after(30):
            while len(told) < 6_000:
                told.append(json.loads(await connection.get_message())["id"])

    assert told == [order_id for order_id in placed for _ in range(2)]


def handshake(target: str) -> bytes:
    """A WebSocket handshake."""
    lines = ["Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    lines.append("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    return f"GET {target} HTTP/1.1\r\n".encode() + "\r\n".join(lines).encode() + b"\r\n\r\n"


# --- the program -----------------------------------------------------------------------------------------------------


@contextmanager
def program(*argv: str, by: Sequence[str] = ("-m", "mockserver")) -> Iterator[subprocess.Popen[str]]:
    """The mock as a process of its own; killed if it is still there at the end."""
    command = [sys.executable, *by, *argv]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def ready(started: subprocess.Popen[str]) -> Any:
    """Wait for the readiness line."""
    assert started.stdout is not None
    return json.loads(started.stdout.readline())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_program_ends_cleanly_on_a_signal(how: signal.Signals, tmp_path: Path) -> None:
    """With a client connected, a signal ends the program with code 0, nothing on standard error, and a last line."""
    ready_file = tmp_path / "ready.json"
    argv = ["--port", "0", "--json", "--trade-demo", "0.05", "--ready-file", str(ready_file)]
    with program(*argv) as started:
        told = ready(started)
        assert json.loads(ready_file.read_text()) == told
        with socket.create_connection(("127.0.0.1", told["port"])) as client:
            client.sendall(handshake("/ws"))
            assert client.recv(12) == b"HTTP/1.1 101"
            os.kill(told["pid"], how)
            out, err = started.communicate(timeout=STOPPED_WITHIN)

    assert (started.returncode, err) == (0, "")
    assert json.loads(out) == {"event": "stopped"}
    assert not ready_file.exists()


def test_a_busy_port_is_one_clear_line_and_exit_code_2(tmp_path: Path) -> None:
    """A port that is taken is told without a traceback, and no ready file from before is left to be believed."""
    stale = tmp_path / "ready.json"
    stale.write_text("{}")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with program("--port", str(port), "--ready-file", str(stale)) as started:
            out, err = started.communicate(timeout=STOPPED_WITHIN)

    assert (started.returncode, out) == (2, "")
    assert f"cannot listen on 127.0.0.1:{port}" in err
    assert err.count("\n") == 1
    assert not stale.exists()


@pytest.mark.parametrize(
    "argv", [["--port", "0"], ["--port", "0", "--json"], ["clients"], ["clients", "ccxt"], ["scenarios"]], ids=" ".join
)
def test_a_full_standard_output_is_one_clear_line_and_exit_code_2(argv: list[str]) -> None:
    """Where it cannot say that it is ready it does not stay, and does not complain twice; nor do its lists."""
    command = [sys.executable, "-m", "mockserver", *argv]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=STOPPED_WITHIN, check=False
        )

    assert (done.returncode, done.stderr) == (
        2,
        "mockserver: cannot write to standard output: No space left on device\n",
    )


INTERRUPT: str = """
import os, runpy, signal, sys

class Interrupt:
    def find_spec(self, name, path, target=None):
        if name == sys.argv[-1]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
runpy.run_module("mockserver", run_name="__main__")
"""


@pytest.mark.parametrize("module", ["mockserver.command", "argparse", "trio", "h11", "mockserver.faces.ftx.face"])
def test_interrupted_while_it_imports_it_says_nothing(module: str) -> None:
    """Ctrl-C at any import that its own first line has led to: no traceback, and the code of an interrupt."""
    command = [sys.executable, "-c", INTERRUPT, module]
    done = subprocess.run(command, capture_output=True, text=True, timeout=STOPPED_WITHIN, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


BARE: str = """
import runpy, sys

class Bare:
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

EXTRAS = sys.argv.pop().split()
sys.meta_path.insert(0, Bare())
runpy.run_module("mockserver", run_name="__main__", alter_sys=True)
"""
EXTRAS = "coredis cryptography hypothesis prometheus_client pytest pytest_trio trustme websockets yaml"


def test_without_any_extra_it_starts_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs none of them, and less than a second of the processor: the least of three, since others use it too."""
    for name in [name for name in os.environ if name.startswith("COVERAGE")]:
        monkeypatch.delenv(name)  # what is measured runs slower
    assert min(_start_without_extras() for _ in range(3)) < 1


def _start_without_extras() -> float:
    """The seconds of the processor that it takes from the start to the end."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    with program("--port", "0", "--json", EXTRAS, by=("-c", BARE)) as bare:
        told = ready(bare)
        refused = httpx2.get(f"{told['control']}/metrics").json()["error"]
        bare.send_signal(signal.SIGTERM)
        bare.communicate(timeout=STOPPED_WITHIN)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert bare.returncode == 0
    assert "exchstream[metrics]" in refused
    return now.ru_utime + now.ru_stime - spent.ru_utime - spent.ru_stime


@pytest.mark.parametrize(
    "argv", [["scenarios"], ["run", "ack-race", "--", "true"], ["exec", "--", "true"], ["--tls"]], ids=" ".join
)
def test_what_needs_an_extra_names_it(argv: list[str]) -> None:
    """In one line, and with the code of wrong usage."""
    with program(*argv, EXTRAS, by=("-c", BARE)) as bare:
        out, err = bare.communicate(timeout=STOPPED_WITHIN)

    assert (bare.returncode, out, err.count("\n")) == (2, "", 1)
    assert "pip install 'exchstream[test]'" in err


def test_beyond_loopback_it_warns() -> None:
    """Whoever lets the world in is told what that means."""
    with program("--port", "0", "--host", "0.0.0.0", "--json") as started:
        ready(started)
        started.send_signal(signal.SIGTERM)
        _, err = started.communicate(timeout=STOPPED_WITHIN)

    assert started.returncode == 0
    assert "WARNING: 0.0.0.0 is not loopback" in err


async def test_bound_to_every_address_it_answers_at_each() -> None:
    """The URL it shows works, and so does the control API at another address of this machine, but not by any name."""
    worlds = Worlds(Recipe(venues=(SPEC,), clock=lambda: Clock(time.time_ns)))
    async with trio.open_nursery() as nursery:
        listening = await nursery.start(Server(worlds).serve, "0.0.0.0", 0)
        async with httpx2.AsyncClient() as http:
            urls = [listening.http, f"http://127.0.0.2:{listening.port}"]
            statuses = [(await http.get(f"{url}/__mock/health")).status_code for url in urls]
            foreign = await http.get(f"{urls[1]}/__mock/health", headers={"host": "evil.example"})
        nursery.cancel_scope.cancel()

    assert (statuses, foreign.status_code) == ([200, 200], 403)


def test_the_demo_accounts_trade() -> None:
    """With --trade-demo the truth soon holds orders of all three venues, and the seed is the one that was given."""
    with program("--port", "0", "--json", "--trade-demo", "0.01", "--seed", "9") as started:
        told = ready(started)
        venues: set[str] = set()
        deadline = time.monotonic() + STOPPED_WITHIN
        while len(venues) < 3 and time.monotonic() < deadline:
            truth = httpx2.get(f"{told['control']}/truth").json()
            venues = {fill["venue"] for fill in truth["fills"]}

    assert venues == {"binance-spot", "binance-futures", "ftx"}
    assert told["seed"] == 9
