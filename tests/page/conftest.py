"""One browser for all tests of the page, and a mock exchange for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

selenium = pytest.importorskip("selenium", reason="no selenium: `nox -s page` brings it")

from .browser import CHROMIUM, DRIVER, Mock, Page, chromium, mock_exchange  # noqa: E402 (it needs selenium)


@pytest.fixture(scope="session")
def driver() -> Iterator[Any]:
    """A headless Chromium."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no Chromium here: `apt-get install chromium chromium-driver` brings it")
    with chromium() as started:
        yield started


@pytest.fixture
def mock() -> Iterator[Mock]:
    """A mock exchange where nothing happens by itself."""
    with mock_exchange("--liquidity", "manual", "--seed", "1") as served:
        yield served


@pytest.fixture
def page(driver: Any, mock: Mock) -> Iterator[Page]:
    """The page; when a test is over its console must be empty, and it must have asked nobody but the mock."""
    opened = Page(driver, mock)
    yield opened
    assert opened.complaints() == []
    asked = opened.requests()
    assert asked
    assert [url for url in asked if not url.startswith((f"{mock.http}/", "about:blank"))] == []
