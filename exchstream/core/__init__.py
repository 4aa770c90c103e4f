"""The pure core: what happened goes in, what to do comes out.

    venue.py       the Venue protocol: plans, questions, meanings
    limits.py      the bounds of connections
    happenings.py  what the shell says to a Session, and what a Session answers
    ledger.py      all orders and executions known so far: joins, repeats, sums
    links.py       the numbered set of connections: dialling, proof, silence, rotation
    gaps.py        the open gap: who must be checked, and the look-back that closes it
    lookback.py    one look-back: what to ask, what came of it, the verdict
    audit.py       is the stream still telling everything?  two looks with a grace between
    balances.py    do the balances agree with the executions?
    doubts.py      what may have happened without being told properly
    asks.py        the questions that are out, and for whom
    teller.py      turns facts into events: once, scrubbed, under the unified symbol
    scrub.py       the one place where credentials are taken out
    state.py       what a session says of itself: checkpoint and status
    session.py     THE state machine of one account, made of the parts above
    backoff.py     how long to wait before the next try
    ratelimit.py   the budget that all accounts on one host share

Nothing here has a socket, a clock, a sleep or a source of chance.
"""
