"""TcpStream keeps what trio asks of every stream, and loses nothing when a wait is cancelled."""

from __future__ import annotations

import socket

import pytest
import trio
import trio.testing

from exchstream.shell.tcp import TcpStream


async def pair() -> tuple[TcpStream, TcpStream]:
    """Two ends of one connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = await trio.open_tcp_stream(*server.getsockname())
        far, _ = server.accept()
    return TcpStream(near), TcpStream(trio.SocketStream(trio.socket.from_stdlib_socket(far)))


async def test_it_is_a_stream() -> None:
    """trio's own checks: closing, cancelling, two tasks at once, no bytes at all."""
    await trio.testing.check_two_way_stream(pair, None)


async def test_a_cancelled_read_has_read_nothing() -> None:
    """What comes later is there for the next one."""
    near, far = await pair()
    async with near, far:
        with trio.move_on_after(0):
            await near.receive_some()
        await far.send_all(b"all of it")
        assert await near.receive_some(3) == b"all"
        assert await near.receive_some() == b" of it"


async def test_a_reset_is_a_broken_stream() -> None:
    """Not an error of the system's."""
    near, far = await pair()
    async with near:
        far._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await far.aclose()
        with pytest.raises(trio.BrokenResourceError):
            await near.receive_some()
