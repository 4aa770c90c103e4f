"""A matching engine without I/O, clock or chance: ``Engine.apply(command, now_ns) -> Result(reply, events)``.

``types``     every value (defined in ``instrument``, ``enums``, ``commands``, ``triggers``, ``views`` and there)
``ids``       identifiers in production shape
``book``      one market's resting orders, by price and then time
``ledger``    balances, positions and fees
``orders``    every order and execution, with versions for questions about the past
``algo``      conditional orders that get another id when they are set off
``lists``     orders that hang together
``matching``  one order against the book
``engine``    commands in, events out, and the queries
"""
