"""How a client that was told nothing of the mock comes to it: by a proxy, by TLS, or in a network of its own.

- ``authority``    a certificate authority for one run
- ``gate``         TLS by the first byte, CONNECT, and what is refused
- ``environment``  the variables of the client's process
- ``isolation``, ``cell``  a network in which there is nothing but the mock (Linux)
- ``running``      the client's process
- ``command``      ``python -m mockserver exec``
- ``listing``      ``python -m mockserver clients``

Nothing here is imported by a plain ``python -m mockserver``.
"""
