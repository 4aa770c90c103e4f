"""Benchmarks: run by `nox -s bench`, never part of the default run.

    reports.py       histories of orders as Binance spot writes them, the same for everybody
    reports_ftx.py   the same as FTX wrote them
    server.py        a neutral exchange: canned answers, and reports made before the first byte is sent
    contestants/     one script for each client; each runs in a process (and, for peers, an environment) of its own
    field.py         who runs
    processes.py     servers and clients as processes
    race.py          interleaved rounds, medians, ratios, and what of all that was sent was delivered
    start.py         how long until all accounts are live
    test_bench.py    the modes: blast, paced, many, fair, start, long, journal, decode
    journal.py       by itself: what a journal on disk costs, and how long a restart takes
    goals.py         what is to be reached, beside what was
    bounds.py        what bounds the goals that are missed
    mounts.py        which file system a journal was on
    page.py          the figures as `docs/performance.md`, and plot.py its picture

Their own tests, without sockets and peers, are `tests/unit/bench`, and part of every run.

Nothing here imports mockserver: the server knows no more of an exchange than these clients ask for.  start.py runs it,
for its limits.
"""
