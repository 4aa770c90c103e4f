"""Benchmarks: run by `nox -s bench`, never part of the default run.

    reports.py       histories of orders as Binance spot writes them, the same for everybody
    server.py        a neutral exchange: canned answers, and blasts of reports made before the first byte is sent
    contestants/     one script for each client; each runs in a process (and, for peers, an environment) of its own
    race.py          interleaved rounds, medians, ratios, and what of all that was sent was delivered
    journal.py       by itself: what a journal on disk costs, and how long a restart takes
    page.py          the figures as `docs/performance.md`

Nothing here imports mockserver: the server knows no more of an exchange than these clients ask for.
"""
