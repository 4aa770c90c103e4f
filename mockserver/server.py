"""The shell: moves bytes between sockets and the pure world. One port for REST (h11) and WebSocket (wsproto).

It knows no venue. Every byte goes through one ``Tap`` per TCP connection, so that a connection can be dropped, reset,
held half-open, or cut inside a frame. All frames waiting at one time go out in one write. permessage-deflate is
accepted only where a fault has it so: what is on the wire can be read there.

``serve`` listens on a port; ``Server.serve_stream`` serves one given stream (a memory stream under a virtual clock, in
tests), with ``Server.run_timers`` beside it. A handler that fails answers 500 (or closes 1011) and is logged; the
listener lives on.
"""

from __future__ import annotations

import json
import logging
from email.utils import formatdate
from functools import partial
from http.client import responses as phrases
from typing import TYPE_CHECKING

import attrs
import h11
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection
from wsproto.utilities import RemoteProtocolError

from mockserver.control import PREFIX, Control
from mockserver.control_acts import News
from mockserver.faces.base import HttpRequest, HttpResponse, Session
from mockserver.faults import FAIR, Fate
from mockserver.forms import nearest_of
from mockserver.hosts import foreign_host, origin_form, refusal, venue_of
from mockserver.link import Link
from mockserver.pacing import extensions, pass_time
from mockserver.tally import Tally
from mockserver.wire import Reader, Tap, catch_up, write_frames
from mockserver.world import World, Worlds

if TYPE_CHECKING:
    from mockserver.attach.gate import Gate

MAX_HEAD = 64 << 10
NO_BODY = (204, 304)  # answers that end with their headers
MAX_BODY = 1 << 20
MAX_CONTROL_BODY = 64 << 20
"""A snapshot may be large."""
MAX_CONNECTIONS = 2_000
IDLE_SECONDS = 120.0
CLOSE_GRACE_SECONDS = 1.0
"""How long the client may take to answer a close frame, or to notice a refusal, before the TCP connection ends."""
SHORTEST_SLEEP = 0.0005

LACKING = "The venue may have this route; the mock does not. If a client of yours needs it, please report it."

LOG = logging.getLogger(__name__)


@attrs.frozen(slots=True)
class Listening:
    """Where a server listens: the host it was told, and base URLs that work on this machine."""

    host: str
    port: int

    @property
    def http(self) -> str:
        """Base URL for REST."""
        return f"http://{self._netloc}"

    @property
    def ws(self) -> str:
        """Base URL for WebSocket."""
        return f"ws://{self._netloc}"

    @property
    def _netloc(self) -> str:
        # "Every address" is none that a client can connect to; loopback is always among them.
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 (it is no binding)
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


async def serve(  # noqa: ASYNC128 (handed on)
    worlds: Worlds,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; ``task_status`` is started with where it listens. OSError when the port is taken."""
    await Server(worlds).serve(host, port, task_status=task_status)


async def listen(host: str, port: int) -> list[trio.SocketListener]:
    """Open the port (0: a free one) on every address of the host. OSError when it is taken."""
    listeners = await trio.open_tcp_listeners(port, host=host)
    if port == 0:  # each address would get a port of its own
        for spare in listeners[1:]:
            await spare.aclose()
        return listeners[:1]
    return listeners


class Server:
    """The connections of one set of worlds."""

    def __init__(self, worlds: Worlds) -> None:
        self.worlds = worlds
        self.control = Control(worlds)
        self.tally = Tally()
        self.gate: Gate | None = None
        """What connections pass before they are HTTP: TLS, tunnels. None: the port speaks plain HTTP only."""
        self.open_connections = 0
        self.control.sockets = lambda: self.open_connections
        self._earlier = trio.Event()
        self._left = trio.Event()
        worlds.on_world = self._mind
        worlds.speaks_tls = lambda: self.gate is not None
        for world in worlds.worlds.values():
            self._mind(world)

    async def serve(  # noqa: ASYNC128 (handed on)
        self, host: str, port: int, *, task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Listen and serve until cancelled."""
        await self.serve_on(host, await listen(host, port), task_status=task_status)

    async def serve_on(
        self,
        host: str,
        listeners: list[trio.SocketListener],
        *,
        task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve on open listeners until cancelled."""
        where = Listening(host, listeners[0].socket.getsockname()[1])
        self.control.hosts.add(host)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.run_timers)
            await nursery.start(partial(trio.serve_listeners, self.accepted, listeners))
            task_status.started(where)

    async def run_timers(self) -> None:
        """Fire the timers of every world when they are due, until cancelled."""
        while True:
            self._earlier = trio.Event()
            delays = [self._fire(world) for world in tuple(self.worlds.worlds.values())]
            delay = min((d for d in delays if d is not None), default=float("inf"))
            with trio.move_on_after(max(delay, SHORTEST_SLEEP)):
                await self._earlier.wait()

    async def serve_stream(
        self, stream: trio.abc.Stream, peer: str = "127.0.0.1", local: str = "127.0.0.1", world: str | None = None
    ) -> None:
        """Serve one connection until it ends; ``local`` is the address of ours that the client connected to.

        ``world`` answers where no key says whose a request is; None: the default one.
        """
        tap = Tap(stream)
        if self.open_connections >= MAX_CONNECTIONS:
            await trio.aclose_forcefully(stream)
            return
        self.open_connections += 1
        try:
            with tap.scope:
                if self.gate is None or await self.gate.admit(tap, partial(self.worlds.handshake, world=world)):
                    await _Connection(self, tap, peer, local, world).run()
            await tap.linger()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            LOG.debug("connection from %s lost", peer)
        except Exception:
            LOG.exception("connection from %s failed", peer)
        finally:
            self.open_connections -= 1
            with trio.move_on_after(CLOSE_GRACE_SECONDS, shield=True):
                await tap.end()

    async def go_away(self, within: float = CLOSE_GRACE_SECONDS) -> None:
        """Close every WebSocket with 1001 and wait a little for the clients to answer."""
        for link in tuple(self.worlds.links.values()):
            link.close(1001, "server shutdown")
        with trio.move_on_after(within):
            while self.worlds.links:
                await self._left.wait()

    def answer(self, request: HttpRequest, fate: Fate = FAIR) -> HttpResponse:
        """Answer a REST request: the control API, a venue, or a 404 that names the nearest routes."""
        try:
            if is_control(request):
                return self.control.handle(request)
            self.tally.request(request)
            answer = self.worlds.handle(request, fate)
            if answer is None:
                return self.refuse(request, self.not_found(request.method, request.path))
            self.tally.answered(request, answer.status)
            return answer
        except Exception:
            LOG.exception("%s %s failed", request.method, request.path)
            return self._failed(request)

    async def control_answer(self, request: HttpRequest) -> HttpResponse:
        """Answer a request of the control API, letting the wire catch up where an act says so."""
        deaf: set[int] = set()
        steps = self.control.steps(request)
        try:
            while True:
                stop = next(steps)
                await (self.hear(stop) if isinstance(stop, News) else self.let_catch_up(stop, deaf))
        except StopIteration as done:
            answer: HttpResponse = done.value
            return answer
        except Exception:
            LOG.exception("%s %s failed", request.method, request.path)
            return self._failed(request)
        finally:
            steps.close()

    async def let_catch_up(self, world: World, deaf: set[int]) -> None:
        """Wait until the connections of a world have caught up, but for those that are too slow (``deaf``)."""
        await catch_up([link for link in self.worlds.links.values() if link.home is world], deaf)

    async def hear(self, news: News) -> None:
        """Wait until the journal of a world has a new entry, and not for ever."""
        heard, followers = trio.Event(), news.world.recorder.followers
        followers.append(heard.set)
        try:
            with trio.move_on_after(news.within_ns / 1e9):
                await heard.wait()
        finally:
            followers.remove(heard.set)

    def refuse(self, asked: HttpRequest | str, answer: HttpResponse) -> HttpResponse:
        """Return an answer that no venue gives, kept in the journal of the world at home."""
        world = self.worlds.default if isinstance(asked, str) else self.worlds.at_home(asked)
        world.recorder.record_refused(asked, answer)
        return answer

    def _failed(self, request: HttpRequest) -> HttpResponse:
        return self.refuse(request, _error(500, f"the mock failed on {request.method} {request.path}; see its log"))

    def receive(self, link: Link, frame: str | bytes) -> None:
        """Give a frame to its link; a session that fails on it loses its connection, nothing else."""
        try:
            link.receive(frame)
        except Exception:
            LOG.exception("connection %d: the session failed on a frame", link.id)
            link.close(1011, "internal error")

    def not_found(self, method: str, path: str) -> HttpResponse:
        """A 404 that names nearest routes and what the mock lacks; 403 where a proxy's client wants another host."""
        if (foreign := foreign_host(path)) is not None:
            self.tally.count(self.tally.refused, foreign)
            return _error(403, refusal(foreign))
        wanted = f"{method} {path}"
        self.tally.count(self.tally.unmatched, wanted)
        venue = self.worlds.venue_of(path)
        lacks = {} if venue is None else {"venue": venue, "report": LACKING}
        nearest = nearest_of(wanted, [*self.worlds.routes(), *self.control.routes])
        return _error(404, f"no such route: {wanted}", nearest=nearest, **lacks)

    async def accepted(self, stream: trio.SocketStream, world: str | None = None) -> None:
        """Serve one connection of a listener, which may be that of one world."""
        try:
            peer, local = str(stream.socket.getpeername()[0]), str(stream.socket.getsockname()[0])
        except OSError:  # gone before we looked
            peer = local = "unknown"
        await self.serve_stream(stream, peer, local, world)

    def disconnected(self, link: Link) -> None:
        """A WebSocket is gone."""
        self.worlds.disconnected(link)
        if isinstance(link.transport, Tap):
            link.transport.busy = False
            link.transport.stir()
        self._left.set()
        self._left = trio.Event()

    def _mind(self, world: World) -> None:
        world.clock.on_change = self._wake
        self._wake()

    def _wake(self) -> None:
        self._earlier.set()

    def _fire(self, world: World) -> float | None:
        try:
            world.clock.fire_due()
        except Exception:
            LOG.exception("a timer of world %r failed", world.name)
        wait_ns = world.clock.wait_ns()
        return None if wait_ns is None else wait_ns / 1e9


class _Connection:
    """One TCP connection: requests one after another, then perhaps a WebSocket."""

    def __init__(self, server: Server, tap: Tap, peer: str, local: str, world: str | None) -> None:
        self.server = server
        self.tap = tap
        self.peer = peer
        self.local = local
        self.world = world
        self.http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self.bodiless = False
        """Whether the request is a HEAD: its answer has the headers alone."""
        self.heard = 0
        """How many bytes came since the last request ended."""

    async def run(self) -> None:
        """Serve until the client leaves, misbehaves, or is idle for too long."""
        while True:
            try:
                got = await self._request()
            except h11.RemoteProtocolError as error:
                bad = _error(400, f"this is not HTTP as the mock understands it: {error}")
                await self._refuse(self.server.refuse(f"<not HTTP: {error}>", bad))
                return
            if got is None:
                return
            head, request = got
            if len(request.body) > _most(request):
                too_large = _error(413, f"the body is larger than {_most(request)} bytes")
                await self._refuse(self.server.refuse(request, too_large))
                return
            if (request.header("upgrade") or "").lower() == "websocket":
                if await self._upgrade(head, request):
                    return
            elif not await self._answer(request):
                return
            if self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
                return
            self.tap.free()
            self.heard = len(self.http.trailing_data[0])
            self.http.start_next_cycle()

    async def _request(self) -> tuple[h11.Request, HttpRequest] | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self.http.next_event()
            if event is h11.NEED_DATA:
                if self.http.they_are_waiting_for_100_continue:
                    await self.tap.send(self.http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                with trio.move_on_after(IDLE_SECONDS) as idle:
                    data = await self.tap.receive()
                    self.http.receive_data(data)
                    self.heard += len(data)
                if idle.cancelled_caught:
                    return None
            elif isinstance(event, h11.Request):
                head, self.bodiless = event, event.method == b"HEAD"
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY and head is not None and len(body) > _most(seen := self._seen(head, body)):
                    return head, seen
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return head, self._seen(head, body)
            else:
                return None

    def _seen(self, head: h11.Request, body: bytearray) -> HttpRequest:
        seen = HttpRequest(
            method=head.method.decode("ascii"),
            target=origin_form(head.target.decode("latin-1"), self.server.control.hosts),
            headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers),
            body=bytes(body),
            peer=self.peer,
            local=self.local,
            world=self.world,
        )
        return attrs.evolve(seen, target=f"{PREFIX}/ui") if is_front_door(seen) else seen

    async def _answer(self, request: HttpRequest) -> bool:
        """Answer a request, as faults will have it; False when the connection has ended instead."""
        if is_control(request):
            response = await self.server.control_answer(request)
            await trio.lowlevel.checkpoint()  # one turn for the writers of what it caused
            await self._respond(response)
            return True
        world, fate = self.server.worlds.fate(request)
        await self._carry(world, fate)
        await pass_time(world.clock, fate.before_ns)
        response = self.server.answer(request, fate)
        # One turn for the writers of the events this request caused: either may reach the client first, as at the
        # real venues.
        await trio.lowlevel.checkpoint()
        await pass_time(world.clock, fate.after_ns)
        if fate.until_end_ns:
            await self._order_ended(request, response, fate.until_end_ns)
        if response.cut:
            self.tap.reset()
            return False
        if fate.heard == "answer":
            await self._respond(response)
            return True
        await self._say_nothing(fate)
        return False

    async def _carry(self, world: World, fate: Fate) -> None:
        """Let the bytes of this request, and what is sent behind it, go as faults will have it."""
        heard = self.heard - len(self.http.trailing_data[0])
        await self.tap.carry(fate.wires, partial(pass_time, world.clock), heard)

    async def _order_ended(self, request: HttpRequest, response: HttpResponse, within_ns: int) -> None:
        """Wait until the order that was answered about has ended, and not for ever."""
        found = self.server.worlds.order_of(request, response)
        if found is None:
            return
        exchange, order = found
        ended = trio.Event()
        patience = exchange.clock.after(within_ns, f"answer about order {order.order_id}", ended.set)
        exchange.when_ended(order, ended.set)
        await ended.wait()
        patience.cancel()

    async def _say_nothing(self, fate: Fate) -> None:
        """Wait for the client to leave, or do not even that."""
        while fate.heard == "never" and await self.tap.receive():
            pass
        if fate.is_reset:
            self.tap.reset()

    async def _respond(self, response: HttpResponse) -> None:
        headers = [
            ("date", formatdate(self.server.worlds.default.clock.now_ns // 1_000_000_000, usegmt=True)),
            ("content-type", response.content_type),
            ("content-length", str(len(response.body))),
            *response.headers,
        ]
        # The venues' gateways name the status in words, and clients show the words.
        reason = phrases.get(response.status, "")
        out = self.http.send(h11.Response(status_code=response.status, headers=headers, reason=reason)) or b""
        if not self.bodiless and response.status not in NO_BODY:
            out += self.http.send(h11.Data(data=response.body)) or b""
        out += self.http.send(h11.EndOfMessage()) or b""
        await self.tap.send(out)

    async def _refuse(self, response: HttpResponse) -> None:
        """Answer, and leave the client a moment to read it before the connection goes."""
        if self.http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        await self._respond(attrs.evolve(response, headers=(*response.headers, ("connection", "close"))))
        if isinstance(self.tap.stream, trio.abc.HalfCloseableStream):
            await self.tap.stream.send_eof()
        with trio.move_on_after(CLOSE_GRACE_SECONDS):
            while await self.tap.stream.receive_some():
                pass

    async def _upgrade(self, head: h11.Request, request: HttpRequest) -> bool:
        """Become a WebSocket; False when it was refused with an HTTP answer and the connection goes on."""
        websocket = WSConnection(ConnectionType.SERVER)
        try:
            websocket.initiate_upgrade_connection(list(head.headers), request.target)
        except RemoteProtocolError as error:
            await self._respond(self.server.refuse(request, _error(400, f"bad WebSocket handshake: {error}")))
            return False
        world, fate = self.server.worlds.fate(request, dial=True)
        await self._carry(world, fate)
        found = self.server.worlds.connect(request, self.tap, fate)
        if fate.heard != "answer":
            await self._say_nothing(fate)
            return True
        if found is None:
            await self._respond(self.server.refuse(request, self.server.not_found("WS", request.path)))
            return False
        if isinstance(found, HttpResponse):
            if found.cut:
                self.tap.reset()
                return True
            await self._respond(found)
            return False
        link, session = found
        self.server.tally.link(request)
        list(websocket.events())  # the request
        accepted, claimed = extensions(link, request.header("sec-websocket-extensions") or "")
        headers = [*((name.encode(), value.encode()) for name, value in session.handshake), *claimed]
        self.tap.reply(websocket.send(AcceptConnection(extra_headers=headers, extensions=accepted)))
        link.home.recorder.record("rest-out", "101", link=link.id)
        websocket.receive_data(bytes(self.http.trailing_data[0]))
        await self._websocket(websocket, link, session)
        return True

    async def _websocket(self, websocket: WSConnection, link: Link, session: Session) -> None:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(Reader(websocket, link, self.tap, partial(self.server.receive, link)).run)
                link.start(session)
                await write_frames(websocket, link, self.tap)
                with trio.move_on_after(CLOSE_GRACE_SECONDS):
                    while websocket.state is not ConnectionState.CLOSED:
                        await self.tap.woken()
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            LOG.debug("WebSocket %d lost", link.id)
        finally:
            self.server.disconnected(link)


def is_control(request: HttpRequest) -> bool:
    """Whether a request is for the control API."""
    return request.path == PREFIX or request.path.startswith(f"{PREFIX}/")


def is_front_door(request: HttpRequest) -> bool:
    """Whether a browser asks this server, and no venue, for what is at ``/``."""
    asks = request.method == "GET" and request.path == "/" and "text/html" in (request.header("accept") or "")
    return asks and venue_of(request.header("host")) is None


def _most(request: HttpRequest) -> int:
    return MAX_CONTROL_BODY if is_control(request) else MAX_BODY


def _error(status: int, text: str, **more: object) -> HttpResponse:
    return HttpResponse.json(json.dumps({"error": text, **more}), status=status)
