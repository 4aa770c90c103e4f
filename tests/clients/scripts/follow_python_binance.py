"""python-binance: `user_socket` or `futures_user_socket` in a loop, as its documentation has it.

At an error message the socket is closed and opened again, as the documentation demands.  Only addresses are changed,
from outside.
"""

import asyncio
from importlib.metadata import version
from typing import Any

from binance import AsyncClient, BinanceSocketManager

from tests.clients.scripts.telling import PAUSE_S, POLL_S, Broken, Teller

teller = Teller()
OPEN = {"NEW", "PARTIALLY_FILLED"}


def tell(message: dict[str, Any]) -> bool:
    """Tell what is in a message; whether it is an execution."""
    report = message.get("o", {}) if message.get("e") == "ORDER_TRADE_UPDATE" else message
    if message.get("e") not in ("executionReport", "ORDER_TRADE_UPDATE"):
        if message.get("e") == "listenKeyExpired":
            teller.word("listenKeyExpired")
        return False
    teller.order(report["i"], is_open=report["X"] in OPEN, filled=report["z"])
    if report["x"] != "TRADE":
        return False
    teller.fill(report["t"], report["i"])
    return True


async def main() -> None:
    """Tell what the socket hears."""
    AsyncClient.API_URL = f"{teller.http}/api"
    AsyncClient.FUTURES_URL = f"{teller.http}/fapi"
    AsyncClient.WS_API_URL = f"{teller.ws}/ws-api/v3"
    BinanceSocketManager.FSTREAM_URL = f"{teller.ws}/"
    client = await AsyncClient.create(teller.key, teller.secret)
    manager = BinanceSocketManager(client)
    while True:
        try:
            socket = manager.user_socket() if teller.venue == "binance-spot" else manager.futures_user_socket()
            async with socket:
                teller.ready(version("python-binance"))
                while (message := await socket.recv()).get("e") != "error":
                    executed = tell(message)
                    while teller.is_busy(executed):  # noqa: ASYNC110 (told by a file)
                        await asyncio.sleep(POLL_S)
                teller.word(f"error: {message.get('type')}: {message.get('m')}")
        except Broken:
            raise
        except Exception as error:  # noqa: BLE001 (whatever it raises is told, and the loop goes on)
            teller.word(f"{type(error).__name__}: {error}")
            await asyncio.sleep(PAUSE_S)


asyncio.run(main())
