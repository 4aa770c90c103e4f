"""Crash tests: a bot with a journal, in a process of its own, is killed again and again while the mock trades on."""
