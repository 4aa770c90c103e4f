"""One script for each client.  A script of a peer runs where this repository cannot be imported."""
