"""Whatever an integration test does to an account of the mock, nothing that comes of it shows a key (G8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.canaries import canaries

from .harness import Seat


@pytest.fixture(autouse=True)
def searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In the end all is searched for the keys of every seat."""
    seats: list[Seat] = []
    begin = Seat.__init__

    def begun(seat: Seat, *args: Any, **options: Any) -> None:
        begin(seat, *args, **options)
        seats.append(seat)

    monkeypatch.setattr(Seat, "__init__", begun)
    with canaries(lambda: [secret for seat in seats for secret in (seat.api_key, seat.secret)], tmp_path):
        yield
