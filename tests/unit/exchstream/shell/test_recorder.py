"""The record's file: what it may be, what it never overwrites, how it goes on when it is full, what ends it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
import trio

from exchstream.core.happenings import Now, Received, Woken
from exchstream.core.record import Begin, Happened, Line, happening_of, read_line
from exchstream.core.session import Session
from exchstream.core.venue import CredentialIs, Secret
from exchstream.errors import ConfigError
from exchstream.shell import recorder as module
from exchstream.shell.recorder import Record, Recorder, older
from exchstream.shell.stream import open_stream
from exchstream.venues.ftx import Ftx

FTX = Ftx(api_key="key-of-ftx", api_secret="secret-of-ftx", rest_url="http://127.0.0.1:1", ws_url="ws://127.0.0.1:1")
NOW = Now(1, 2)
LEAST = 1 << 16


def heard(size: int) -> Received:
    return Received(1, (b"x" * size,), 0)


def lines(path: Path) -> list[Line]:
    return [read_line(line) for line in path.read_bytes().splitlines()]


async def recorded(path: Path, *sizes: int, max_bytes: int = LEAST) -> None:
    """A run whose happenings are so large."""
    async with Recorder.open(Record(path, max_bytes)) as recorder:
        await recorder.begin([Session(FTX)], 7)
        for size in sizes:
            recorder.note(0, heard(size), NOW, None)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (7, "must be the path of a file or a Record"),
        ("", "must be the path of a file or a Record"),
        ("no/such/folder/x.jsonl", "cannot be written: No such file or directory"),
        (".", "cannot be written: Is a directory"),
        ("/dev/null", "/dev/null is no regular file"),
    ],
)
async def test_a_record_that_cannot_be_is_refused(record: Any, expected: str) -> None:
    """Before anything is dialled."""
    with pytest.raises(ConfigError, match=expected):
        async with open_stream(FTX, record=record):
            pytest.fail("it was opened")


@pytest.mark.parametrize("max_bytes", [0, -1, LEAST - 1, 1e9, True, "1"])
def test_a_size_that_cannot_be_is_refused(max_bytes: Any) -> None:
    """A file must at least hold how a run begins."""
    with pytest.raises(ConfigError, match="Record: max_bytes must be"):
        Record("x.jsonl", max_bytes)


@pytest.mark.parametrize("content", [b"SQLite format 3\x00", b'{"event":"fill"}\n', b"\n"])
async def test_a_file_that_is_something_else_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    """Somebody has mixed up two paths."""
    path = tmp_path / "orders.db"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is something else, and is left as it is"):
        await recorded(path)
    assert path.read_bytes() == content


async def test_two_streams_do_not_share_a_file(tmp_path: Path) -> None:
    """Their lines would mix; once the first has ended, the file is free."""
    path = tmp_path / "incident.jsonl"
    async with Recorder.open(Record(path)):
        with pytest.raises(ConfigError, match="another stream writes"):
            await recorded(path)
    await recorded(path)


async def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """It says what the account trades."""
    path = tmp_path / "incident.jsonl"
    await recorded(path)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_run_begins_behind_what_former_ones_left(tmp_path: Path) -> None:
    """On a line of its own, also behind one that was torn."""
    path = tmp_path / "incident.jsonl"
    await recorded(path, 1)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    await recorded(path, 2)
    again = path.read_bytes().removeprefix(whole[:-9] + b"\n")
    begin, _, happened = (read_line(line) for line in again.splitlines())
    assert isinstance(begin, Begin)
    assert isinstance(happened, Happened)
    assert (begin.part, begin.position, happening_of(happened)) == (1, 7, (heard(2), NOW))


async def test_a_full_file_is_renamed_and_two_are_kept(tmp_path: Path) -> None:
    """No file is larger than it may be, unless one happening is; the parts of a run are numbered."""
    path = tmp_path / "incident.jsonl"
    await recorded(path, *[LEAST // 3] * 9, 2 * LEAST)
    files = {name: (tmp_path / name).stat().st_size for name in os.listdir(tmp_path)}
    assert files.keys() == {"incident.jsonl", "incident.jsonl.1"}
    assert files["incident.jsonl.1"] <= LEAST < files["incident.jsonl"]
    (full, *_), (newest, *happened) = lines(older(path)), lines(path)
    assert isinstance(full, Begin)
    assert isinstance(newest, Begin)
    assert (newest.part, full.run, len(happened)) == (full.part + 1, newest.run, 1)
    assert full.part > 2


async def test_a_key_is_hidden_from_the_line_that_brings_it(tmp_path: Path) -> None:
    """A happening is noted when the session has learnt the key from it, and lines are made later still."""
    path = tmp_path / "incident.jsonl"
    key = CredentialIs(Secret("the-new-listen-key"), 0, 0, 0)
    async with Recorder.open(Record(path)) as recorder:
        await recorder.begin([Session(FTX)], 0)
        recorder.note(0, Received(1, (b"the-new-listen-key",), 0), NOW, key)
        recorder.note(0, Received(1, (b"the-new-listen-key",), 0), NOW, None)
    assert path.read_bytes().count(b'["***3***"]') == 2


async def test_a_slow_disk_keeps_no_task_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writing is a thread's; what comes meanwhile is written after it, and the end waits for it."""
    put, entered, go_on, waited = module._File._put, trio.Event(), threading.Event(), []
    token = trio.lowlevel.current_trio_token()

    def slow(file: module._File, written: list[bytes]) -> None:
        token.run_sync_soon(entered.set)
        waited.append(go_on.wait(5))
        put(file, written)

    monkeypatch.setattr(module, "FLUSH_SECONDS", 0)
    path = tmp_path / "incident.jsonl"
    async with Recorder.open(Record(path)) as recorder, trio.open_nursery() as nursery:
        await recorder.begin([Session(FTX)], 0)
        monkeypatch.setattr(module._File, "_put", slow)
        nursery.start_soon(recorder.write)
        recorder.note(0, Woken(), NOW, None)
        await entered.wait()
        recorder.note(0, Woken(), NOW, None)
        nursery.cancel_scope.cancel()
        go_on.set()
    assert waited == [True, True]
    assert len(lines(path)) == 4


async def test_a_writer_that_is_cancelled_between_two_steps_keeps_all(tmp_path: Path) -> None:
    """The block is left in the very instant in which the second is over: the end writes what was noted."""
    path = tmp_path / "incident.jsonl"
    async with Recorder.open(Record(path)) as recorder:
        await recorder.begin([Session(FTX)], 0)
        recorder.note(0, Woken(), NOW, None)
        with trio.CancelScope() as scope:
            scope.cancel()
            await recorder._flush()
    assert len(lines(path)) == 3


@pytest.mark.parametrize("waiting", [heard(10), Woken()])
async def test_a_disk_that_hangs_ends_the_record_before_memory_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, waiting: Any
) -> None:
    """What waits to be written is bounded; the end is logged once."""
    monkeypatch.setattr(module, "MAX_WAITING", 100_000)
    path = tmp_path / "incident.jsonl"
    async with Recorder.open(Record(path)) as recorder:
        await recorder.begin([Session(FTX)], 0)
        for _ in range(1_000):
            recorder.note(0, waiting, NOW, None)
        assert recorder._noted == []
    assert len(lines(path)) == 2
    assert [record.getMessage() for record in caplog.records] == [f"the record {path} has ended: the disk is too slow"]


@pytest.mark.parametrize("broken", ["write", "replace", "open"])
async def test_whatever_fails_is_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    """A full disk, a folder that has gone; no descriptor is left open."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "incident.jsonl"
    before = len(os.listdir("/proc/self/fd"))
    async with Recorder.open(Record(path, LEAST)) as recorder:
        await recorder.begin([Session(FTX)], 0)
        monkeypatch.setattr(f"exchstream.shell.recorder.os.{broken}", fail)
        for _ in range(2):
            recorder.note(0, heard(LEAST), NOW, None)
            await recorder._flush()
        monkeypatch.undo()
    assert before == len(os.listdir("/proc/self/fd"))
    (record,) = caplog.records
    assert "No space left on device" in record.getMessage()
