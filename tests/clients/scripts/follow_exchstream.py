"""exchstream as its README uses it, with a journal in the working folder."""

import trio

import exchstream
from exchstream import (
    AccountDown,
    BinanceFutures,
    BinanceSpot,
    Fill,
    Ftx,
    GapClosed,
    GapOpened,
    OrderStatus,
    OrderUpdate,
    open_stream,
)
from tests.clients.scripts.telling import POLL_S, Teller

teller = Teller()
OPEN = {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED}


def account() -> BinanceSpot | BinanceFutures | Ftx:
    """The account, with every limit as it is by default."""
    if teller.venue == "binance-spot":
        return BinanceSpot(
            api_key=teller.key,
            api_secret=teller.secret,
            environment="mock",
            rest_url=teller.http,
            ws_url=f"{teller.ws}/ws-api/v3",
            stream_url=teller.ws,
        )
    if teller.venue == "ftx":
        return Ftx(api_key=teller.key, api_secret=teller.secret, rest_url=teller.http, ws_url=f"{teller.ws}/ws/")
    return BinanceFutures(
        api_key=teller.key,
        api_secret=teller.secret,
        environment="mock",
        rest_url=teller.http,
        ws_url=teller.ws,
    )


async def main() -> None:
    """Tell every event."""
    ready = False
    async with open_stream(account(), journal="orders.db") as stream:
        async for event in stream:
            executed = False
            match event:
                case Fill(trade_id=trade_id, order_id=order_id):
                    teller.fill(trade_id, order_id)
                    executed = True
                case OrderUpdate(order_id=order_id, status=status, filled_quantity=filled):
                    teller.order(order_id, is_open=status in OPEN, filled=filled)
                case GapClosed() if not ready:
                    ready = True
                    teller.ready(exchstream.__version__)
                case GapOpened(reason=reason) if ready:
                    teller.word(f"gap opened: {reason.value}")
                case GapClosed(complete=complete):
                    teller.word(f"gap closed: {'complete' if complete else 'not complete'}")
                case AccountDown(reason=reason):
                    teller.word(f"account down: {reason.value}")
            while teller.is_busy(executed):  # noqa: ASYNC110 (told by a file)
                await trio.sleep(POLL_S)


trio.run(main)
