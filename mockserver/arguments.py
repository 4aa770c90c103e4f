"""What the command lines of the mock have in common: a wrong argument is one line that says where help is.

It knows no command; what each takes stands beside it.
"""

from __future__ import annotations

import argparse
from typing import Final, NoReturn

EXIT_USAGE: Final = 2


class Parser(argparse.ArgumentParser):
    """As argparse has it, without the ten lines of usage before an error."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2 and one line on standard error."""
        self.exit(EXIT_USAGE, f"mockserver: {message} ({self.prog} --help)\n")
