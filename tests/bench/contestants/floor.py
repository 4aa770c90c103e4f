"""Floors on trio: what is there before anything is made of a text.  The argument says which.

trio-websocket   as its documentation uses it (4 KiB reads)
websockets       the protocol of websockets without its I/O, fed with what a read brings
socket           bytes of 64 KiB reads, in which nothing but the ends of frames is looked for
"""

import ssl
import sys
from importlib.metadata import version

import trio
from trio_websocket import open_websocket_url
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from tests.bench.contestants.meter import END, Meter

SUBSCRIBE = '{"id":"1","method":"userDataStream.subscribe"}'
LAST = f'"c":"{END}'
READ = 1 << 16


async def by_trio_websocket() -> None:
    """Hear texts."""
    meter = Meter(version("trio-websocket"))
    tls = ssl.create_default_context() if meter.secure else None
    async with open_websocket_url(f"{meter.ws}/ws-api/v3", ssl_context=tls) as socket:
        await socket.send_message(SUBSCRIBE)
        await socket.get_message()
        meter.ready()
        done = False
        while not done:
            text = await socket.get_message()
            done = meter.hear(text, LAST in text)


async def connected(meter: Meter) -> trio.abc.Stream:
    """TCP, and TLS on it if wanted."""
    stream: trio.abc.Stream = await trio.open_tcp_stream("127.0.0.1", meter.port)
    if meter.secure:
        stream = trio.SSLStream(stream, ssl.create_default_context(), server_hostname="127.0.0.1")
    return stream


async def subscribed(meter: Meter, stream: trio.abc.Stream) -> ClientProtocol:
    """The handshake and the subscription."""
    protocol = ClientProtocol(parse_uri(f"{meter.ws}/ws-api/v3"), max_size=None)
    protocol.send_request(protocol.connect())
    answered = 0
    while answered < 2:
        for data in protocol.data_to_send():
            await stream.send_all(data)
        protocol.receive_data(await stream.receive_some(READ))
        for event in protocol.events_received():
            answered += 1
            if isinstance(event, Response):
                protocol.send_text(SUBSCRIBE.encode())
    meter.ready()
    return protocol


async def by_websockets() -> None:
    """Hear texts."""
    meter = Meter(version("websockets"))
    stream = await connected(meter)
    protocol = await subscribed(meter, stream)
    done = False
    while not done:
        protocol.receive_data(await stream.receive_some(READ))
        for event in protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                text = bytes(event.data).decode()
                done = meter.hear(text, LAST in text)


async def by_socket() -> None:
    """Hear the bytes of frames: all are whole, unmasked, and of a length in two bytes."""
    meter = Meter(version("trio"))
    stream = await connected(meter)
    await subscribed(meter, stream)
    held, last, done = b"", LAST.encode(), False
    while not done:
        held += await stream.receive_some(READ)
        at = 0
        while len(held) >= at + 4 and len(held) >= (end := at + 4 + int.from_bytes(held[at + 2 : at + 4], "big")):
            frame = held[at + 4 : end]
            done = meter.hear(frame, last in frame)
            at = end
        held = held[at:]


WAYS = {"trio-websocket": by_trio_websocket, "websockets": by_websockets, "socket": by_socket}
trio.run(WAYS[sys.argv[2]])
