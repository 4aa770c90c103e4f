"""The trio shell: sockets, HTTP, clocks and tasks.  It carries out what a Session says and decides nothing itself.

    places.py     URLs, TLS, and speaking of both without showing a key
    seam.py       what a WebSocket connection can do, and how it ends
    transport.py  the default one, on trio-websocket
    http.py       one host's HTTP
    clock.py      this machine's monotonic clock, and UTC corrected to the venue's
    flight.py     one run at a time, shared by all who ask for it
    host.py       what the accounts on one host share: HTTP, budget, clock, market list

Real clocks live here and nowhere else.
"""
