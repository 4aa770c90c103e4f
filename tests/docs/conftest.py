"""What the code blocks of the documents find already there."""

from typing import Any

import pytest


@pytest.fixture
def namespace() -> dict[str, Any]:
    """The names a document starts with. A running mock exchange and its addresses belong here."""
    return {"__name__": "__document__"}
