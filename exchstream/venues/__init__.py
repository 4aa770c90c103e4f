"""The venues: what each exchange does in its own way, and nothing else.

    settings.py   a venue's fields from arguments and the environment
    checks.py     what these fields may be
    numbers.py    exact, finite decimals of a sane size
    ftx/          FTX (gone since 2022; serves the mock and recordings)
    binance/      spot and USD-margined futures

A venue is pure: no socket, clock, sleep or chance.  It knows `core.venue`, the model and the events; never the
session, the shell or another venue.
"""
