"""binance-sdk-spot, the official one: a callback of its signed subscription; only addresses are changed."""

import asyncio
import ssl
from importlib.metadata import version
from typing import Any

from binance_common.configuration import ConfigurationWebSocketAPI
from binance_sdk_spot.spot import Spot

from tests.bench.contestants.meter import END, Meter


class Models(Meter):
    """What was sent stands in a model, under the letters of the wire."""

    def number(self, report: Any) -> int:
        return super().number(report.model_dump(by_alias=True))


async def main() -> None:
    """Hear models."""
    meter = Models(version("binance-sdk-spot"))
    done = asyncio.Event()

    def hear(data: Any) -> None:
        report = data.actual_instance
        if meter.hear(report, report.c.startswith(END)):
            done.set()

    config = ConfigurationWebSocketAPI(
        api_key="bench-key",
        api_secret="bench-secret",
        stream_url=f"{meter.ws}/ws-api/v3",
        https_agent=ssl.create_default_context() if meter.secure else None,
    )
    connection = await Spot(config_ws_api=config).websocket_api.create_connection()
    stream = (await connection.user_data_stream_subscribe_signature()).stream
    stream.on("message", hear)
    meter.ready()
    await done.wait()
    await connection.close_connection(close_session=True)


asyncio.run(main())
