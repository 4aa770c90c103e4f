"""The trio shell: sockets, HTTP, clocks and tasks.  It carries out what a Session says and decides nothing itself.

    places.py     URLs, TLS, and speaking of both without showing a key
    seam.py       what a WebSocket connection can do, and how it ends
    link.py       what all of them need: the dial, whole writes, how a dial and a link end
    layer.py      a stream on a stream: TCP, TLS and whole frames
    tcp.py        TCP below them, that waits before it reads
    tls.py        TLS below them, all that has come in one read
    transport.py  the default one, on trio-websocket
    fast_transport.py  the second one, on websockets' protocol (extra `fast`)
    handshake.py  its opening handshake, without a socket
    frames.py     its frames, without a socket
    shortcut.py   plain text frames past the protocol of both
    transports.py the two by name
    http.py       one host's HTTP
    clock.py      this machine's monotonic clock, and UTC corrected to the venue's
    flight.py     one run at a time, shared by all who ask for it
    host.py       what the accounts on one host share: HTTP, budget, clock, market list
    hosts.py      one host for all accounts of one venue at one REST address
    nursery.py    a nursery whose one failure comes out as itself
    runner.py     one account's tasks: carries out what its Session decides
    stream.py     `open_stream`: builds all of these, and the readers that follow the journal

Real clocks live here and nowhere else.
"""
