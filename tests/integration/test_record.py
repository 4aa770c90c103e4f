"""The law of the record: whatever happened to a stream, the replay tells what the stream told, in the same order."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from exchstream.events import AccountDown, Event, GapReason, Unrecognized
from exchstream.jsonlines import from_json, to_json
from exchstream.replay import Replay
from exchstream.shell.recorder import Record
from exchstream.shell.stream import OrderStream, open_stream
from mockserver.faces.base import Text

from .harness import NAMES, Mock, Seat, fills_of, gaps_of, live, served, until


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    """A served mock exchange; virtual where the test itself asks for `autojump_clock` (pytest-trio looks there)."""
    async with served() as serving:
        yield serving


async def watch(stream: OrderStream, seconds: float, told: list[Event]) -> None:
    """Add what is told within so many (virtual) seconds."""
    with trio.move_on_after(seconds):
        async for event in stream:
            told.append(event)


def replayed(path: Path) -> list[Event]:
    """What the record tells, of one that has nothing to complain of."""
    record = Replay(path)
    events = [told.event for told in record]
    assert record.notes == []
    return events


def lines(events: Sequence[Event]) -> list[bytes]:
    """The events as they can be seen; their registers and versions with them."""
    return [to_json(event) + repr(event).encode() for event in events]


async def troubled(stream: OrderStream, seat: Seat, told: list[Event]) -> None:
    """Trading through every sort of interruption that the mock can make."""
    await until(stream, live(), seconds=120, told=told)
    resting, partly = seat.place(), seat.place()
    seat.fill(partly, "0.4")
    await watch(stream, 100, told)
    seat.drop()
    seat.fill(seat.place())
    seat.cancel(resting)
    await watch(stream, 100, told)
    for link in seat.links:  # up and silent
        link.mute()
    seat.fill(partly)
    await watch(stream, 200, told)
    if hasattr(seat.exchange.face, "expire_listen_keys"):
        seat.exchange.face.expire_listen_keys(seat.name, notices=2)
    elif hasattr(seat.exchange.face, "shutdown_notice"):
        seat.exchange.face.shutdown_notice(seat.name)
    seat.fill(seat.place())
    await watch(stream, 100, told)
    for _ in range(3):
        seat.drop()
        seat.fill(seat.place("0.2"))
        await watch(stream, 5, told)
    await watch(stream, 2 * 3_600, told)  # renewals, audits


@pytest.mark.parametrize("flavour", NAMES)
async def test_the_replay_tells_what_was_told(
    mock: Mock, flavour: str, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Drops, a mute link, an expired key or a shutdown, audits and renewals: the same events at the same positions."""
    seat = mock.seat(flavour, quick=False)
    told: list[Event] = []
    path = tmp_path / "incident.jsonl"
    async with open_stream(seat.venue, record=path) as stream:
        await troubled(stream, seat, told)
    assert len(fills_of(told)) >= 7
    assert {GapReason.START, GapReason.LOST, GapReason.AUDIT} <= {gap.reason for gap in gaps_of(told)}
    assert lines(told) == lines(replayed(path))


async def test_many_accounts_and_a_refused_one_are_replayed_together(
    mock: Mock, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Positions run through all accounts of the stream, also behind one that goes down."""
    seats = [mock.seat(flavour, quick=False) for flavour in NAMES]
    refused = mock.seat("binance-futures", quick=False)
    refused.secret = "x" * 64
    told: list[Event] = []
    path = tmp_path / "incident.jsonl"
    async with open_stream(*(seat.venue for seat in [*seats, refused]), record=path) as stream:
        await until(stream, live(4), seconds=120, told=told)
        for seat in seats:
            seat.fill(seat.place())
            seat.drop()
        await watch(stream, 300, told)
    assert [refused.name] == [event.account for event in told if isinstance(event, AccountDown)]
    assert lines(told) == lines(replayed(path))


@pytest.mark.parametrize("flavour", NAMES)
async def test_a_restart_with_a_journal_is_replayed(
    mock: Mock, flavour: str, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Two runs in one file: the second goes on at the journal's positions, with the orders that the journal knew."""
    seat = mock.seat(flavour, quick=False)
    told: list[Event] = []
    path = tmp_path / "incident.jsonl"
    for _ in range(2):
        resting = seat.place()
        async with open_stream(seat.venue, journal=tmp_path / "orders.db", record=path) as stream:
            first = len(told)
            await until(stream, lambda events: live()(events[first:]), seconds=120, told=told)  # noqa: B023
            seat.fill(seat.place())
            await watch(stream, 100, told)
        seat.fill(resting)
    assert [event.position for event in told] == sorted({event.position for event in told})
    assert lines(told) == lines(replayed(path))


@pytest.mark.parametrize("flavour", NAMES)
async def test_where_a_secret_was_cut_out_the_replay_cuts_the_same(
    mock: Mock, flavour: str, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """A venue that sends our own key back: what the stream hid is hidden, and nothing else."""
    seat = mock.seat(flavour, quick=False)
    told: list[Event] = []
    path = tmp_path / "incident.jsonl"
    async with open_stream(seat.venue, record=path) as stream:
        await until(stream, live(), seconds=120, told=told)
        (runner,) = stream._runners
        credential = runner.session.memory.credential
        keys = [seat.api_key, seat.secret, *([] if credential is None else [credential.value.reveal()])]
        for key in keys:
            for text in (f'{{"e":"new","type":"new","data":{{"echo":"{key}7"}}}}', f"broken {key}"):
                seat.links[0].push(Text(text))
        await watch(stream, 100, told)
    again = replayed(path)
    assert lines(told) == lines(again)
    assert sum(isinstance(event, Unrecognized) for event in again) == 2 * len(keys)
    assert all(key.encode()[:12] not in path.read_bytes() for key in keys)


async def test_a_full_file_goes_on_in_the_next(mock: Mock, tmp_path: Path, autojump_clock: MockClock) -> None:
    """Both files together replay the whole."""
    seat = mock.seat("ftx", quick=False)
    told: list[Event] = []
    path = tmp_path / "incident.jsonl"
    async with open_stream(seat.venue, record=Record(path, max_bytes=1 << 16)) as stream:
        await until(stream, live(), seconds=120, told=told)
        while not path.with_name("incident.jsonl.1").exists():
            seat.fill(seat.place())
            await watch(stream, 5, told)
        seat.fill(seat.place())
        await watch(stream, 5, told)
    assert lines(told) == lines(replayed(path))


async def test_the_command_replays_in_another_process(mock: Mock, tmp_path: Path, autojump_clock: MockClock) -> None:
    """Whatever the hashes of its texts are there; nothing is on standard error."""
    seat = mock.seat("binance-spot", quick=False)
    told: list[Event] = []
    path = tmp_path / "incident.jsonl"
    async with open_stream(seat.venue, record=path) as stream:
        await troubled(stream, seat, told)
    for seed in ("1", "2"):
        done = subprocess.run(  # noqa: ASYNC221 (nothing else runs)
            [sys.executable, "-m", "exchstream", "replay", str(path), "--json"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert [to_json(event) for event in told] == done.stdout.splitlines()
        assert all(from_json(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize("flavour", NAMES)
async def test_a_quiet_day_is_small(mock: Mock, flavour: str, tmp_path: Path, autojump_clock: MockClock) -> None:
    """By a half hour of it: audits, pings and renewals are all that is in it (docs/operations.md)."""
    seat = mock.seat(flavour, quick=False)
    path = tmp_path / "incident.jsonl"
    async with open_stream(seat.venue, record=path) as stream:
        await until(stream, live(), seconds=60)
        await trio.sleep(60)  # virtual
        before = path.stat().st_size
        await trio.sleep(1_800)  # virtual
        grown = path.stat().st_size - before
    assert 3_000_000 < 48 * grown < 15_000_000


async def test_a_disk_that_fails_ends_the_record_and_not_the_stream(
    mock: Mock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    autojump_clock: MockClock,
) -> None:
    """It is logged once; what was written before can be replayed."""
    seat = mock.seat("ftx", quick=False)
    told: list[Event] = []
    path = tmp_path / "incident.jsonl"
    async with open_stream(seat.venue, record=path) as stream:
        await until(stream, live(), seconds=120, told=told)

        def full(fd: int, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("exchstream.shell.recorder.os.write", full)
        for _ in range(2):
            seat.fill(seat.place())
            await watch(stream, 5, told)
    assert len(fills_of(told)) == 2
    kept = replayed(path)
    assert kept
    assert lines(kept) == lines(told[: len(kept)])
    (record,) = [record for record in caplog.records if "record" in record.getMessage()]
    assert (record.levelname, str(path) in record.getMessage()) == ("ERROR", True)
    assert "No space left on device" in record.getMessage()


async def test_what_broke_a_session_is_the_last_line(
    mock: Mock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """An error of our own ends the block; the record holds the happening that led to it, and the replay meets it."""
    seat = mock.seat("ftx", quick=False)
    path = tmp_path / "incident.jsonl"
    venue = seat.venue
    with pytest.raises(ZeroDivisionError):
        async with open_stream(venue, record=path) as stream:
            await until(stream, live(), seconds=120)
            monkeypatch.setattr(type(venue), "read", lambda *_: 1 / 0)
            seat.place()
            await trio.sleep(5)
    assert b'"what":"received"' in path.read_bytes().splitlines()[-1]
    with pytest.raises(ZeroDivisionError):
        replayed(path)
