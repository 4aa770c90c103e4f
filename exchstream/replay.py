"""Tells again what a stream told, from the record of its happenings: no network, no keys, no clock.

A session is a function of its happenings, so the same ones tell the same events, wherever and whenever they are told
to it.  What differs is `raw`, and texts of the venue, where secrets were cut out of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias, get_args, get_type_hints

import attrs

from exchstream.core.happenings import Emit
from exchstream.core.record import Account, BadRecord, Begin, Happened, Line, happening_of, read_line
from exchstream.core.session import Session
from exchstream.core.venue import Venue
from exchstream.errors import ConfigError
from exchstream.events import Event, place
from exchstream.shell.recorder import MAX_BEGIN, older
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.ftx import Ftx

Maker: TypeAlias = Callable[[Mapping[str, Any]], Venue]

# Where a token cannot stand for a secret, because the venue reads it: the example key of RFC 8410 (10.3).
_STAND_INS: Final = {
    "private_key": "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
    "-----END PRIVATE KEY-----"
}


@attrs.frozen
class Told:
    """An event, and the venue's UTC when it was told."""

    event: Event
    wall_ns: int


def remade(cls: type[Any], fields: Mapping[str, Any]) -> Any:
    """An account of this class with the recorded fields, whose keys are tokens.  Raises ConfigError, ValueError."""
    hints = get_type_hints(cls)
    kinds = {str(field.alias): hints[field.name] for field in attrs.fields(cls) if field.init}
    if unknown := sorted(fields.keys() - kinds.keys()):
        raise ConfigError(f"{cls.__name__} has no field {unknown[0][:40]!r} in this version")
    values = {name: _value(name, kinds[name], value) for name, value in fields.items()}
    return cls(**values)


def _value(name: str, hint: Any, value: Any) -> Any:
    groups = [kind for kind in (hint, *get_args(hint)) if isinstance(kind, type) and attrs.has(kind)]
    if groups and isinstance(value, dict):
        return groups[0](**value)
    return _STAND_INS[name] if name in _STAND_INS and value is not None else value


MAKERS: Final[Mapping[str, Maker]] = {cls.__name__: partial(remade, cls) for cls in (BinanceFutures, BinanceSpot, Ftx)}


@attrs.define
class Replay:
    """The accounts of a record, and what they told.  Iterating it raises ConfigError for a record that is broken.

    `makers` make a venue from its recorded fields, by the name of its class; a class of your own needs one.  `accounts`
    are those met so far, `notes` what a reader of the events should know.
    """

    path: Path
    makers: Mapping[str, Maker] = attrs.field(factory=lambda: MAKERS)
    accounts: dict[tuple[str, str], None] = attrs.field(factory=dict, init=False)
    notes: list[str] = attrs.field(factory=list, init=False)
    _sessions: dict[int, Session] = attrs.field(factory=dict, init=False)
    _position: int = attrs.field(default=0, init=False)

    def __iter__(self) -> Iterator[Told]:
        for where, line in lines(self.path, self.notes):
            try:
                yield from self._replayed(line)
            except (BadRecord, ConfigError) as error:
                raise ConfigError(f"{where}: {error}") from error

    def _replayed(self, line: Line) -> Iterator[Told]:
        match line:
            case Begin(part=1):
                self._sessions, self._position = {}, line.position
            case Account():
                venue = self._venue(line)
                self.accounts[venue.name, venue.account] = None
                self._sessions[line.account] = Session(venue, since_ns=line.since_ns, restored=line.restored)
            case Happened():
                happening, now = happening_of(line)
                session = self._sessions.get(line.account)
                if session is None:
                    raise BadRecord(f"a happening of account {line.account}, of which the record says nothing")
                for command in session.handle(happening, now):
                    if isinstance(command, Emit):
                        self._position = place(command.events, self._position)
                        for event in command.events:
                            yield Told(event, now.wall_ns)

    def _venue(self, line: Account) -> Venue:
        if line.venue not in self.makers:
            known = ", ".join(sorted(self.makers))
            raise ConfigError(f"an account of the class {line.venue[:40]!r}: pass a maker for it (there are {known})")
        try:
            return self.makers[line.venue](line.fields)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"this version cannot make the recorded {line.venue}: {error}") from error


# ---------------------------------------------------------------------------------------------------- the files


def lines(path: Path, notes: list[str]) -> Iterator[tuple[str, Line]]:
    """The lines of a record from the first start of a stream on that it holds, each with its place.

    If the file goes on where a full one ended, that one (`.1`) comes first.  Raises ConfigError; adds to `notes` what
    is missing.
    """
    files = [path]
    if _first(path).part > 1 and older(path).exists():
        _first(older(path))
        files.insert(0, older(path))
    begin: Begin | None = None
    skipped = False
    for where, line in _joined(files, notes):
        if isinstance(line, Begin):
            goes_on = begin is not None and (line.run, line.part) == (begin.run, begin.part + 1)
            begin = line if goes_on or line.part == 1 else None
            if line.part == 1 and line.exchstream != version("exchstream"):
                notes.append(f"{where}: recorded by exchstream {line.exchstream}: it may have told otherwise")
        if begin is None:
            skipped = True
        else:
            yield where, line
    if skipped:
        gone = f"{path}: files that were full have been overwritten (max_bytes)"
        if begin is None:
            raise ConfigError(f"{gone}, and with them the start of the stream: there is nothing to replay")
        notes.append(f"{gone}: the replay began with the next start of the stream")


def _joined(files: Sequence[Path], notes: list[str]) -> Iterator[tuple[str, Line]]:
    """All lines of these files.  The last one that a killed process wrote may be torn: no other may."""
    torn: ConfigError | None = None
    raw = b""
    for where, raw in _raw_lines(files):
        line = _tried(raw)
        if torn is not None:
            if not (isinstance(line, Begin) and line.part == 1):
                raise torn
            notes.append(f"{torn} (the process that wrote it was ended)")
            torn = None
        if isinstance(line, BadRecord):
            torn = ConfigError(f"{where}: {line}")
        else:
            yield where, line
    if torn is not None:
        if raw.endswith(b"\n"):
            raise torn
        notes.append(f"{torn} (the process that wrote it was ended)")


def _raw_lines(files: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    for path in files:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                yield f"{path}, line {number}", raw


def _tried(raw: bytes) -> Line | BadRecord:
    try:
        return read_line(raw)
    except BadRecord as error:
        return error


def _first(path: Path) -> Begin:
    """The first line of a record's file.  Raises ConfigError for a file that is none."""
    try:
        with path.open("rb") as file:
            raw = file.readline(MAX_BEGIN)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    try:
        line = read_line(raw)
    except BadRecord as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(line, Begin):
        raise ConfigError(f"{path}: the file does not begin as a record does; was its beginning cut off?")
    return line
