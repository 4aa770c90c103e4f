"""What the command lines of the mock have in common: a wrong argument is one line that says where help is.

It knows no command; what each takes stands beside it.
"""

from __future__ import annotations

import argparse
import difflib
from typing import Final, NoReturn

EXIT_USAGE: Final = 2
_UNKNOWN: Final = "unrecognized arguments: "


class Parser(argparse.ArgumentParser):
    """As argparse has it, without the ten lines of usage before an error."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2 and one line on standard error; an option that nearly is one is named."""
        if message.startswith(_UNKNOWN):
            message += self._meant(message.removeprefix(_UNKNOWN).split()[0].partition("=")[0])
        self.exit(EXIT_USAGE, f"mockserver: {message} ({self.prog} --help)\n")

    def _meant(self, option: str) -> str:
        close = difflib.get_close_matches(option, self._option_string_actions, n=1, cutoff=0.75)
        return f"; did you mean {close[0]!r}?" if close else ""
