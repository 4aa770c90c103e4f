"""The inside of ``--isolate``: makes a network without a way out, opens ports in it, becomes the client. Linux only.

Started by ``isolation`` as a program of its own, ``python -I cell.py FD``: only a process of one thread may leave its
user namespace. It needs no privilege, no ``unshare``, ``mount`` or ``ip`` on the machine, and nothing beside the
standard library. Over the socket FD it is given a plan and hands back listening sockets: the mock stays outside, and
serves them from there.

The client runs as the user it was started by. It has no rights over this network: a second user namespace, below the
one that owns it, takes them away.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import socket
import struct
import sys
from typing import Any, Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWNET: Final = 0x40000000
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 1 << 18
SIOCGIFFLAGS: Final = 0x8913
SIOCSIFFLAGS: Final = 0x8914
IFF_UP: Final = 1
INTERFACE: Final = "16sh22x"
"""struct ifreq: a name, flags, and what is not used."""
LONGEST: Final = 1 << 20

LIBC: Final = ctypes.CDLL(None, use_errno=True)


class Forbidden(Exception):
    """What the machine does not allow."""


def main() -> None:
    """Be given a plan, make the cell, hand the sockets out, wait for the word, become the client."""
    outside = socket.socket(fileno=int(sys.argv[1]))
    plan = json.loads(outside.recv(LONGEST))
    uid, gid = os.getuid(), os.getgid()
    try:
        unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS, "a user, network and mount namespace")
        become(0, uid, 0, gid)
        mount("none", "/", MS_REC | MS_PRIVATE)
        for source, target in plan["mounts"]:
            mount(source, target, MS_BIND)
        raise_loopback()
        listeners = [listener(port) for port in plan["ports"]]
        unshare(CLONE_NEWUSER, "a second user namespace")
        become(uid, 0, gid, 0)
    except (Forbidden, OSError) as error:
        outside.send(json.dumps({"error": str(error)}).encode())
        sys.exit(1)
    socket.send_fds(outside, [b"{}"], [each.fileno() for each in listeners])
    if outside.recv(LONGEST) != b"go":
        sys.exit(1)
    with contextlib.ExitStack() as ports:
        for each in (outside, *listeners):
            ports.enter_context(each)
    os.execvp(plan["argv"][0], plan["argv"])  # noqa: S606 (it is what we were asked to run)


def unshare(flags: int, what: str) -> None:
    """Leave namespaces for new ones."""
    if LIBC.unshare(flags) != 0:
        raise Forbidden(f"no {what.removeprefix('a ')}: {os.strerror(ctypes.get_errno())}")


def become(uid: int, outer_uid: int, gid: int, outer_gid: int) -> None:
    """Say who we are in the new user namespace."""
    with contextlib.suppress(PermissionError):  # said already, by the namespace above
        write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{uid} {outer_uid} 1")
    write("/proc/self/gid_map", f"{gid} {outer_gid} 1")


def mount(source: str, target: str, flags: int) -> None:
    """Mount one thing."""
    if LIBC.mount(source.encode(), target.encode(), None, ctypes.c_ulong(flags), None) != 0:
        raise Forbidden(f"cannot mount over {target}: {os.strerror(ctypes.get_errno())}")


def write(path: str, text: str) -> None:
    """Write a file of the kernel's, in one go."""
    with open(path, "w") as file:
        file.write(text)


def raise_loopback() -> None:
    """Bring up the one interface that there is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name, flags = struct.unpack(INTERFACE, fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack(INTERFACE, b"lo", 0)))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack(INTERFACE, name, flags | IFF_UP))


def listener(port: int) -> socket.socket:
    """A listening socket in the cell."""
    made: Any = socket.create_server(("127.0.0.1", port), backlog=128)
    assert isinstance(made, socket.socket)
    made.setblocking(False)
    return made


if __name__ == "__main__":
    main()
