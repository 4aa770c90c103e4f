"""One script for each client.  Those of peers run in environments that hold nothing of this repository's needs."""
