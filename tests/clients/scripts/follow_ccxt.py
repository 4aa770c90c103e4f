"""ccxt.pro: `watch_orders` and `watch_my_trades` in loops that go on after an exception, as its manual has them.

Of its options only those are set that its manual offers for the purpose: the clock's difference is taken into account.
Only addresses are changed, from outside.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt
import ccxt.pro

from tests.clients.scripts.telling import PAUSE_S, POLL_S, Teller

teller = Teller()


def moved(value: object) -> object:
    """The same addresses, all on this machine."""
    if isinstance(value, dict):
        return {name: moved(inner) for name, inner in value.items()}
    if isinstance(value, str) and value.startswith(("https://", "wss://")):
        scheme, _, rest = value.partition("://")
        return f"{teller.http if scheme == 'https' else teller.ws}/{rest.partition('/')[2]}"
    return value


async def follow(watch: Callable[[], Awaitable[Any]], tell: Callable[[Any], bool]) -> None:
    """Read by one `watch_` method for ever; `tell` says whether a row is an execution."""
    while True:
        try:
            rows = await watch()
        except Exception as error:  # noqa: BLE001 (whatever it raises is told, and the loop goes on)
            teller.word(f"{type(error).__name__}: {error}")
            await asyncio.sleep(PAUSE_S)
            continue
        for row in rows:
            executed = tell(row)
            while teller.is_busy(executed):  # noqa: ASYNC110 (told by a file)
                await asyncio.sleep(POLL_S)


def tell_order(row: Any) -> bool:
    """A row of `watch_orders`."""
    teller.order(row["id"], is_open=row["status"] == "open", filled=row["filled"])
    return float(row["filled"]) > 0


def tell_trade(row: Any) -> bool:
    """A row of `watch_my_trades`."""
    teller.fill(row["id"], row["order"])
    return True


def binance() -> Any:
    """The newest ccxt at Binance."""
    spot = teller.venue == "binance-spot"
    options = {
        "adjustForTimeDifference": True,
        "fetchMarkets": {"types": ["spot" if spot else "linear"]},
        "fetchMargins": False,
    }
    kind = ccxt.pro.binance if spot else ccxt.pro.binanceusdm
    client = kind({"apiKey": teller.key, "secret": teller.secret, "options": options})
    client.urls["api"] = moved(client.urls["api"])
    client.has["fetchCurrencies"] = False
    return client


def ftx() -> Any:
    """The last ccxt with FTX."""
    urls = {"api": {"public": teller.http, "private": teller.http, "ws": f"{teller.ws}/ws"}}
    return ccxt.pro.ftx({"apiKey": teller.key, "secret": teller.secret, "urls": urls})


async def main() -> None:
    """Tell what both methods hear."""
    client = ftx() if teller.venue == "ftx" else binance()
    await client.load_markets()
    teller.ready(ccxt.__version__)
    async with asyncio.TaskGroup() as group:
        group.create_task(follow(client.watch_orders, tell_order))
        group.create_task(follow(client.watch_my_trades, tell_trade))


asyncio.run(main())
