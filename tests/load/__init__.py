"""What one mock process carries: many clients in worlds of their own, and many sockets that hear one account.

The mock is a process of its own, started as anybody would; the clients are no library's, and share nothing with it but
the wire. What is counted is held against the mock's truth. What it costs is measured, never asserted.
"""
