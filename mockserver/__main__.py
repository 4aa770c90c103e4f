"""``python -m mockserver``: what it does is in ``command``; this file is only the way there.

The imports take longer than all else at the start, and a Ctrl-C inside one comes out as a long traceback of nobody's
fault. There is nothing to tidy up yet, so it ends the process then and there.
"""

import os
import signal
import sys
from types import FrameType

EXIT_INTERRUPTED = 130


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    before = signal.signal(signal.SIGINT, _leave)
    from mockserver.command import main

    signal.signal(signal.SIGINT, before)
    sys.exit(main())
