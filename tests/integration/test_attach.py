"""Clients that know nothing of the mock come to it: by the proxy, by TLS, in a network of their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
EXEC = [sys.executable, "-m", "mockserver", "exec", "--liquidity", "manual", "--keys", "binance=KEY,SECRET"]
PLAIN = [sys.executable, str(SCRIPTS / "plain_bot.py")]
WITHIN = 50


@pytest.fixture(scope="module")
def namespaces() -> None:
    """Skip where the machine lets nobody make a network; asked of another program than ours."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no unshare to ask whether this machine allows namespaces")
    asked = subprocess.run([unshare, "-Urnm", "true"], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        pytest.skip(f"this machine allows no namespaces: {asked.stderr.strip()}")


def run(*words: str, options: tuple[str, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command under ``exec`` to its end."""
    return _run([*EXEC, *options, "--", *words], **variables)


def _run(command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=WITHIN,
    )


def test_an_unchanged_bot_trades_on_the_mock() -> None:
    """By the proxy: its exit code is passed on, what reached the mock is said, its own keys are not seen."""
    done = run(*PLAIN, KEY="the real one", SECRET="the real one", https_proxy="http://127.0.0.1:1")
    assert (json.loads(done.stdout), done.returncode) == (["NEW", "CANCELED"], 7), done.stderr
    assert "a client that ignores proxies is NOT held" in done.stderr
    assert "reached the mock as api.binance.com: 2 requests, 0 WebSockets" in done.stderr
    assert "the command ended with 7" in done.stderr


def test_what_is_none_of_the_mocks_is_refused() -> None:
    """httpx2, which reads SSL_CERT_FILE; the page it asks for besides stays out of reach."""
    done = run(sys.executable, str(SCRIPTS / "httpx_bot.py"))
    assert json.loads(done.stdout) == [["serverTime"], "ProxyError: 403 Refused by mockserver"], done.stderr
    assert "refused, the mock does not play this host: example.com:443 (1 times)" in done.stderr


def test_a_bot_that_ignores_proxies_is_told_of() -> None:
    """Nothing reached the mock: the verdict says what that may mean."""
    done = run(sys.executable, "-c", "")
    assert "nothing reached the mock: a client that ignores proxies is not held (see --isolate; " in done.stderr
    assert "python -m mockserver clients NAME says" in done.stderr


def node(least: int) -> str:
    """Node of this version or newer, or skip."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no node on this machine")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version[1:].split(".")[0]) < least:
        pytest.skip(f"node {version} obeys no proxy variables, {least} does")
    return found


def test_node_comes_by_the_proxy() -> None:
    """Its fetch and its https read the variables from version 24 on."""
    done = run(node(24), str(SCRIPTS / "fetch_bot.mjs"))
    assert json.loads(done.stdout) == [["serverTime"], ["serverTime"]], done.stderr


@pytest.mark.usefixtures("namespaces")
def test_node_of_any_version_is_held() -> None:
    """In a network of its own it needs to read no variables."""
    done = run(node(18), str(SCRIPTS / "fetch_bot.mjs"), options=("--isolate",))
    assert json.loads(done.stdout) == [["serverTime"], ["serverTime"]], done.stderr


@pytest.mark.usefixtures("namespaces")
def test_an_isolated_bot_trades_on_the_mock() -> None:
    """Without a proxy, at the real hosts' own ports."""
    done = run(*PLAIN, options=("--isolate",))
    assert (json.loads(done.stdout), done.returncode) == (["NEW", "CANCELED"], 7), done.stderr
    assert "reached the mock as api.binance.com: 2 requests, 0 WebSockets" in done.stderr


@pytest.mark.usefixtures("namespaces")
def test_no_packet_leaves_the_cell() -> None:
    """The kernel says so, for every address but loopback; the bot runs as who it was."""
    done = run(sys.executable, str(SCRIPTS / "reach.py"), options=("--isolate",))
    said = json.loads(done.stdout)
    assert set(said["out"].values()) == {"Network is unreachable"}, said
    assert (said["name"], said["interfaces"], said["uid"]) == ("no such name", ["lo"], os.getuid())
    assert set(said["inside"].values()) == {"connected"}


@pytest.mark.usefixtures("namespaces")
def test_a_cell_cannot_be_opened_from_inside() -> None:
    """The bot has no rights over its network and its mounts, though it may be root outside."""
    inside = "umount /etc/hosts; ip link add x type veth; mount -t tmpfs none /mnt; echo done"
    before = Path("/etc/hosts").read_text()
    done = run("sh", "-c", inside, options=("--isolate",))
    assert done.stdout == "done\n"
    assert "ermi" in done.stderr  # permission denied, operation not permitted
    assert Path("/etc/hosts").read_text() == before


@pytest.mark.usefixtures("namespaces")
def test_where_there_can_be_no_cell_it_says_so() -> None:
    """A user namespace below which there may be no other stands for a machine that allows none."""
    none_below = 'echo 0 > /proc/sys/user/max_user_namespaces || exit 99; exec "$@"'
    words = ["unshare", "-Ur", "sh", "-c", none_below, "sh", *EXEC, "--isolate", "--", "true"]
    done = subprocess.run(words, check=False, cwd=ROOT, capture_output=True, text=True, timeout=WITHIN)
    if done.returncode == 99:
        pytest.skip(f"the number of namespaces cannot be set here: {done.stderr.strip()}")
    assert done.returncode == 2
    assert "this machine does not let --isolate make a network of its own: no user, network and mount" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_handed_on_and_nothing_is_left(sent: signal.Signals, tmp_path: Path) -> None:
    """The bot says what it got; what it had started ends with it, though it would not."""
    bot = (
        "import signal, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal, time; signal.signal(15, signal.SIG_IGN); "
        "signal.signal(2, signal.SIG_IGN); print(1, flush=True); time.sleep(60)'], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "for number in (2, 15): signal.signal(number, lambda number, _: (print(number, flush=True), sys.exit(5)))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [*EXEC, "--", sys.executable, "-c", bot], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        grandchild = int(process.stdout.readline())
        process.send_signal(sent)
        assert process.stdout.readline() == f"{int(sent)}\n"
        assert process.wait(timeout=WITHIN) == 5
    assert not alive(grandchild)


def alive(pid: int) -> bool:
    """Whether there is such a process, and it is more than its exit code."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return False


def test_a_bot_that_is_killed_ends_as_in_a_shell() -> None:
    """128 and the number of the signal."""
    assert run("sh", "-c", "kill -9 $$").returncode == 137


def test_the_port_speaks_tls_when_asked(tmp_path: Path) -> None:
    """For clients that insist on wss; plain HTTP goes on beside it."""
    words = ["--port", "0", "--json", "--tls", str(tmp_path), "--liquidity", "manual"]
    with subprocess.Popen(
        [sys.executable, "-m", "mockserver", *words], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            tls = ready["tls"]
            assert (tls["certificate"], tls["wss"]) == (str(tmp_path / "ca.pem"), ready["ws"].replace("ws", "wss"))
            for url, context in (
                (ready["http"], None),
                (tls["https"], ssl.create_default_context(cafile=tls["certificate"])),
                (tls["https"], ssl.create_default_context(cafile=tls["bundle"])),
            ):
                with urllib.request.urlopen(f"{url}/api/v3/time", context=context, timeout=10) as answer:
                    assert abs(json.load(answer)["serverTime"] / 1000 - time.time()) < WITHIN
        finally:
            process.terminate()
            assert process.wait(timeout=WITHIN) == 0


@pytest.mark.usefixtures("namespaces")
def test_a_container_with_the_venues_names_answers_at_their_ports() -> None:
    """In a network of its own, for those ports are few: what comes to the real ports, TLS or not, is served."""
    script = (
        "import json, subprocess, sys, urllib.request\n"
        "from mockserver.attach.cell import raise_loopback\n"
        "raise_loopback()\n"
        "words = ['--port', '0', '--json', '--real-ports', '--tls', '--liquidity', 'manual']\n"
        "mock = subprocess.Popen([sys.executable, '-m', 'mockserver', *words], stdout=subprocess.PIPE, text=True)\n"
        "ready = json.loads(mock.stdout.readline())\n"
        "import ssl\n"
        "trust = ssl.create_default_context(cafile=ready['tls']['certificate'])\n"
        "ask = lambda url: urllib.request.urlopen(url + '/api/v3/ping', context=trust, timeout=10).read().decode()\n"
        "urls = ['https://127.0.0.1', 'https://127.0.0.1:9443', 'http://127.0.0.1', 'https://127.0.0.1:80']\n"
        "print(json.dumps([ask(url) for url in urls]))\n"
        "mock.terminate()\n"
        "sys.exit(mock.wait())\n"
    )
    words = ["unshare", "-Urn", sys.executable, "-c", script]
    done = subprocess.run(words, check=False, cwd=ROOT, capture_output=True, text=True, timeout=WITHIN)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["{}"] * 4


def test_a_bot_with_keys_of_its_own_is_believed() -> None:
    """Its key gets an account, and nothing else of it is shown; with --no-any-key it is refused, as by the venue."""
    own = {"KEY": "k" * 64, "SECRET": "s" * 64}
    options = ("--liquidity", "manual")
    command = [*EXEC[: EXEC.index("--liquidity")], *options]
    done = _run([*command, "--", *PLAIN], **own)
    assert (json.loads(done.stdout), done.returncode) == (["NEW", "CANCELED"], 7), done.stderr
    assert own["KEY"] not in done.stderr
    done = _run([*command, "--no-any-key", "--", *PLAIN], **own)
    assert "the key, its form or what it signed was refused (401), see --keys: api.binance.com (1 times)" in done.stderr
