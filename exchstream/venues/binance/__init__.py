"""Binance: spot and USD-margined futures.

spot.py, futures.py                the venues: how to dial, greet, ask; limits and endpoints
spot_stream.py                     the frames of spot's lane: answers and wrapped events
spot_facts.py, futures_facts.py    what an order or execution means, told by stream or REST
account.py                         what both products share: keys, fields, signed requests
paging.py, listings.py             answers of many rows, in pages or in one piece
signing.py                         HMAC, RSA and Ed25519, for REST and for the WebSocket API
wire.py                            words, times, unreadable messages, refusals
"""

from exchstream.venues.binance.futures import BinanceFutures as BinanceFutures
from exchstream.venues.binance.spot import BinanceSpot as BinanceSpot
