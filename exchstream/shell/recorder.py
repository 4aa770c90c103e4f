"""Writes the record of a stream's happenings to a file, beside the stream and never in its way.

The stream puts what happened on a list; once a second, and when the block is left, a thread makes lines of it (which
cuts the secrets out) and writes them.  Whatever fails is logged once and ends the recording, never the stream.
"""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

import attrs
import msgspec
import trio

from exchstream.core.happenings import Answered, Happening, Now, Received
from exchstream.core.limits import KIB, MIB, MOST, within
from exchstream.core.record import (
    FORM,
    Account,
    BadRecord,
    Begin,
    Tokens,
    account_line,
    encode,
    happened_line,
    read_line,
)
from exchstream.core.session import Session
from exchstream.core.venue import CredentialIs
from exchstream.errors import ConfigError

log = logging.getLogger("exchstream")

FLUSH_SECONDS: Final = 1.0  # what a killed process may lose
MAX_BEGIN: Final = 64 * KIB  # a first line is far shorter
MAX_WAITING: Final = 256 * MIB  # of happenings not yet written: a disk that is so slow is given up


def _path(value: object) -> Path:
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ConfigError("record must be the path of a file or a Record")
    return Path(os.fsdecode(value))


@attrs.frozen
class Record:
    """Where the happenings of a stream are recorded, for `exchstream replay`.

    A file of more than `max_bytes` is renamed (`.1` is added, and what had that name is overwritten), and a new one
    goes on: no more than twice that is kept.  A replay begins where a stream began, so keep `max_bytes` large enough
    for the time from a start to the incident; a quiet account takes some 10 MB a day.
    """

    path: Path = attrs.field(converter=_path)
    max_bytes: int = attrs.field(default=1024 * MIB, validator=within(64 * KIB, MOST))


def older(path: Path) -> Path:
    """Where a record's file goes when it is full."""
    return path.with_name(f"{path.name}.1")


@attrs.frozen
class _Noted:
    """One happening, and the credential that was in force when the session had heard it."""

    account: int
    happening: Happening
    now: Now
    credential: CredentialIs | None

    @property
    def size(self) -> int:
        """How much memory it takes, roughly."""
        match self.happening:
            case Received(frames=frames):
                return 500 + sum(map(len, frames))
            case Answered(reply=reply):
                return 1_000 + len(reply.body)
        return 500


class Recorder:
    """One stream's record, open for writing.  `note` is synchronous and costs next to nothing."""

    def __init__(self, record: Record) -> None:
        self._path = record.path
        self._file = _File(record)
        self._tokens = Tokens()
        self._noted: list[_Noted] = []
        self._size = 0
        self._failed = False
        self._thread = trio.CapacityLimiter(1)  # at a time, and never given up in the middle

    @classmethod
    @asynccontextmanager
    async def open(cls, record: Record) -> AsyncIterator[Recorder]:
        """The recorder of this file; `write` must run meanwhile.  Raises ConfigError for a file that cannot be."""
        recorder = cls(record)
        try:
            await trio.to_thread.run_sync(recorder._file.open)
        except OSError as error:
            raise ConfigError(f"record: {record.path} cannot be written: {error.strerror}") from error
        try:
            yield recorder
        finally:
            with trio.CancelScope(shield=True):
                await recorder._flush()
            recorder._file.close()

    async def begin(self, sessions: Sequence[Session], position: int) -> None:
        """Write how the stream begins, which is now."""
        begin = Begin(form=FORM, exchstream=version("exchstream"), run=time.time_ns(), part=1, position=position)
        accounts = [
            account_line(number, session.venue, session.since_ns, session.restored, self._tokens)
            for number, session in enumerate(sessions)
        ]
        await self._in_thread(lambda: self._file.begin(begin, accounts))

    def note(self, account: int, happening: Happening, now: Now, credential: CredentialIs | None) -> None:
        """Record that this account's session was told this; `credential` is the one that it has had since."""
        if self._failed:
            return
        noted = _Noted(account, happening, now, credential)
        self._noted.append(noted)
        self._size += noted.size
        if self._size > MAX_WAITING:
            self._give_up("the disk is too slow")

    async def write(self) -> None:
        """Write what is noted, until cancelled."""
        while True:
            await trio.sleep(FLUSH_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()  # while nothing is taken yet: the thread would not even begin
        noted, self._noted, self._size = self._noted, [], 0
        if noted:
            await self._in_thread(lambda: self._file.write(self._lines(noted)))

    def _lines(self, noted: Sequence[_Noted]) -> Iterator[bytes]:
        for one in noted:
            if one.credential is not None:
                self._tokens.learn(one.credential.value)
        return (encode(happened_line(one.account, one.happening, one.now, self._tokens)) for one in noted)

    async def _in_thread(self, act: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            await trio.to_thread.run_sync(act, limiter=self._thread)
        except (OSError, ConfigError) as error:
            self._give_up(str(error))

    def _give_up(self, why: str) -> None:
        self._failed = True
        self._noted.clear()
        extra = {"venue": None, "account": None, "link": None, "event": "record_ended"}
        log.error("the record %s has ended: %s", self._path, why, extra=extra)


class _File:
    """The file, synchronous.  Raises OSError."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._begin: Begin | None = None
        self._fd: int | None = None
        self._size = 0

    def open(self) -> None:
        """Append to the file, behind what former runs left.  Raises ConfigError for one that is no record."""
        self._fd = fd = os.open(self._record.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._size = self._checked(fd)
        except (OSError, ConfigError):
            self.close()
            raise

    def _checked(self, fd: int) -> int:
        """The size of a file that may be appended to."""
        path = self._record.path
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ConfigError(f"record: {path} is no regular file")
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"record: another stream writes {path}: give each its own") from None
        size = os.fstat(fd).st_size
        if not size:
            return 0
        try:
            read_line(os.pread(fd, MAX_BEGIN, 0).partition(b"\n")[0])
        except BadRecord as error:
            raise ConfigError(f"record: {path} is something else, and is left as it is: {error}") from None
        if os.pread(fd, 1, size - 1) != b"\n":  # a former process was killed
            size += os.write(fd, b"\n")
        return size

    def begin(self, begin: Begin, accounts: Iterable[Account]) -> None:
        """Write the lines with which a run begins."""
        self._begin = begin
        self.write(map(encode, (begin, *accounts)))

    def write(self, lines: Iterable[bytes]) -> None:
        """Write these lines; go on in a new file where this one would become too large."""
        waiting: list[bytes] = []
        room = self._record.max_bytes - self._size
        for line in lines:
            if room < len(line) + 1 and (waiting or self._size):
                self._put(waiting)
                waiting = []
                room = self._record.max_bytes - self._rotated()
            waiting.append(line)
            room -= len(line) + 1
        self._put(waiting)

    def _put(self, lines: Sequence[bytes]) -> None:
        assert self._fd is not None
        rest = memoryview(b"".join(line + b"\n" for line in lines))
        self._size += len(rest)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def _rotated(self) -> int:
        """Begin a new file; its size."""
        assert self._begin is not None
        os.replace(self._record.path, older(self._record.path))
        self.close()
        self.open()
        self._begin = msgspec.structs.replace(self._begin, part=self._begin.part + 1)
        self._put([encode(self._begin)])
        return self._size

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)
