"""`exchstream replay`: what a record's stream told, as lines."""

from __future__ import annotations

from pathlib import Path

from exchstream.cli import OK
from exchstream.cli.lines import complain, line, write
from exchstream.errors import ConfigError
from exchstream.jsonlines import to_json
from exchstream.replay import Replay


async def replay(path: Path, account: str | None, *, json: bool) -> int:
    """Print the events of all accounts, or of one (NAME or VENUE:NAME); the exit code.  Raises ConfigError."""
    record = Replay(path)
    for told in record:
        event = told.event
        if account is None or account in (event.account, f"{event.venue}:{event.account}"):
            await write([to_json(event) if json else line(event, told.wall_ns).encode()])
    for note in record.notes:
        complain(note)
    if account is not None and not any(account in (name, f"{venue}:{name}") for venue, name in record.accounts):
        names = ", ".join(f"{venue}:{name}" for venue, name in record.accounts)
        raise ConfigError(f"--account {account!r}: the record is of {names}")
    return OK
