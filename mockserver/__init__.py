"""A mock exchange on this machine: ``python -m mockserver``, or in a test's own event loop.

    async with trio.open_nursery() as nursery:
        worlds = Worlds(Recipe(venues=VENUES, clock=lambda: Clock(time.time_ns)), seed=7)
        listening = await nursery.start(serve, worlds)

Map of the package, from the inside out. All but the shell is pure: no sockets, no ambient clock or chance.

- ``engine``       the matching engine: integers in, numbered events out
- ``liquidity``    who trades with the clients;  ``demo_traders``  clients for show
- ``faces``        each venue's HTTP and WebSocket dialect (``faces.base``: what a face is);  ``venues``  all of them
- ``clock``        two times and a queue of timers;  ``recorder``  everything sent and received
- ``truth``        what really happened;  ``snapshot``  a world as JSON, and back (``graph``: how)
- ``faults``       what may go wrong, and whether it does: small values, decided by the seed
- ``link``         one WebSocket connection: outbox, heartbeats, what faults do to it
- ``exchange``     one venue in one world;  ``world``  isolated universes, chosen by key
- ``checkers``     what a client told, held against the truth
- ``control``      the control API under ``/__mock`` (``control_*``: its parts;  ``openapi``: its document)
- ``server``       the shell: one port for REST and WebSocket (``wire``: the bytes of one connection)
- ``stage``        one venue, one listening client, a clock moved by hand;  ``actions``  what may happen there
- ``story``        what happens, step by step, as YAML (``verbs``, ``forms``, ``durations``, ``plain_yaml``: its parts)
- ``heard``        the journal in words;  ``verify``  what a client must have done;  ``reports``  what it says it heard
- ``player``       plays stories against any command;  ``scenarios``  those that are shipped
- ``testing``      a world for each test;  ``pytest_plugin``  the fixtures that give it
- ``attach``       bots as they are: proxy, certificates, a cell (``hosts``, ``tally``);  ``pages``  the web pages
- ``strategies``   Hypothesis: legal histories in the venues' own JSON
- ``command``      the command line (``snippets``: the lines it prints for clients);  ``__main__``  the way there

The names below are imported when they are first used: ``python -m mockserver`` begins with this file, and must be where
it can be interrupted before the long imports begin.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mockserver.clock import Clock, VirtualClock
    from mockserver.exchange import Account, Exchange, Settings
    from mockserver.link import Link
    from mockserver.server import Listening, Server, serve
    from mockserver.world import Recipe, World, Worlds

__all__ = [
    "Account",
    "Clock",
    "Exchange",
    "Link",
    "Listening",
    "Recipe",
    "Server",
    "Settings",
    "VirtualClock",
    "World",
    "Worlds",
    "serve",
]

if not TYPE_CHECKING:  # a type checker reads the imports above, and would take this for "any name will do"

    def __getattr__(name: str) -> object:
        """Import the public names."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from mockserver import clock, exchange, link, server, world

        homes = (vars(module) for module in (clock, exchange, link, server, world))
        return next(home[name] for home in homes if name in home)
