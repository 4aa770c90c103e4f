"""The gate can close."""

import json

import pytest

from tests.gate.__main__ import FIGURES, TOLERANCE, WAYS, YARDSTICK, shorter, too_long
from tests.gate.work import main


@pytest.mark.parametrize("way", WAYS)
def test_what_is_counted_does_all_of_it(way: str) -> None:
    """Every report comes out, or it fails."""
    main(way, 100)


def test_what_has_become_longer_is_said() -> None:
    """Within the tolerance it passes; what is not stored does not."""
    assert too_long({"exchstream": 1 + TOLERANCE, "journal": 1.0}, {"exchstream": 1.0, "journal": 2.0}) == []
    assert len(too_long({"exchstream": 1.01 + TOLERANCE}, {"exchstream": 1.0})) == 1
    assert too_long({"new": 1.0}, {}) == ["new: not stored"]


def test_what_has_become_shorter_is_to_be_stored() -> None:
    """More than the tolerance, and nothing else."""
    assert shorter({"exchstream": 1 - TOLERANCE, "journal": 1.0, "new": 1.0}, {"exchstream": 1.0, "journal": 1.0}) == []
    assert shorter({"exchstream": 2.0}, {"exchstream": 4.0}) == [
        "exchstream: 2.00 times msgspec, and 4.00 is stored: store it with --write"
    ]


def test_every_way_is_stored() -> None:
    """But the yardstick itself."""
    assert json.loads(FIGURES.read_text()).keys() == set(WAYS) - {YARDSTICK}
