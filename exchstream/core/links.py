"""The numbered set of connections of one account: dialling, proof, heartbeat, silence, rotation.

A link is DIALING, then GREETING (its frames are not all accepted) or SETTLING (a lane that never acknowledges), then
PROVEN.  A lane may have several links at once: a rotation proves the new one before it ends the old one.  What comes
from a number that is not in the set is not heard.  This module opens no gaps and asks no questions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

import attrs

from exchstream.core.backoff import Backoff
from exchstream.core.happenings import Close, Command, Dial, Now, Ping, Range, Send
from exchstream.core.venue import SECOND, Lane, Proof, Secret


class Phase(Enum):
    """How far a link has come."""

    DIALING = "dialing"
    GREETING = "greeting"
    SETTLING = "settling"
    PROVEN = "proven"


@attrs.define
class Link:
    """One connection; `credential` is what it was dialled with, `due_ns` when its present phase is given up.

    `ends_ns` is when a credential that is not renewed any more will be dead, and the link deaf (None: it is renewed).
    """

    number: int
    lane: Lane
    due_ns: int
    drain_ns: int
    credential: Secret | None = None
    phase: Phase = Phase.DIALING
    tags: set[str] = attrs.field(factory=set)
    renewed: bool = False
    evident: bool = False
    retiring: bool = False
    heard_ns: int = 0
    answered_ns: int = 0
    beat_ns: int = 0
    proven_ns: int = 0
    retire_ns: int | None = None
    ends_ns: int | None = None
    replaced_ns: int | None = None

    @property
    def owes(self) -> bool:
        """True for a replaced link that has answered no ping since: what it still carried is not known to have come.

        It is pinged when it is replaced; bytes come in order, so whatever was sent before the pong comes before it.
        """
        return self.replaced_ns is not None and self.answered_ns < self.replaced_ns


@attrs.define
class Links:
    """All links of one account, by number; the last number given is `last`.

    A dial that has not opened after `dial_ns` is given up; a link that has been replaced may still bring what it
    carries for `drain_ns`.
    """

    lanes: tuple[Lane, ...]
    backoff: Backoff
    dial_ns: int
    drain_ns: int
    live: dict[int, Link] = attrs.field(factory=dict)
    last: int = 0
    reconnects: int = 0
    _failures: dict[str, int] = attrs.field(factory=dict)

    @property
    def proven(self) -> bool:
        """True when every lane has a proven link that has not been replaced."""
        return all(
            any(link.phase is Phase.PROVEN and link.replaced_ns is None for link in self._of(lane))
            for lane in self.lanes
        )

    @property
    def evident(self) -> bool:
        """True when every lane has shown that it delivers: by its acknowledgement, or by a first event."""
        return all(any(link.evident for link in self._of(lane)) for lane in self.lanes)

    def wanting(self) -> list[Lane]:
        """The lanes that need to be dialled: they have no link, or only one that is about to end."""
        links = {lane.name: list(self._of(lane)) for lane in self.lanes}
        return [lane for lane in self.lanes if len(links[lane.name]) < 2 and all(x.retiring for x in links[lane.name])]

    def dial(self, lane: Lane, now: Now, credential: Secret | None, retry_after_ns: int = 0) -> Dial:
        """Start a new link for this lane, later after each failure in a row."""
        self.last += 1
        failures = self._failures.get(lane.name, 0)
        low, high = self.backoff.delay(failures)
        delay = Range(max(low, retry_after_ns), max(high, retry_after_ns))
        due_ns = now.mono_ns + delay.high_ns + self.dial_ns
        self.live[self.last] = Link(self.last, lane, due_ns, self.drain_ns, credential)
        return Dial(self.last, lane.name, delay)

    def greet(self, link: Link, now: Now, frames: Sequence[tuple[str, str]]) -> Iterator[Command]:
        """The link is open, or its subscription has ended: say what the lane wants said."""
        link.heard_ns = now.mono_ns
        link.beat_ns = now.mono_ns + link.lane.heartbeat_ns
        if link.retire_ns is None and link.lane.lifetime_ns is not None:
            link.retire_ns = now.mono_ns + link.lane.lifetime_ns
        link.tags = {tag for tag, _ in frames}
        if link.lane.proof is Proof.ACK:
            link.phase, link.due_ns = Phase.GREETING, now.mono_ns + link.lane.ack_ns
        else:
            link.phase, link.due_ns = Phase.SETTLING, now.mono_ns + link.lane.settle_ns
            link.renewed = link.credential is None
        if frames:
            yield Send(link.number, tuple(frame for _, frame in frames))

    def accept(self, link: Link, tag: str, now: Now) -> Iterator[Command]:
        """One greeting frame was accepted; the last one proves the link."""
        link.tags.discard(tag)
        if link.phase is Phase.GREETING and not link.tags:
            link.evident = True
            yield from self._prove(link, now)

    def lose(self, link: Link, now: Now) -> None:
        """The link has ended."""
        del self.live[link.number]
        self.reconnects += 1
        if not link.retiring:
            self._lived(link, now)

    def retire(self, link: Link, now: Now) -> None:
        """The link is about to end; one that is told so when it has hardly lived is no better than a lost one."""
        if not link.retiring:
            link.retiring = True
            self._lived(link, now)

    def young(self, link: Link, now: Now) -> bool:
        """True for a link that has not shown yet that the trouble is over."""
        return self._age_ns(link, now) < self.backoff.stable_ns

    def _age_ns(self, link: Link, now: Now) -> int:
        return now.mono_ns - link.proven_ns if link.phase is Phase.PROVEN else 0

    def _lived(self, link: Link, now: Now) -> None:
        self._failures[link.lane.name] = self.backoff.after(
            self._failures.get(link.lane.name, 0), self._age_ns(link, now)
        )

    def end(self, link: Link, why: str, now: Now) -> Close:
        """Give the link up from our side."""
        self.lose(link, now)
        return Close(link.number, why)

    def overdue(self, now: Now) -> Iterable[tuple[Link, str]]:
        """The links that must be given up now, each with the reason."""
        for link in tuple(self.live.values()):
            if link.phase is Phase.DIALING and now.mono_ns >= link.due_ns:
                yield link, "the connection did not open in time"
            elif link.phase is Phase.GREETING and now.mono_ns >= link.due_ns:
                yield link, f"no acknowledgement within {link.lane.ack_ns // SECOND} s"
            elif link.phase is not Phase.DIALING and now.mono_ns - link.heard_ns >= link.lane.silence_ns:
                yield link, f"nothing heard for {link.lane.silence_ns // SECOND} s"

    def outlived(self, now: Now) -> list[Link]:
        """The links whose old credential is over."""
        return [link for link in self.live.values() if link.ends_ns is not None and now.mono_ns >= link.ends_ns]

    def drained(self, now: Now) -> list[Link]:
        """The replaced links whose time is over."""
        links = self.live.values()
        spell_ns = self.drain_ns
        return [link for link in links if link.replaced_ns is not None and now.mono_ns >= link.replaced_ns + spell_ns]

    def tend(self, now: Now) -> Iterator[Command]:
        """Heartbeats that are due, lanes that have settled, lives that are over."""
        for link in tuple(self.live.values()):
            if link.phase is Phase.DIALING:
                continue
            if now.mono_ns >= link.beat_ns:
                every_ns = link.lane.heartbeat_ns if link.replaced_ns is None else self.drain_ns // 4
                link.beat_ns = now.mono_ns + every_ns
                beat = link.lane.heartbeat
                ping = beat is None or link.replaced_ns is not None  # only a pong says what came before it
                yield Ping(link.number) if ping or beat is None else Send(link.number, (beat,))
            if link.phase is Phase.SETTLING and link.renewed and now.mono_ns >= link.due_ns:
                yield from self._prove(link, now)
            if link.retire_ns is not None and now.mono_ns >= link.retire_ns:
                link.retire_ns = None
                self.retire(link, now)

    def wake_ns(self) -> Iterator[int]:
        """The instants at which one of the links needs attention."""
        for link in self.live.values():
            if link.phase is Phase.DIALING:
                yield link.due_ns
                continue
            yield link.beat_ns
            if link.replaced_ns is not None:
                yield link.replaced_ns + self.drain_ns
            yield link.heard_ns + link.lane.silence_ns
            if link.phase is Phase.GREETING or (link.phase is Phase.SETTLING and link.renewed):
                yield link.due_ns
            if link.retire_ns is not None:
                yield link.retire_ns
            if link.ends_ns is not None:
                yield link.ends_ns

    def _prove(self, link: Link, now: Now) -> Iterator[Command]:
        """The link is subscribed: older links of its lane have done their work."""
        link.phase, link.proven_ns = Phase.PROVEN, now.mono_ns
        for other in list(self._of(link.lane)):
            if other.number < link.number and other.replaced_ns is None:
                other.retiring, other.retire_ns = True, None
                other.replaced_ns = other.beat_ns = now.mono_ns
                yield Ping(other.number)

    def _of(self, lane: Lane) -> Iterator[Link]:
        return (link for link in self.live.values() if link.lane.name == lane.name)
