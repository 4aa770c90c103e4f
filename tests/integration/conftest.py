"""Whatever an integration test does to an account of the mock, nothing that is logged or left on a disk shows a key (G8)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.verdict import secrets_in
from tests.integration.harness import Mock, Seat


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
    made = Mock.seat

    def seat(mock: Mock, flavour: str, **options: Any) -> Seat:
        seats.append(made(mock, flavour, **options))
        return seats[-1]

    monkeypatch.setattr(Mock, "seat", seat)
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
