"""The outside of ``--isolate``: what the cell is to look like, its start, and the sockets that come out of it.

The client sees the venues' names at 127.0.0.1 (``/etc/hosts``), the mock behind them at the ports of the real hosts,
and trusts its certificates; any other address is "Network is unreachable", said by its kernel. The mock itself stays
outside: the control API is reached from here as ever.

It holds packets, not files: a client that talks to a socket in the file system (Docker's, a resolver's) still can.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs
import trio

from mockserver.attach.papers import Papers, bundles_of
from mockserver.hosts import PORTS, VENUE_OF_HOST

CELL: Final = Path(__file__).with_name("cell.py")
HOSTS: Final = Path("/etc/hosts")
SWITCH: Final = Path("/etc/nsswitch.conf")
LONGEST: Final = 1 << 16
BUILDING_SECONDS: Final = 20.0


class CannotIsolate(Exception):
    """Why there is no cell, in words for whoever asked for one."""


@attrs.frozen(slots=True)
class Cell:
    """A client that waits to begin, and the ports in its network."""

    process: trio.Process
    listeners: list[trio.SocketListener]
    _line: socket.socket

    def begin(self) -> None:
        """Let the client begin."""
        with self._line:
            self._line.send(b"go")


async def build(
    argv: Sequence[str], environ: Mapping[str, str], papers: Papers, port: int, extra: Sequence[Path]
) -> Cell:
    """Make a network for this command; the mock is at ``port`` in it too. CannotIsolate says what is in the way."""
    if sys.platform != "linux":
        raise CannotIsolate("--isolate needs Linux")
    ports = sorted({*PORTS, port})
    plan = {
        "argv": list(argv),
        "ports": ports,
        "mounts": [(str(source), str(target)) for target, source in covers(argv[0], environ, papers, extra).items()],
    }
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = await trio.lowlevel.open_process(
            [sys.executable, "-I", str(CELL), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=environ,
            start_new_session=True,
        )
    try:
        ours.send(json.dumps(plan).encode())
        with trio.fail_after(BUILDING_SECONDS):
            await trio.lowlevel.wait_readable(ours)
            said, sockets, _, _ = socket.recv_fds(ours, LONGEST, len(ports))
        answer = json.loads(said or b'{"error": "the cell broke down, see above"}')
    except (OSError, trio.TooSlowError) as error:
        answer, sockets = {"error": str(error) or "it takes too long"}, []
    if "error" in answer:
        ours.close()
        process.kill()
        await process.wait()
        raise CannotIsolate(
            f"this machine does not let --isolate make a network of its own: {answer['error']} (containers need "
            "'--security-opt seccomp=unconfined' or '--privileged'; on the machine itself see "
            "kernel.unprivileged_userns_clone, user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns)"
        )
    made = [trio.SocketListener(trio.socket.from_stdlib_socket(socket.socket(fileno=each))) for each in sockets]
    return Cell(process, made, ours)


def covers(command: str, environ: Mapping[str, str], papers: Papers, extra: Sequence[Path] = ()) -> dict[Path, Path]:
    """Which file each of these is covered with in the cell: names, where names come from, what is trusted."""
    lines = [line for line in _text(HOSTS).splitlines() if not set(line.split()) & VENUE_OF_HOST.keys()]
    lines += [f"127.0.0.1 {host}" for host in VENUE_OF_HOST]
    made = {HOSTS.resolve(): papers.write("hosts", "\n".join([*lines, ""]).encode())}
    if SWITCH.exists():  # a resolver that is asked before the file lives outside, and knows the real addresses
        kept = [line for line in _text(SWITCH).splitlines() if not line.startswith("hosts:")]
        made[SWITCH.resolve()] = papers.write("nsswitch.conf", "\n".join([*kept, "hosts: files", ""]).encode())
    for bundle in [*bundles_of(command, environ), *(path.resolve() for path in extra)]:
        made[bundle] = papers.with_ours(bundle)
    return made


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
