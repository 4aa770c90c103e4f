"""What the pytest plugin gives to tests: a world of the mock for each, and an object to command and to judge it by.

- ``plan``       what a test asks for by its marker, read and refused in words
- ``stage``      a server, and one world after another on ports of their own;  ``thread``  that in a thread
- ``exchange``   the object of the fixtures: orders, price, faults, connections, truth
- ``seats``      one account of it, and its orders
- ``told``       what a test says its client heard, as reports
- ``waiting``    what waits for the client, for sync, asyncio and trio tests
- ``recording``  what is shown and kept when a test fails, and compared when it is repeated

Nothing here knows pytest, so a test runner of another name may use it; ``mockserver.pytest_plugin`` does.
"""
