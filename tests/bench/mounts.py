"""What kind of file system a journal was measured on: a disk's is dearer than one in memory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

MOUNTS: Final = Path("/proc/mounts")


def file_system(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """Its type, as Linux calls it; None where that is not to be had."""
    try:
        lines = [line.split(" ") for line in mounts.read_text().splitlines()]
    except OSError:
        return None
    # A place with a blank in its name is written with \040; what is mounted last lies on top.
    places = [(Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), line[1])), line[2]) for line in lines]
    over = [(len(place.parts), number, kind) for number, (place, kind) in enumerate(places) if _within(folder, place)]
    return max(over)[2] if over else None


def _within(folder: Path, place: Path) -> bool:
    return folder.resolve().is_relative_to(place)
