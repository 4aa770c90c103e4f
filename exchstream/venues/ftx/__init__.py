"""FTX (ftx.com and ftx.us), closed since November 2022: one WebSocket with a login, one REST interface.

venue.py      `Ftx`: the fields of an account, the plan, x
wire.py       rows of orders, fills, markets and balances, and what they mean
paging.py     how a listing is read to its end without losing a row
refusals.py   the error texts, and what each asks of us
"""

from exchstream.venues.ftx.venue import Ftx

__all__ = ["Ftx"]
