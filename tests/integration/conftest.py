"""Whatever an integration test does to an account of the mock, nothing that comes of it shows a key (G8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.canaries import canaries, remembered

from .harness import Seat


@pytest.fixture(autouse=True)
def searched(tmp_path: Path) -> Iterator[None]:
    """In the end all is searched for the keys of every seat."""
    seats: list[Seat] = []
    with (
        remembered(Seat, seats),
        canaries(lambda: [secret for seat in seats for secret in (seat.api_key, seat.secret)], tmp_path),
    ):
        yield
