"""Balances against executions."""

from decimal import Decimal

import pytest

from exchstream.core import balances
from exchstream.core.balances import Balances
from exchstream.core.venue import Holdings


def test_assets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit nothing is kept and nothing is claimed to be explained, until holdings agree again."""
    monkeypatch.setattr(balances, "MAX_ASSETS", 2)
    sheet = Balances()
    sheet.agree(Holdings({"A": Decimal(1)}), 0)
    for asset in ("A", "B", "A", "C"):
        sheet.shifted(asset, Decimal(1), 0)
    assert {"A": Decimal(2), "B": Decimal(1)} == sheet.moved
    assert sheet.unexplained(Holdings({"A": Decimal(9)})) == {}
    sheet.agree(Holdings({"A": Decimal(9)}), 0)
    assert {"A": Decimal(-1)} == sheet.unexplained(Holdings({"A": Decimal(8)}))
