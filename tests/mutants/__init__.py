"""Deliberate bugs in the shipped code, each of which the simulation must catch: `python -m tests.mutants`."""
