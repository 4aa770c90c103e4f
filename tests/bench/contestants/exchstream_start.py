"""exchstream from nothing until all its accounts are live, and what that took.

Arguments: JSON with `http`, `ws` and `keys` (a key and a secret for each account), `lifted` where nothing at the venue
is to be minded; the transport.  Prints one line of JSON: after how many seconds each account was live, and the rest.
"""

import json
import sys
import time
from typing import Any

import trio

from exchstream import BinanceSpot, GapClosed, open_stream
from tests.bench.contestants.lifted import LIFTED
from tests.bench.contestants.meter import CLIENT_CORE, cpu_seconds, pin, resident_kib


async def main(terms: dict[str, Any], transport: Any) -> None:
    """Start once."""
    limits = LIFTED if terms["lifted"] else {}
    accounts = [
        BinanceSpot(
            name=f"account-{number}",
            api_key=key,
            api_secret=secret,
            environment="bench",
            rest_url=terms["http"],
            ws_url=f"{terms['ws']}/ws-api/v3",
            stream_url=terms["ws"],
            **limits,
        )
        for number, (key, secret) in enumerate(terms["keys"])
    ]
    began, cpu_s, live = time.monotonic(), cpu_seconds(), list[float]()
    async with open_stream(*accounts, transport=transport) as stream:
        async for event in stream:
            if isinstance(event, GapClosed) and event.complete:
                live.append(time.monotonic() - began)
                if len(live) == len(accounts):
                    break
        reconnects = sum(status.reconnects for status in stream.status().values())
        said = {"live": live, "cpu_s": cpu_seconds() - cpu_s, "kib": resident_kib(), "reconnects": reconnects}
        print(json.dumps(said), flush=True)


pin(CLIENT_CORE)
trio.run(main, json.loads(sys.argv[1]), sys.argv[2])
