"""`python -m exchstream` is the command `exchstream`."""

import sys

from exchstream.cli import main

if __name__ == "__main__":
    sys.exit(main())
