"""What is told on standard error while a stream only waits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from exchstream.cli.run import CONNECT_S, _warn
from exchstream.core.state import Status


def played(phases: list[str], last_error: str | None, every: float) -> Any:
    """A stream of one account that is in each phase for so long, and then goes on in the last one."""

    def status() -> dict[tuple[str, str], Status]:
        phase = phases[min(int(trio.current_time() / every), len(phases) - 1)]
        return {("ftx", "main"): Status(phase, None, 0, 0, 0, 0, None, None if phase == "live" else last_error)}

    return SimpleNamespace(status=status)


@pytest.mark.parametrize(
    ("phases", "last_error", "expected"),
    [
        (["connecting"], None, ["no answer yet"]),
        (["connecting"], "Connection\nrefused", ["Connection?refused"]),
        (["looking back", "live"], None, []),
        (["connecting", "looking back"], "HTTP 502", ["HTTP 502"]),
        (["looking back"], "HTTP 502", ["HTTP 502"]),
        (["connecting", "live", "connecting"], "no route", ["no route", "no route"]),
        (["down"], "refused", []),
    ],
)
async def test_an_account_that_does_not_get_through_is_told_once(
    phases: list[str],
    last_error: str | None,
    expected: list[str],
    capsys: pytest.CaptureFixture[str],
    autojump_clock: MockClock,
) -> None:
    """One line an outage, with the cause where it is known; none for an account that is live or down."""
    with trio.move_on_after(20 * CONNECT_S):
        await _warn(played(phases, last_error, 2 * CONNECT_S))
    said = "exchstream: ftx/main is not live, and tries again: "
    assert [said + cause for cause in expected] == capsys.readouterr().err.splitlines()


async def test_a_short_outage_is_not_told(capsys: pytest.CaptureFixture[str], autojump_clock: MockClock) -> None:
    """What is mended within the first attempts needs no word."""
    with trio.move_on_after(20 * CONNECT_S):
        await _warn(played(["connecting", "live"] * 20, "reset", 0.8 * CONNECT_S))
    assert capsys.readouterr().err == ""
