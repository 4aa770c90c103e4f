"""Many accounts of one address: their start is paced within the venue's limits, which the mock enforces."""

from __future__ import annotations

from collections import Counter
from typing import Final

import pytest
from trio.testing import MockClock

from exchstream.shell.stream import open_stream
from exchstream.shell.transports import TransportName

from .accounts import account
from .harness import live, served, until, verdicts_of

ACCOUNTS: Final = 60
AT_MOST_S: Final = 900  # by the virtual clock, which runs on where a busy machine does not; the benchmark measures


@pytest.mark.parametrize("transport", ["trio-websocket", "websockets"])
async def test_a_start_of_many_is_never_refused(transport: TransportName, autojump_clock: MockClock) -> None:
    """All come live, by one dial each, and with one market list between them."""
    autojump_clock.autojump_threshold = 0.02  # so many sockets keep the kernel busy when nobody else is
    async with served() as mock:
        world = mock.worlds.create("many", seed=1)
        exchange = world.exchanges["binance-spot"]
        exchange.settings.limits = "ip"
        opened = [mock.worlds.open_account(exchange, f"a{number}") for number in range(ACCOUNTS)]
        venues = [
            account(
                *("binance-spot", mock.http, mock.ws),
                name=each.name,
                api_key=each.api_key,
                api_secret=each.secret,
                symbols=(),
            )
            for each in opened
        ]
        async with open_stream(*venues, transport=transport) as stream:
            events = await until(stream, live(ACCOUNTS), seconds=AT_MOST_S)
            reconnects = [status.reconnects for status in stream.status().values()]
    rows = [row for each in (world, mock.worlds.default) for row in each.recorder.journal(limit=10_000)]
    asked = Counter(str(row["text"]).split(" ")[1].partition("?")[0] for row in rows if row["kind"] == "rest-in")
    answered = {str(row["text"])[:3] for row in rows if row["kind"] == "rest-out"}
    assert all(verdict.complete for verdict in verdicts_of(events))
    assert reconnects == [0] * ACCOUNTS
    assert answered == {"200", "101"}
    assert (asked["/api/v3/exchangeInfo"], asked["/ws-api/v3"]) == (1, ACCOUNTS)
