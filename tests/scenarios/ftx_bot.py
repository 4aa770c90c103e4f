"""The bot's dialect of FTX: how it signs, subscribes, and reads what it is told. It listens only."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from .bot import Bot, Row
from .wire import Lost, ask


class FtxBot(Bot):
    """One account at FTX."""

    async def _url(self) -> str:
        return f"{self.ws}/ws/"

    def _subscriptions(self) -> list[Row]:
        now = self._now()
        proof = {"key": self.key, "time": now, "sign": self._sign(f"{now}websocket_login")}
        channels: list[Row] = [{"op": "subscribe", "channel": channel} for channel in ("fills", "orders")]
        return [{"op": "login", "args": proof}, *channels]

    def _acknowledges(self, message: Row) -> bool:
        if message["type"] == "error":
            raise Lost(f"refused: {message}")
        return bool(message["type"] == "subscribed" and message["channel"] == "orders")

    def _heard(self, event: Row) -> None:
        if event.get("code") == 20001 and self.flaw != "ignores_notice":
            self.dial("restart")
        elif "filledSize" in event:
            self._told_order(event, recovered=False)
        elif "liquidity" in event:
            self._told_fill(event, recovered=False)

    def _told_fill(self, row: Row, *, recovered: bool) -> None:
        time_ms = round(datetime.fromisoformat(row["time"]).timestamp() * 1000)
        self._fill(row["orderId"], row["id"], str(row["price"]), str(row["size"]), time_ms, recovered=recovered)

    def _told_order(self, row: Row, *, recovered: bool) -> None:
        done = "FILLED" if row["filledSize"] == row["size"] else "CANCELED"
        started = "PARTIALLY_FILLED" if row["filledSize"] else "NEW"
        status = done if row["status"] == "closed" else started
        self._order(row["id"], status, str(row["filledSize"]), recovered=recovered)

    async def _look_once(self) -> None:
        for row in await self.call("GET", "/api/fills", market=self.symbol):
            self._told_fill(row, recovered=True)
        for row in await self.call("GET", "/api/orders/history", market=self.symbol):
            self._told_order(row, recovered=True)

    async def call(self, method: str, path: str, *, signed: bool = True, **params: Any) -> Any:
        target = f"{path}?{urlencode(params, quote_via=quote, safe='')}"
        now = str(self._now())
        signature = self._sign(f"{now}{method}{target}")
        headers = {"FTX-KEY": self.key, "FTX-TS": now, "FTX-SIGN": signature}
        answer = await ask(method, f"{self.http}{target}", headers)
        if answer.status != 200:
            raise Lost(f"{answer.status}")
        return json.loads(answer.body)["result"]
