"""FTX as it was in 2022, behind one public name: ``FTX``.

``face``     routes, limits, acts of the control API          ``stream``   the WebSocket: login, subscriptions, events
``rest``     one call: proof, parameters, envelope            ``public``   ticker, trades, orderbook, markets
``orders``   place, modify, cancel                            ``render``   the engine's snapshots in FTX's words
``history``  orders, fills, paging                            ``markets``  the markets and their descriptions
``wallet``   account, positions, balances                     ``wire``     JSON text, numbers, times
``auth``     the two signatures    ``errors``  every error text    ``limits``  request counters

The exchange is gone; everything here comes from its documentation, recorded traffic and clients that ran against it.
What none of these says is marked "invented".
"""

from mockserver.faces.ftx.face import FTX

__all__ = ["FTX"]
