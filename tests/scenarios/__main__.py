"""The bot as a program, told by the environment where the mock is: `python -m tests.scenarios [--flaw NAME]`."""

from __future__ import annotations

import argparse
import json
import os
import time

import trio

from .bot import FLAWS, Bot
from .ftx_bot import FtxBot


def main() -> None:
    made = argparse.ArgumentParser()
    made.add_argument("--flaw", choices=("", *FLAWS), default="")
    made.add_argument("--do", choices=("", "place", "maker", "cancel"), default="")
    args = made.parse_args()
    venue = os.environ["MOCKSERVER_VENUE"]
    bot = (FtxBot if venue == "ftx" else Bot)(
        http=os.environ["MOCKSERVER_HTTP"],
        ws=os.environ["MOCKSERVER_WS"],
        key=os.environ["MOCKSERVER_API_KEY"],
        secret=os.environ["MOCKSERVER_API_SECRET"],
        venue=venue,
        symbol=os.environ["MOCKSERVER_SYMBOL"],
        report=lambda row: print(json.dumps(row), flush=True),
        now_ms=lambda: time.time_ns() // 10**6,
        do=args.do,
        flaw=args.flaw,
    )
    trio.run(bot.run)


if __name__ == "__main__":
    main()
