"""Nothing that a test makes the library say, keep or show holds a key (G8), whatever the test itself is about.

Within `canaries` all loggers log all there is to log.  When it is left, the lines and the files of a folder are
searched; every exception of the library that was made meanwhile, raised to the user or not; and of every stream that
was opened its status, its metrics and its newest events.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from unittest import mock

from exchstream.errors import ExchstreamError
from exchstream.metrics import metrics_text
from exchstream.shell.http import Unanswered
from exchstream.shell.seam import DialFailed, LinkLost
from exchstream.shell.stream import OrderStream
from tests.crash.verdict import secrets_in

SHORTEST: Final = 12  # what is shorter stands somewhere by chance
NEWEST: Final = 500  # events of a stream that are looked at
ERRORS: Final = (ExchstreamError, Unanswered, DialFailed, LinkLost)


class Lines(logging.Handler):
    """Every line of every logger, with its traceback; of the mock none, which may say what it likes."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it as it would be written."""
        if not record.name.startswith("mockserver"):
            self.lines.append(self.format(record))


@contextmanager
def canaries(secrets: Callable[[], Iterable[str]], folder: Path | None = None) -> Iterator[None]:
    """Search for what `secrets` names at the end, and for signatures and listen keys by where they stand."""
    streams: list[OrderStream] = []
    errors: list[Exception] = []
    root, handler = logging.getLogger(), Lines()
    level = root.level
    with ExitStack() as stack:
        stack.enter_context(remembered(OrderStream, streams))
        for kind in ERRORS:
            stack.enter_context(remembered(kind, errors))
        stack.callback(root.setLevel, level)
        stack.callback(root.removeHandler, handler)
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        yield
    if wanted := [secret for secret in secrets() if len(secret) >= SHORTEST]:
        shown = [("log", "\n".join(handler.lines).encode()), *files(folder)]
        shown += [("errors", repr([(error, str(error), vars(error)) for error in errors]).encode())]
        shown += [part for stream in streams for part in shown_by(stream)]
        found = [f"{what} in {where}" for where, text in shown for what in secrets_in(text, wanted)]
        assert not found, "; ".join(found)


def remembered(kind: type, made: list[Any]) -> AbstractContextManager[object]:
    """Whatever is made of this class meanwhile is kept in the list."""
    begin = kind.__init__  # type: ignore[misc]

    def begun(self: Any, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        made.append(self)

    return mock.patch.object(kind, "__init__", begun)


def files(folder: Path | None) -> Iterator[tuple[str, bytes]]:
    """Journals, records and whatever else lies there."""
    if folder is not None:
        yield from ((file.name, file.read_bytes()) for file in folder.rglob("*") if file.is_file())


def shown_by(stream: OrderStream) -> Iterator[tuple[str, bytes]]:
    """What can be printed of a stream, also after its block was left."""
    yield "status", repr((stream.status(), stream.behind())).encode()
    yield "metrics", metrics_text(stream)
    newest = stream.journal.held(max(0, stream.journal.visible - NEWEST), NEWEST) or ()
    yield "events", "\n".join(map(repr, newest)).encode(errors="replace")
