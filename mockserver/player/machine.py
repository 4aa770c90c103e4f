"""When the next step comes: a small machine that is fed with the journal and the time, and does nothing itself.

``feed`` takes what was heard, ``go`` runs on as far as it can: what a step does is done by the ``Hands``, what it waits
for is looked for in what was heard. A ``wait`` takes what came since the last thing that was waited for, an ``expect``
only what comes after the step before it; both end the story when their time is over. Pure.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Final, Protocol

import attrs

from mockserver.actions import Action
from mockserver.durations import UNITS, format_duration
from mockserver.heard import Heard
from mockserver.plain_yaml import dump_flow
from mockserver.player.verbs import VERBS, Awaited, Branches, Forbidden, Jump
from mockserver.story import Step, write_step
from mockserver.verify import Journal, nearest_miss

PATIENCE_NS: Final = 30 * UNITS["s"]
SOON_NS: Final = 10 * UNITS["s"]
LAST_SHOWN: Final = 8


class StepError(Exception):
    """A step could not be done; the text says why."""


class Hands(Protocol):
    """Whoever does what a step says."""

    def act(self, step: Step, captured: dict[str, Any]) -> Generator[object, None, str]:
        """Do it, stopping where the wire has to catch up; what was done, in words. StepError: it cannot be done."""

    def capture(self, heard: Heard) -> Any:
        """The order that this request is about. StepError: it is about none."""

    def delivered(self) -> bool:
        """Whether the clients have been sent all that was said to them."""


@attrs.frozen(slots=True)
class Logged:
    """A step that was done."""

    time_ns: int
    step: str
    words: str


@attrs.frozen(slots=True)
class Failed:
    """Why the story ended before its end: the step, and what came instead."""

    step: str
    lines: tuple[str, ...]


@attrs.define(slots=True)
class _Wanted:
    """What a track waits for."""

    begun_ns: int
    until_ns: int
    awaited: Awaited | None = None
    tracks: Sequence[_Track] = ()
    since: int = 0
    wire: bool = False
    """Whether it is the wire that has to catch up."""
    allowed: int = 0
    """Of a step of the whole: it waits until so many may begin."""
    looked: int = 0
    """How far it was looked for, and (``came``) how many of it there were."""
    came: int = 0


@attrs.define(slots=True, eq=False)
class _Track:
    """Steps one after another; ``place`` is behind the last thing that was waited for."""

    steps: Generator[_Wanted, None, None] | None = None
    wanted: _Wanted | None = None
    place: int = 0
    label: str = ""
    done: bool = False


class Machine:
    """One story as it is played."""

    def __init__(self, steps: Sequence[Step], hands: Hands, *, now_ns: int, patience_ns: int = PATIENCE_NS) -> None:
        self.heard: list[Heard] = []  # bounded: by what the recorder keeps and how long a story is
        self.log: list[Logged] = []  # bounded: one per step that is done
        self.captured: dict[str, Any] = {}  # bounded: by the story's names
        self.failed: Failed | None = None
        self.begun_ns = now_ns
        self.allowed: int | None = None
        """So many steps of the whole may begin; None: all."""
        self.reached = 0
        """The number of the step of the whole that was begun last."""
        self.ended_ns = now_ns
        """When the last step was done."""
        self._hands = hands
        self._patience_ns = patience_ns
        self._now_ns = now_ns
        self._guards: list[tuple[Forbidden, int, int, str]] = []  # bounded: one per step that is done
        self._main = _Track()
        self._main.steps = self._run(steps, "", self._main)
        self._tracks = [self._main]

    @property
    def over(self) -> bool:
        """Whether there is nothing more to do."""
        return self.failed is not None or self._main.done

    @property
    def next_ns(self) -> int | None:
        """When something happens by itself: the earliest deadline."""
        return min((track.wanted.until_ns for track in self._tracks if track.wanted is not None), default=None)

    @property
    def behind(self) -> bool:
        """Whether the wire has to catch up before it goes on; whoever has let it says so by ``caught_up``."""
        return not self.over and any(track.wanted is not None and track.wanted.wire for track in self._tracks)

    def caught_up(self) -> None:
        """The wire has caught up."""
        for track in self._tracks:
            if track.wanted is not None and track.wanted.wire:
                track.wanted = None

    @property
    def polls(self) -> bool:
        """Whether it waits for something that no journal tells."""
        awaited = [track.wanted.awaited for track in self._tracks if track.wanted is not None]
        return any(each is not None and each.pattern is None for each in awaited)

    @property
    def waiting(self) -> str:
        """What it waits for, in words."""
        wanting = [(track.label, track.wanted) for track in self._tracks]
        return "; ".join(label for label, each in wanting if each is not None and not (each.tracks or each.allowed))

    def feed(self, heard: Sequence[Heard]) -> None:
        """What was heard since."""
        self.heard.extend(heard)

    def go(self, now_ns: int) -> None:
        """Run on as far as possible."""
        self._now_ns = now_ns
        moved = True
        while moved and not self.over:
            moved = False
            for track in tuple(self._tracks):
                if self.failed is None and self._ready(track):
                    self._resume(track)
                    moved = True

    def end(self, why: str) -> None:
        """The client is gone: what is waited for cannot come any more."""
        for track in self._tracks:
            if not self.over and track.wanted is not None and track.wanted.awaited is not None:
                self.failed = Failed(track.label, (why, *self._instead(track.wanted)))

    def die(self, why: str) -> None:
        """The client is gone by its own fault: it ends here, whatever it waits for."""
        self.end(why)
        if not self.over:
            self.failed = Failed(self.waiting or self._main.label or "the beginning", (why, *_came_last(self.heard)))

    def forbidden(self) -> list[Failed]:
        """Which of the things that must not come from some step on have come."""
        return [each for guard in self._guards if (each := self._broken(*guard)) is not None]

    # -- tracks ---------------------------------------------------------------------------------------------------

    def _begin(self, steps: Sequence[Step], path: str, place: int) -> _Track:
        track = _Track(place=place)
        track.steps = self._run(steps, path, track)
        return track

    def _ready(self, track: _Track) -> bool:
        if track.done:
            return False
        wanted = track.wanted
        if wanted is None:
            return True
        if wanted.tracks:
            return all(each.done for each in wanted.tracks)
        if wanted.awaited is not None and self._come(track, wanted, wanted.awaited):
            return True
        if wanted.allowed:
            return self.allowed is None or self.allowed >= wanted.allowed
        if self._now_ns < wanted.until_ns:
            return False
        if wanted.awaited is not None:
            self.failed = Failed(track.label, tuple(self._instead(wanted)))
            return False
        return True

    def _resume(self, track: _Track) -> None:
        assert track.steps is not None  # set when it was made
        track.wanted = None
        try:
            track.wanted = next(track.steps)
        except StopIteration:
            track.done = True
            self.ended_ns = self._now_ns
            if track is not self._main:
                self._tracks.remove(track)
        except StepError as error:
            self.failed = Failed(track.label, (str(error),))

    def _run(self, steps: Sequence[Step], path: str, track: _Track) -> Generator[_Wanted, None, None]:
        place, jumps = 0, dict[int, int]()
        while place < len(steps):
            step, number = steps[place], place + 1
            if track is self._main and not path:
                yield _Wanted(self._now_ns, _NEVER, allowed=number)
                self.reached = number
            track.label = f"step {path}{number} ({shown_step(step)})"
            place += 1
            match step.arg:
                case Jump(label=label, most=most):
                    jumps[number] = jumps.get(number, 0) + 1
                    if jumps[number] <= most:
                        place = steps.index(Step("label", label))
                case _ if step.what != "label":
                    yield from self._perform(step, f"{path}{number}.", track)

    def _perform(self, step: Step, path: str, track: _Track) -> Generator[_Wanted, None, None]:
        label, now_ns = track.label, self._now_ns
        match step.arg:
            case Action(after_ns=after_ns) if after_ns:
                yield _Wanted(now_ns, now_ns + after_ns)
                self._note(label, (yield from self._act(step)))
            case Branches(lists=lists, times=times) if step.what == "repeat":
                for turn in range(1, times + 1):
                    yield from self._run(lists[0], f"{path}{turn}.", track)
            case Branches(lists=lists):
                tracks = [self._begin(steps, f"{path}{n}.", track.place) for n, steps in enumerate(lists, 1)]
                self._tracks.extend(tracks)
                yield _Wanted(now_ns, _NEVER, tracks=tracks)
            case Awaited() as awaited:
                since = track.place if step.what == "wait" else len(self.heard)
                usual_ns = self._patience_ns if step.what == "wait" else SOON_NS
                yield _Wanted(now_ns, now_ns + (awaited.within_ns or usual_ns), awaited, since=since)
                if awaited.capture is not None:
                    self.captured[awaited.capture] = self._hands.capture(self.heard[track.place - 1])
                self._note(label, "it came")
            case Forbidden(within_ns=within_ns) as forbidden:
                since = len(self.heard)
                guard = (forbidden, since, now_ns, label)
                if within_ns is None:
                    self._guards.append(guard)
                    return
                yield _Wanted(now_ns, now_ns + within_ns)
                self.failed = self._broken(*guard)
                if self.failed is not None:  # what follows is not done any more
                    yield _Wanted(now_ns, _NEVER)
            case int() if step.what == "wait":
                yield _Wanted(now_ns, now_ns + step.arg)
            case _:
                self._note(label, (yield from self._act(step)))

    def _act(self, step: Step) -> Generator[_Wanted, None, str]:
        doing = self._hands.act(step, self.captured)
        while True:
            try:
                next(doing)
            except StopIteration as done:
                words: str = done.value
                return words
            yield _Wanted(self._now_ns, _NEVER, wire=True)

    # -- what came ------------------------------------------------------------------------------------------------

    def _come(self, track: _Track, wanted: _Wanted, awaited: Awaited) -> bool:
        if awaited.pattern is None:
            return self._hands.delivered()
        for place in range(max(wanted.since, wanted.looked), len(self.heard)):
            wanted.looked = place + 1
            wanted.came += awaited.pattern.agrees(self.heard[place])
            if wanted.came == awaited.times:
                track.place = place + 1
                return True
        return False

    def _broken(self, forbidden: Forbidden, since: int, since_ns: int, label: str) -> Failed | None:
        failure = forbidden.never.failure(Journal(self.heard[since:], since_ns, self._now_ns))
        return (
            None if failure is None else Failed(label, (*failure.lines(), "  what came:", *_indented(failure.window)))
        )

    def _instead(self, wanted: _Wanted) -> list[str]:
        """What came in place of what was waited for."""
        assert wanted.awaited is not None  # only such wait in vain
        since = self.heard[wanted.since :]
        waited = format_duration((self._now_ns - wanted.begun_ns) // UNITS["ms"] * UNITS["ms"])
        lines = [f"waited {waited} for {wanted.awaited}, in vain"]
        pattern = wanted.awaited.pattern
        if pattern is not None:
            lines += [f"  it came {wanted.came} times"] if wanted.came else []
            near = None if wanted.came else nearest_miss(pattern, since)
            lines += [] if near is None else [f"  {line}" for line in near.lines()]
        return [*lines, *_came_last(since)]

    def _note(self, label: str, words: str) -> None:
        self.log.append(Logged(self._now_ns, label, words))


_NEVER: Final = 1 << 62


def shown_step(step: Step) -> str:
    """A step on one line, as it would be written."""
    written = write_step(step, VERBS)
    text = written if isinstance(written, str) else f"{step.what}: {dump_flow(written[step.what])}"
    return text if len(text) <= 100 else f"{text[:99]}…"


def _came_last(heard: Sequence[Heard]) -> list[str]:
    if not heard:
        return ["  nothing at all came"]
    return ["  what came last:", *_indented([each.shown for each in heard[-LAST_SHOWN:]])]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]
