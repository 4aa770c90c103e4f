"""What is shown and kept of a test that failed, and how another run of it differs.

A recording is a file of JSON lines: a head, then the journal. Secrets are not in it: the journal shows none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mockserver.again import of_test
from mockserver.testing.exchange import MockExchange

FORMAT: Final = 1
SHOWN: Final = 40
MAX_LINE: Final = 200
_TIMES: Final = re.compile(
    r"\b1\d{9}(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?\b|\b\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|\+00:00)?|127\.0\.0\.1:\d+|\"[tTE]\":\d+"
)
"""What differs between two runs by a real clock, on two ports."""

Row = Mapping[str, Any]


class RecordingError(ValueError):
    """The file is no recording; the text says why."""


def sections(test: str, exchange: MockExchange, file: Path | None) -> list[tuple[str, str]]:
    """What a report says of a test that failed: how to repeat it, and the end of the recording."""
    plan, rows = exchange.plan, exchange.recorder.journal(limit=SHOWN)
    said = [
        f"seed {plan.seed}, {plan.venue.name}, profile {plan.profile}, liquidity {plan.supply.word}",
        f"repeat: {of_test(test, plan.seed)}",
    ]
    if file is not None:
        said.append(f"recording: {file}")
    heading = "mock recording" + (f", the last {SHOWN} entries" if len(rows) == SHOWN else "")
    return [("mock exchange", "\n".join(said)), (heading, "\n".join(map(_line, rows)) or "(nothing was heard)")]


def write(folder: Path, test: str, exchange: MockExchange) -> Path:
    """Write the whole recording into the folder; the file."""
    plan = exchange.plan
    head = {
        "mock_recording": FORMAT,
        "test": test,
        "seed": plan.seed,
        "venue": plan.venue.name,
        "profile": plan.profile,
        "liquidity": plan.supply.word,
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', test)[-120:].strip('-')}.jsonl"
    rows = exchange.recorder.journal(limit=1 << 30)
    file.write_text("".join(f"{json.dumps(row)}\n" for row in (head, *rows)), encoding="utf-8")
    return file


def read(file: Path) -> tuple[Row, list[Row]]:
    """The head and the entries of a recording. RecordingError says what is wrong."""
    try:
        head, *rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from None
    except ValueError:
        raise RecordingError(f"{file} is no recording: it is no JSON lines") from None
    if not isinstance(head, dict) or head.get("mock_recording") != FORMAT:
        raise RecordingError(f"{file} is no recording of version {FORMAT}")
    return head, rows


def compared(before: Sequence[Row], now: Sequence[Row]) -> str:
    """Where a run begins to differ from the recording, without times and ports."""
    for number, (old, new) in enumerate(zip(before, now, strict=False), 1):
        if _bare(old) != _bare(new):
            shown = (f"  recorded: {_line(old).strip()}", f"  now:      {_line(new).strip()}")
            return "\n".join([f"it differs from entry {number} on", *shown])
    if len(before) != len(now):
        return f"the same up to entry {min(len(before), len(now))}; recorded were {len(before)}, now {len(now)}"
    return f"the same, in all {len(now)} entries"


def _bare(row: Row) -> tuple[str, str]:
    return str(row["kind"]), _TIMES.sub("~", str(row["text"]))


def _line(row: Row) -> str:
    text = str(row["text"])
    text = text if len(text) <= MAX_LINE else f"{text[: MAX_LINE - 1]}…"
    link = "" if row["connection"] is None else f" #{row['connection']}"
    return f"{row['seq']:>5} {row['kind']:<11}{link} {text}"
