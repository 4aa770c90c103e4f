"""Faults of single frames to the client: their words changed, their bytes wrapped otherwise, their turn exchanged.

Names and numbers in a frame are found in its text, not in parsed JSON, so that all else stays as the venue wrote it.
What this module does not do: decide when (`deciding`), or hold a frame back itself (`link`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final, Literal

import attrs
from attrs.validators import ge, le

from mockserver.faces.base import Fragments, RawText
from mockserver.faults.chance import Draw
from mockserver.faults.kinds import MS, Frame, Kind

SECOND: Final = 1_000 * MS
Turn = Literal["pass", "swap", "release"]
"""What another frame does to one that is held: nothing, it goes before it, or it lets it go before itself."""
Change = Callable[[str], str]
_OBJECT: Final = re.compile(r'\{(?=\s*")')
_VALUE: Final = re.compile(r'("(?P<name>\w+)": ?)(?P<value>"[^"\\]*"|-?[0-9][0-9.eE+-]*|true|false)(?=[,}\s])')
_NUMBER: Final = re.compile(r"-?[0-9][0-9.eE+-]*")


class Rewriting(Kind):
    """The frame goes out in other words, or in other bytes."""

    seam = "frame"

    def rewritten(self, text: str, draw: Draw) -> Frame:
        """The frame as it goes out."""
        return text


@attrs.frozen(kw_only=True)
class SchemaAddField(Rewriting):
    """Every object of the frame has a field that nobody knows: venues add such each month."""

    field: str = "zzNovel"

    def rewritten(self, text: str, draw: Draw) -> Frame:
        """See `Rewriting`."""
        return _OBJECT.sub(f'{{"{self.field}":"novelty",', text)


@attrs.frozen(kw_only=True)
class SchemaNull(Rewriting):
    """A field is null that never was; which one chance decides unless it is named."""

    field: str | None = None

    @property
    def legal(self) -> bool:
        """See `Kind`."""
        return False

    def rewritten(self, text: str, draw: Draw) -> Frame:
        """See `Rewriting`."""
        return _with_value(text, self.field, draw, lambda value: "null")


@attrs.frozen(kw_only=True)
class NumberAsString(Rewriting):
    """A number comes in quotes; which one chance decides unless it is named."""

    field: str | None = None

    @property
    def legal(self) -> bool:
        """See `Kind`."""
        return False

    def rewritten(self, text: str, draw: Draw) -> Frame:
        """See `Rewriting`."""
        return _with_value(text, self.field, draw, lambda value: f'"{value}"', only=_NUMBER)


@attrs.frozen(kw_only=True)
class SchemaUnknownEvent(Kind):
    """Before the frame comes one of an event that nobody knows."""

    seam = "frame"
    event: str = "zzNovelEvent"

    def frame(self, text: str) -> str:
        """The frame that comes before this one, in the same envelope."""
        novelty = f'"e":"{self.event}","E":0'
        if (found := re.match(r'\{"(subscriptionId|stream)":("[^"]*"|\d+),"(event|data)":', text)) is not None:
            return f"{found[0]}{{{novelty}}}}}"
        return f'{{{novelty},"channel":"{self.event}","type":"update","data":{{}}}}'


@attrs.frozen(kw_only=True)
class WsFragment(Rewriting):
    """The message comes in so many fragments."""

    parts: int = attrs.field(default=3, validator=(ge(2), le(1_000)))

    def rewritten(self, text: str, draw: Draw) -> Frame:
        """See `Rewriting`."""
        cuts = [len(text) * number // self.parts for number in range(self.parts + 1)]
        return Fragments(tuple(text[start:end] for start, end in pairwise(cuts)))


@attrs.frozen(kw_only=True)
class WsBigFrame(Rewriting):
    """The frame is so large: blanks stand before the JSON's last bracket."""

    bytes: int = attrs.field(default=256 << 10, validator=(ge(1), le(16 << 20)))

    def rewritten(self, text: str, draw: Draw) -> Frame:
        """See `Rewriting`."""
        return f"{text[:-1]}{' ' * (self.bytes - len(text.encode()))}{text[-1:]}"


@attrs.frozen(kw_only=True)
class WsBinary(Rewriting):
    """The same bytes in a binary frame."""

    @property
    def legal(self) -> bool:
        """See `Kind`."""
        return False

    def rewritten(self, text: str, draw: Draw) -> Frame:
        """See `Rewriting`."""
        return text.encode()


@attrs.frozen(kw_only=True)
class WsBadUtf8(Rewriting):
    """A text frame whose bytes are no text."""

    @property
    def legal(self) -> bool:
        """See `Kind`."""
        return False

    def rewritten(self, text: str, draw: Draw) -> Frame:
        """See `Rewriting`."""
        return RawText(text.encode()[:-1] + b"\xff")


# ------------------------------------------------------------------------------------------------ turns


class Turning(Kind):
    """The frame is held back until another has come, and no longer than `within`."""

    seam = "frame"
    within_ns: int
    n: int = 1
    """How many go before it."""

    def turn(self, mine: str | None, other: str | None) -> Turn:
        """What a frame of this other event does to the one that is held."""
        return "release"


@attrs.frozen(kw_only=True)
class AckRace(Turning):
    """An answer on the socket waits for the next frame, so that both arrive in one segment."""

    within_ns: int = attrs.field(default=SECOND, validator=ge(0))

    def is_about(self, event: str | None) -> bool:
        """See `Kind`."""
        return event == "answer"


@attrs.frozen(kw_only=True)
class CrossTypeReorder(Turning):
    """The frame comes behind the next one of another event; those of its own event keep their order."""

    within_ns: int = attrs.field(default=SECOND, validator=ge(0))
    types: tuple[str, ...] | None = attrs.field(default=None)
    """Frames of these events alone change places; others pass them by."""

    @types.validator
    def _check(self, _: object, types: tuple[str, ...] | None) -> None:
        if types is not None and len(set(types)) < 2:
            raise ValueError("types are two events or more")

    def is_about(self, event: str | None) -> bool:
        """See `Kind`."""
        return self.types is None or event in self.types

    def turn(self, mine: str | None, other: str | None) -> Turn:
        """See `Turning`."""
        if mine == other:
            return "release"
        return "swap" if self.is_about(other) else "pass"


@attrs.frozen(kw_only=True)
class SameTypeReorder(Turning):
    """The frame comes behind the next one of its own event, or so many, which no venue does on one connection."""

    n: int = attrs.field(default=1, validator=ge(1))
    """How many of them come before it."""
    within_ns: int = attrs.field(default=SECOND, validator=ge(0))

    def turn(self, mine: str | None, other: str | None) -> Turn:
        """See `Turning`."""
        return "swap" if mine == other else "pass"

    @property
    def legal(self) -> bool:
        """See `Kind`."""
        return False


def _with_value(text: str, name: str | None, draw: Draw, change: Change, only: re.Pattern[str] | None = None) -> str:
    """The text with one value changed: the named field's first, or one that chance picks; as it is if there is none."""
    found = [
        each
        for each in _VALUE.finditer(text)
        if name in (None, each["name"]) and (only is None or only.fullmatch(each["value"]))
    ]
    if not found:
        return text
    chosen = found[0] if name is not None else found[draw.below(len(found), "field")]
    start, end = chosen.span("value")
    return f"{text[:start]}{change(chosen['value'])}{text[end:]}"
