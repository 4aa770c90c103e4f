"""Which faults happen: the list of those that are armed, and what comes of them for each request, dial and frame.

A fault's decision is a function of the seed, the fault's name and the number of the thing among those that the fault is
about.  So it does not depend on which other faults are armed, nor on what they do; that of two that agree on a thing
the one that was armed first prevails concerns only what comes of it.  What comes of it is a value (`Fate`,
`FrameFate`), which is carried out elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
from attrs.validators import ge, instance_of, le

from mockserver.faces.base import HttpResponse
from mockserver.faults.business_kinds import Business
from mockserver.faults.catalogue import WORDS
from mockserver.faults.chance import Draw
from mockserver.faults.dial_kinds import Birth
from mockserver.faults.facts import HAS, SOCKET, Match, Thing
from mockserver.faults.frame_kinds import Rewriting, SchemaUnknownEvent, Turning
from mockserver.faults.kinds import (
    Answering,
    Corrupt,
    Disconnect,
    DropEvent,
    Dup,
    ExecStatusUnknown,
    Frame,
    FrameDelay,
    HangUp,
    Heard,
    Kind,
    Latency,
    LinkKind,
    Reset,
    Silence,
    Silent,
)
from mockserver.faults.refusals import Site
from mockserver.faults.request_kinds import ClockSkew, EventBeforeRest, RestAfterTerminal, StaleSnapshot
from mockserver.faults.wire_kinds import Wire

MAX_FAULTS: Final = 1_000


@attrs.frozen(slots=True, kw_only=True)
class Fault:
    """What may happen, to what, and how likely.  Of two armed at once the names differ; the kind's is the default."""

    kind: Kind = attrs.field(validator=instance_of(Kind))
    match: Match = attrs.field(default=Match())
    probability: float = attrs.field(default=1.0, validator=(ge(0), le(1)))
    name: str = attrs.field()

    @name.default
    def _usual_name(self) -> str:
        return WORDS[type(self.kind)]

    @match.validator
    def _check(self, _: object, match: Match) -> None:
        named = {name for name in frozenset.union(*HAS.values()) if getattr(match, name) is not None}
        if unknown := sorted(named - HAS[self.kind.seam]):
            raise ValueError(f"{WORDS[type(self.kind)]} is about a {self.kind.seam}, which has no {unknown[0]}")
        if match.nth is not None and (match.after or match.until is not None):
            raise ValueError("nth is this one alone: it goes with neither after nor until")

    @property
    def legal(self) -> bool:
        """Whether it can happen at the real venue."""
        return self.kind.legal


@attrs.frozen(slots=True)
class Hit:
    """A fault happens to a thing; `draw` is its luck there."""

    fault: Fault
    draw: Draw


@attrs.define(slots=True)
class _Armed:
    fault: Fault
    since_ns: int
    seen: int = 0
    hits: int = 0

    def meets(self, thing: Thing, seed: int, now_ns: int) -> Hit | None:
        fault, match = self.fault, self.fault.match
        if fault.kind.seam != thing.seam or fault.kind.side != thing.side or not match.agrees(thing):
            return None
        if not fault.kind.is_about(thing.event) or (thing.method == SOCKET and not fault.kind.on_socket):
            return None
        if match.lasts_ns is not None and now_ns - self.since_ns >= match.lasts_ns:
            return None
        self.seen += 1
        draw = Draw(seed, fault.name, self.seen)
        spent = match.count is not None and self.hits >= match.count
        if spent or not match.admits(self.seen) or draw.fraction("happens") >= fault.probability:
            return None
        self.hits += 1
        return Hit(fault, draw)


class Faults:
    """The faults of one world."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._armed: dict[str, _Armed] = {}  # bounded: MAX_FAULTS
        self._seams: frozenset[str] = frozenset()

    @property
    def armed(self) -> list[Fault]:
        """Every fault that is armed, the first first."""
        return [each.fault for each in self._armed.values()]

    @property
    def hits(self) -> dict[str, int]:
        """How often each fault that is armed has happened, by its name."""
        return {name: each.hits for name, each in self._armed.items()}

    def arm(self, fault: Fault, now_ns: int = 0) -> None:
        """Let it happen from now on.  ValueError: one of that name is armed already, or too many are."""
        if fault.name in self._armed:
            raise ValueError(f"there is already a fault {fault.name!r}; give this one another name")
        if len(self._armed) >= MAX_FAULTS:
            raise ValueError(f"there are already {MAX_FAULTS} faults")
        self._armed[fault.name] = _Armed(fault, now_ns)
        self._note_seams()

    def shift(self, by_ns: int) -> None:
        """Let each have been armed so much later."""
        for each in self._armed.values():
            each.since_ns += by_ns

    def disarm(self, name: str) -> None:
        """Let it happen no more.  ValueError: none of that name is armed."""
        if self._armed.pop(name, None) is None:
            raise ValueError(f"no fault {name!r}; there are {', '.join(self._armed) or 'none'}")
        self._note_seams()

    def clear(self) -> None:
        """Let none happen any more."""
        self._armed.clear()
        self._note_seams()

    def watches(self, *seams: str) -> bool:
        """Whether any fault is about such things; if not there is nothing to decide."""
        return not self._seams.isdisjoint(seams)

    def decide(self, thing: Thing, now_ns: int) -> list[Hit]:
        """What happens to this thing; every call is about another thing."""
        met = [each.meets(thing, self.seed, now_ns) for each in self._armed.values()]
        return [hit for hit in met if hit is not None]

    def _note_seams(self) -> None:
        self._seams = frozenset(each.fault.kind.seam for each in self._armed.values())


# ------------------------------------------------------------------------------------------------ what comes of it


@attrs.frozen(slots=True)
class Fate:
    """What becomes of a request or a dial: the ways it takes, whether it is handled, what is heard of it."""

    before_ns: int = 0
    after_ns: int = 0
    by: Answering | None = None
    silence: Silence | None = None
    acts: tuple[Business, ...] = ()
    """What the venue does of its own around the request."""
    lag_ns: int = 0
    """The answer is as of so long ago."""
    skew_ns: int = 0
    """How far the venue's belief of the time is off."""
    until_end_ns: int = 0
    """The answer waits until the order has ended, and no longer than this."""
    births: tuple[Birth, ...] = ()
    """What a new connection is born with."""
    wires: tuple[Wire, ...] = ()
    """How its bytes go."""

    @property
    def late_ns(self) -> int | None:
        """After how long the venue does what it was asked, though it was answered at once; None: not so."""
        late = isinstance(self.by, ExecStatusUnknown) and self.by.accepted
        return self.by.late_ns if late and isinstance(self.by, ExecStatusUnknown) else None

    @property
    def handled(self) -> bool:
        """Whether the venue does what it was asked."""
        return self.by is None or self.by.handled

    @property
    def heard(self) -> Heard:
        """What the client hears."""
        return "answer" if self.by is None else self.by.heard

    @property
    def is_reset(self) -> bool:
        """Whether a connection that ends without an answer is reset."""
        return isinstance(self.by, HangUp) and self.by.how == "reset"

    def answer(self, given: HttpResponse | None, site: Site) -> HttpResponse:
        """What is answered in place of what the venue would have answered (None: it was not asked)."""
        return (self.by or Answering()).answer(given, site)


FAIR: Final = Fate()


def fate_of(hits: Sequence[Hit]) -> Fate:
    """What these come to for a request or a dial: delays add up, of the rest the first prevails."""
    before_ns = after_ns = lag_ns = skew_ns = until_end_ns = 0
    by: Answering | None = None
    silence: Silence | None = None
    acts = tuple(hit.fault.kind for hit in hits if isinstance(hit.fault.kind, Business))
    births = tuple(hit.fault.kind for hit in hits if isinstance(hit.fault.kind, Birth))
    wires = tuple(hit.fault.kind for hit in hits if isinstance(hit.fault.kind, Wire))
    for hit in hits:
        match hit.fault.kind:
            case Latency(of=of) as kind:
                way_ns = _late_ns(kind, hit.draw)
                before_ns += way_ns if of == "request" else 0
                after_ns += way_ns if of == "answer" else 0
            case Answering() as kind if by is None:
                by = kind
                after_ns += kind.delay_ns if isinstance(kind, HangUp) else 0
            case EventBeforeRest(delay_ns=delay_ns):
                after_ns += delay_ns
            case RestAfterTerminal(within_ns=within_ns):
                until_end_ns = max(until_end_ns, within_ns)
            case StaleSnapshot(lag_ns=stale_ns):
                lag_ns = max(lag_ns, stale_ns)
            case ClockSkew(by_ns=by_ns):
                skew_ns += by_ns
            case Silent(mode=mode):
                silence = silence or mode
            case _:
                pass
    return Fate(before_ns, after_ns, by, silence, acts, lag_ns, skew_ns, until_end_ns, births, wires)


def _late_ns(kind: Latency | FrameDelay, draw: Draw) -> int:
    return draw.spread(kind.delay_ns, kind.sigma, "delay") + draw.below(kind.jitter_ns + 1, "jitter")


@attrs.frozen(slots=True)
class FrameFate:
    """What becomes of a frame: how late it is, what goes out in its place, and what befalls the connection."""

    frames: tuple[Frame, ...]
    delay_ns: int = 0
    link: LinkKind | None = None
    turn: Turning | None = None
    """It is held back until another frame has come."""
    again: tuple[tuple[int, Frame], ...] = ()
    """What goes out once more, so many nanoseconds later."""


def frame_fate_of(hits: Sequence[Hit], text: str) -> FrameFate:
    """What these come to for a frame: delays add up, damage comes before doubling, of the rest the first prevails."""
    delay_ns, copies = 0, 1
    frame: Frame = text
    link: LinkKind | None = None
    turn: Turning | None = None
    before: tuple[Frame, ...] = ()
    later_ns: list[int] = []
    for hit in hits:
        match hit.fault.kind:
            case FrameDelay() as kind:
                delay_ns += _late_ns(kind, hit.draw)
            case DropEvent(then=then):
                copies = 0
                link = link or {"drop": Disconnect(), "reset": Reset(), None: None}[then]
            case Dup(n=more, within_ns=0):
                copies *= 1 + more
            case Dup(n=more, within_ns=within_ns):
                later_ns += [hit.draw.below(within_ns + 1, f"copy {number}") for number in range(more)]
            case Corrupt() as kind if isinstance(frame, str):
                frame = kind.damaged(frame, hit.draw)
            case Rewriting() as kind if isinstance(frame, str):
                frame = kind.rewritten(frame, hit.draw)
            case SchemaUnknownEvent() as kind:
                before = (*before, kind.frame(text))
            case Turning() as kind:
                turn = turn or kind
            case LinkKind() as kind:
                link = link or kind
            case _:
                pass
    again = tuple((delay_ns + so_long_ns, frame) for so_long_ns in sorted(later_ns) if copies)
    return FrameFate((*before, *(frame,) * copies), delay_ns, link, turn, again)
