"""The stream over TLS, where handshakes go wrong for a while: it dials again, and tells what happened meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from trio.testing import MockClock

from exchstream.shell.places import default_tls
from exchstream.shell.stream import open_stream
from exchstream.shell.transports import TransportName
from mockserver.attach.authority import Authority
from mockserver.attach.gate import Gate
from mockserver.faults import Fault, Kind, Match, TlsExpired, TlsReset, TlsWrongHost

from .harness import Mock, live, served, told_fills, until, verdicts_of

TIMES: Final = 3


@pytest.fixture
async def mock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mock]:
    """A mock whose port speaks TLS, and a process that trusts it."""
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    default_tls.cache_clear()
    async with served(gate=lambda server: Gate(server.tally, authority)) as serving:
        serving.http, serving.ws = serving.http.replace("http", "https"), serving.ws.replace("ws", "wss")
        yield serving
    default_tls.cache_clear()


@pytest.mark.parametrize("transport", ["trio-websocket", "websockets"])
@pytest.mark.parametrize("kind", [TlsExpired(), TlsWrongHost(), TlsReset()], ids=["expired", "wrong-host", "reset"])
async def test_bad_handshakes_pass(mock: Mock, kind: Kind, transport: TransportName, autojump_clock: MockClock) -> None:
    """At the start, and when a connection is lost: nothing is sent to a stranger, and then all is told."""
    seat = mock.seat("binance-spot", quick=False)
    faults = mock.worlds.default.faults
    faults.arm(Fault(kind=kind, name="start", match=Match(count=TIMES)))
    async with open_stream(seat.venue, transport=transport) as stream:
        told = await until(stream, live(), seconds=120)
        assert faults.hits["start"] == TIMES
        order = seat.place()
        seat.fill(order, "0.25")
        faults.arm(Fault(kind=kind, name="again", match=Match(count=TIMES)))
        seat.drop()
        seat.fill(order)
        await until(stream, live(2), seconds=300, told=told)

    assert faults.hits["again"] == TIMES
    assert told_fills(told) == seat.true_fills()
    assert len(told_fills(told)) == 2
    assert verdicts_of(told)[-1].complete
