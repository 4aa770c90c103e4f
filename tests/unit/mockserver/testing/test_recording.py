"""Recordings: files that can be read again, and compared."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from mockserver.again import of_test
from mockserver.testing.recording import RecordingError, compared, read


def row(text: str, kind: str = "rest-in", seq: int = 1) -> dict[str, object]:
    """An entry."""
    return {"seq": seq, "time_ns": 1, "kind": kind, "connection": None, "of": None, "text": text}


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "cannot read"), ("nonsense", "no JSON lines"), ("", "no JSON lines"), ("[]", "no recording of version 1")],
)
def test_a_file_that_is_no_recording(tmp_path: Path, text: str | None, said: str) -> None:
    """It is refused in words."""
    file = tmp_path / "file.jsonl"
    if text is not None:
        file.write_text(text)
    with pytest.raises(RecordingError, match=said):
        read(file)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GET /x?timestamp=1795650021399", "GET /x?timestamp=1795650999999"),
        ('{"serverTime":1795650021399}', '{"serverTime":1795650021400}'),
        ('{"time":"2026-11-25T23:40:22.5+00:00"}', '{"time":"2026-11-26T00:00:00+00:00"}'),
        ("http://127.0.0.1:4000/", "http://127.0.0.1:50000/"),
    ],
)
def test_clocks_and_ports_are_no_difference(one: str, other: str) -> None:
    """They differ in every run."""
    assert compared([row(one)], [row(other)]) == "the same, in all 1 entries"


def test_what_differs_is_shown() -> None:
    """An id, a quantity, a kind, an entry more."""
    for one, other in ((row('{"orderId":4293157}'), row('{"orderId":4293158}')), (row("x"), row("x", "ws-in"))):
        assert compared([row("a"), one], [row("a"), other]).startswith(
            "it differs from entry 2 on\n  recorded: 1 rest-in"
        )
    assert compared([row("a")], [row("a"), row("b")]) == "the same up to entry 1; recorded were 1, now 2"


def test_the_line_that_repeats_a_test() -> None:
    """It may be pasted into a shell."""
    assert shlex.split(of_test("a.py::test_x[b c]", 7))[-3:] == ["a.py::test_x[b c]", "--mock-seed", "7"]
