"""ccxt, driven by JSON lines: any exchange object, any of its methods, and what its own streams hear.

Runs in an environment that has ccxt and nothing of this repository.  One request a line on standard input, one answer
a line on standard output, in the order in which the work is done:

    {"id": 1, "do": "open", "name": "bot", "lines": "import ccxt.pro\\nex = ccxt.pro.binance({...})"}
    {"id": 2, "do": "call", "name": "bot", "method": "create_order", "args": ["BTC/USDT", "limit", "buy", 0.1, 60000]}
    {"id": 3, "do": "watch", "name": "bot", "method": "watch_my_trades"}

    {"id": 2, "result": {...}}  {"id": 2, "error": "InsufficientFunds", "text": "..."}
    {"heard": "watch_my_trades", "name": "bot", "rows": [...]}

`lines` are the lines that the mock prints for ccxt; they leave the exchange in `ex`.  Numbers are told as text.  It
ends when standard input does, and closes its exchanges.
"""

import asyncio
import json
import sys
from typing import Any


def say(**message: object) -> None:
    """Write one line."""
    print(json.dumps(message), flush=True)


class Driver:
    """The exchange objects by name, and the tasks that listen for them."""

    def __init__(self) -> None:
        self.exchanges: dict[str, Any] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def obey(self, request: dict[str, Any]) -> None:
        """Carry out one request and answer it; what ccxt raises is an answer."""
        try:
            result = await getattr(self, request["do"])(**request.get("with", {}))
        except Exception as error:
            say(id=request["id"], error=type(error).__name__, text=str(error))
        else:
            say(id=request["id"], result=result)

    async def open(self, name: str, lines: str, numbers: str="") -> str:
        """Make an exchange object as the lines say and load its markets; the version of ccxt."""
        space: dict[str, Any] = {}
        exec(lines, space)
        exchange = self.exchanges[name] = space["ex"]
        if numbers == "text": exchange.number = str
        await exchange.load_markets()
        return str(space["ccxt"].__version__)

    async def call(self, name: str, method: str, args: list[Any]) -> Any:
        """Call a method of ccxt's unified interface."""
        return await getattr(self.exchanges[name], method)(*args)

    async def watch(self, name: str, method: str) -> None:
        """Listen by a `watch_` method from now on, and tell all that it hears."""
        self.start(self.listen(name, method))

    async def listen(self, name: str, method: str) -> None:
        """Tell what one `watch_` method hears; ccxt's errors too, after which it is called again, as bots do."""
        while True:
            try:
                rows = await getattr(self.exchanges[name], method)()
            except Exception as error:
                say(heard=method, name=name, error=type(error).__name__, text=str(error))
                await asyncio.sleep(0.05)
            else:
                say(heard=method, name=name, rows=list(rows))

    def start(self, work: Any) -> None:
        """Run beside the others, and be kept from being forgotten."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def run(self) -> None:
        """Read requests until there are no more."""
        while line := await asyncio.to_thread(sys.stdin.readline):
            self.start(self.obey(json.loads(line)))
        for task in list(self.tasks):
            task.cancel()
        for exchange in self.exchanges.values():
            await exchange.close()


if __name__ == "__main__":
    asyncio.run(Driver().run())
