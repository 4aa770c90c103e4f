"""Whatever an integration test does to an account of the mock, nothing that comes of it shows a key (G8).

Where the transport can matter, a test runs over each there is; over all but the default on one venue only, since no
transport knows what its bytes mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

import pytest

from exchstream.shell import stream
from exchstream.shell.transports import TransportName, connector
from tests.canaries import canaries, remembered

from .harness import NAMES, Seat

DEFAULT: Final = get_args(TransportName)[0]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the other transports on all venues but the first."""
    config.hook.pytest_deselected(items=[item for item in items if _repeats(item)])
    items[:] = [item for item in items if not _repeats(item)]


def _repeats(item: pytest.Item) -> bool:
    given = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    venue = given.get("flavour", given.get("seat", NAMES[0]))
    return given.get("each_transport", DEFAULT) != DEFAULT and venue != NAMES[0]


@pytest.fixture(autouse=True)
def searched(tmp_path: Path) -> Iterator[None]:
    """In the end all is searched for the keys of every seat."""
    seats: list[Seat] = []
    with (
        remembered(Seat, seats),
        canaries(lambda: [secret for seat in seats for secret in (seat.api_key, seat.secret)], tmp_path),
    ):
        yield


@pytest.fixture(params=get_args(TransportName))
def each_transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs once over each transport there is: this is the one of every stream that it opens."""
    monkeypatch.setattr(stream, "connector", lambda _: connector(request.param))
