"""Whatever an integration test does to an account of the mock, no line that is logged and no file shows a key (G8)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.verdict import secrets_in

from .harness import Seat


class Lines(logging.Handler):
    """Every line of every logger, with its traceback; of the mock none, which may say what it likes."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it as it would be written."""
        if not record.name.startswith("mockserver"):
            self.lines.append(self.format(record))


@pytest.fixture(autouse=True)
def canaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All is logged; in the end the lines, journals and records are searched for the keys of every seat."""
    seats: list[Seat] = []
    begin = Seat.__init__

    def begun(seat: Seat, *args: Any, **options: Any) -> None:
        begin(seat, *args, **options)
        seats.append(seat)

    monkeypatch.setattr(Seat, "__init__", begun)
    root, handler = logging.getLogger(), Lines()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield
    root.setLevel(level)
    root.removeHandler(handler)
    secrets = [secret for seat in seats for secret in (seat.api_key, seat.secret) if len(secret) >= 12]
    if not seats:
        return
    shown = {"log": "\n".join(handler.lines).encode()}
    shown |= {file.name: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    found = [f"{what} in {where}" for where, text in shown.items() for what in secrets_in(text, secrets)]
    assert found == []
