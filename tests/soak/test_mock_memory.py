"""What a mock keeps is bounded: a short form of ``tests.soak.mock_memory``."""

from __future__ import annotations

import pytest

from tests.soak.memory import MIB
from tests.soak.mock_memory import grown


@pytest.mark.parametrize("venue", ["binance-spot", "binance-futures", "ftx"])
def test_old_orders_are_let_go(venue: str) -> None:
    """Engine, truth and journal hold as many as they were told to keep (``grown`` sees to that); the truth counts."""
    assert grown(venue, 1_500, keep=200, journal=500) < 4 * MIB
