"""ccxt, driven by JSON lines: exchange objects, any of their methods, and what their own streams hear.

Runs in an environment that has ccxt and nothing of this repository.  One request a line on standard input; answers and
what is heard, one a line, on standard output:

    {"id": 1, "do": "open", "with": {"name": "bot", "lines": "import ccxt.pro\\nex = ccxt.pro.binance({...})"}}
    {"id": 2, "do": "watch", "with": {"name": "bot", "method": "watch_my_trades"}}
    {"id": 3, "do": "call", "with": {"name": "bot", "method": "fetch_order", "args": ["1", "BTC/USDT"]}}

    {"id": 3, "result": {...}}   or   {"id": 3, "error": "OrderNotFound", "text": "..."}
    {"heard": "watch_my_trades", "name": "bot", "rows": [...]}

`lines` are those that the mock prints for ccxt; they leave the exchange in `ex`.  The end of standard input closes the
exchanges and ends the program.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine
from typing import Any


def say(**message: object) -> None:
    """Write one line."""
    print(json.dumps(message), flush=True)


class Driver:
    """The exchange objects by name, and the tasks that work and listen for them."""

    def __init__(self) -> None:
        self.exchanges: dict[str, Any] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Read requests until there are no more."""
        while line := await asyncio.to_thread(sys.stdin.readline):
            self.start(self.obey(json.loads(line)))
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for exchange in self.exchanges.values():
            await exchange.close()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it beside the rest."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def obey(self, request: dict[str, Any]) -> None:
        """Carry out one request and answer it; what ccxt raises is an answer."""
        try:
            result = await getattr(self, request["do"])(**request["with"])
        except Exception as error:  # noqa: BLE001
            say(id=request["id"], error=type(error).__name__, text=str(error))
        else:
            say(id=request["id"], result=result)

    async def open(self, name: str, lines: str, text_numbers: bool) -> str:
        """Make an exchange object as the lines say and load its markets; the version of ccxt.

        `text_numbers` is ccxt's own switch (manual, "Numbers"): amounts stay the text that the exchange sent.  The last
        ccxt with FTX has it too, but cannot place an order with it.
        """
        space: dict[str, Any] = {}
        exec(lines, space)
        exchange = self.exchanges[name] = space["ex"]
        if text_numbers:
            exchange.number = str
        await exchange.load_markets()
        return str(space["ccxt"].__version__)

    async def call(self, name: str, method: str, args: list[Any]) -> object:
        """Call a method of ccxt's unified interface."""
        return await getattr(self.exchanges[name], method)(*args)

    async def watch(self, name: str, method: str) -> None:
        """Listen by a `watch_` method from now on."""
        self.start(self.listen(name, method))

    async def listen(self, name: str, method: str) -> None:
        """Tell what a `watch_` method hears; when it raises, tell that and call it again, as bots do."""
        while True:
            try:
                rows = await getattr(self.exchanges[name], method)()
            except Exception as error:  # noqa: BLE001
                say(heard=method, name=name, error=type(error).__name__, text=str(error))
                await asyncio.sleep(0.1)
            else:
                say(heard=method, name=name, rows=list(rows))


if __name__ == "__main__":
    asyncio.run(Driver().run())
