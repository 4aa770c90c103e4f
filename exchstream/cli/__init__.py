"""The command line: `exchstream demo`, `exchstream tail VENUE ...`, `exchstream venues`, and for files of a stream
`exchstream journal ...` and `exchstream replay FILE`.

    app.py        the commands, their options and help
    run.py        the trio side: signals, time limit, what the stream tells goes out
    mock.py       `python -m mockserver` as a child process
    replay.py     what a record's stream told
    lines.py      one event as a line of text, standard output without blocking, complaints
    board.py      the live table
    journal.py    a journal's file: what it holds, its events, whether it is sound
    catalogue.py  the venues: what they are, their variables, accounts from the environment

Every foreseen error is one line on standard error; `--debug` shows its traceback too.  A warning is such a line as
well: a variable that no venue has, an account that does not get through.  Exit codes:

    0         ended as asked
    1         another error: a disk that is full, a journal that cannot be opened, a mistake in this program
    2         wrong usage, or a configuration that cannot work, such as a key that is missing
    3         an account is down and will not come back
    4         the demo's mock exchange did not start, or ended
    5         the output was read so slowly that events have left memory
    6         a journal is not sound
    130       interrupted (Ctrl-C)
    129, 143  told to end (SIGHUP, SIGTERM)
    141       whoever read the output has gone
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
DOWN: Final = 3
NO_MOCK: Final = 4
SLOW: Final = 5
UNSOUND: Final = 6
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells count
NO_READER: Final = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code.  Never raises for what a user or a venue can do."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        from exchstream.cli.app import run_command  # here, so that Ctrl-C during the imports is quiet too

        return run_command(words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return NO_READER
