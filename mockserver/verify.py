"""Expectations over the journal: what a client must have done, in words, and what is wrong if it did not.

    {expect: [{request: POST /api/v3/order, params: {type: LIMIT_MAKER}, times: "==1"},
              {request: PUT /fapi/v1/listenKey, within: every 60m},
              {never: {request: POST /fapi/v1/listenKey, rate: ">5/min"}},
              {order: ["ws:userDataStream.subscribe.signature", "rest:GET /api/v3/openOrders"]},
              {after: disconnect, expect: reconnect, within: 10s, backoff: ">=100ms"}]}

Every expectation is one value with ``failure(journal)``: None if it holds, else the expectation in words, what happened
instead, the nearest miss field by field, and the window of the journal round it. Pure: entries in, failures out; what
can be asked for is in ``heard``. It does not wait: what may still come is asked again later.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import attrs

from mockserver.durations import UNITS, format_duration, parse_duration
from mockserver.forms import FormError, expect_mapping, nearest, shown
from mockserver.heard import Heard, Pattern, read_pattern

WINDOW: Final = 5
"""Entries shown before and behind what a failure is about."""
_TIMES: Final = re.compile(r"(==|>=|<=|>|<)?\s*([0-9]{1,6})")
_RATE: Final = re.compile(r">\s*([0-9]{1,6})\s*/\s*([0-9.]*)\s*(min|h|m|s|ms)")
_BACKOFF: Final = re.compile(r">=\s*(\S+)")
_FORMS: Final = "request, ws, dial, event or client; never; order; after and expect"


@attrs.frozen(slots=True)
class Journal:
    """What was sent and received in a stretch of time."""

    heard: Sequence[Heard]
    since_ns: int
    until_ns: int

    def times(self, pattern: Pattern) -> list[Heard]:
        """Everything that agrees, in order."""
        return [each for each in self.heard if pattern.agrees(each)]

    def window(self, about: Heard | Nearest | None) -> tuple[str, ...]:
        """The entries round this one, or the last ones, one line each."""
        about = about.heard if isinstance(about, Nearest) else about
        place = len(self.heard) if about is None else next(n for n, each in enumerate(self.heard) if each is about)
        first = max(0, place - (2 * WINDOW if about is None else WINDOW))
        return tuple(each.shown for each in self.heard[first : place + WINDOW + 1])


@attrs.frozen(slots=True)
class Nearest:
    """What came closest to what was expected, and every field of it: (name, wanted, got)."""

    heard: Heard
    fields: tuple[tuple[str, str, str], ...]

    def lines(self) -> list[str]:
        """It in words, one field a line."""
        width = max(len(name) for name, _, _ in self.fields)
        return [
            f"nearest: {self.heard.shown.strip()}",
            *(
                f"  {name:<{width}}  {got}" + ("" if wanted == got else f"   (wanted {wanted})")
                for name, wanted, got in self.fields
            ),
        ]


@attrs.frozen(slots=True, kw_only=True)
class Failure:
    """An expectation that does not hold."""

    expected: str
    said: str
    nearest: Nearest | None = None
    window: tuple[str, ...] = ()
    pending: bool = False
    """Whether its time is not over yet."""

    def lines(self) -> list[str]:
        """It for people."""
        near = [] if self.nearest is None else [f"  {line}" for line in self.nearest.lines()]
        return [f"expected {self.expected}: {self.said}", *near]

    def row(self) -> dict[str, Any]:
        """It as JSON."""
        near = self.nearest
        return {
            "expected": self.expected,
            "said": self.said,
            "nearest": None
            if near is None
            else {
                "seq": near.heard.seq,
                "text": near.heard.shown.strip(),
                "fields": [{"field": name, "wanted": wanted, "got": got} for name, wanted, got in near.fields],
            },
            "window": list(self.window),
        }


def nearest_miss(pattern: Pattern, heard: Sequence[Heard]) -> Nearest | None:
    """What came closest: of this name with other parameters, else of the likest name; None if there is nothing alike.

    Of several the newest.
    """
    alike = [each for each in heard if each.word == pattern.word]
    best: tuple[float, Heard] | None = None
    for each in alike:
        alikeness = 1.0 if pattern.names(each) else difflib.SequenceMatcher(None, pattern.name, each.name).ratio() / 2
        share = 1 - len(pattern.differences(each)) / max(1, len(pattern.params))
        if (score := alikeness + share / 4) >= (0.0 if best is None else best[0]):
            best = score, each
    if best is None:
        return None
    near = best[1]
    fields = [(str(pattern.word), near.name if pattern.names(near) else pattern.name, near.name)]
    wrong = {name: (wanted, got) for name, wanted, got in pattern.differences(near)}
    for name in pattern.params:
        got = near.params.get(name, "absent")
        fields.append((name, *wrong.get(name, (got, got))))
    return Nearest(near, tuple(fields))


# ------------------------------------------------------------------------------------------------ the expectations


@attrs.frozen(slots=True)
class Happens:
    """It came so many times (by the end of ``within_ns``), or again and again (never ``every_ns`` apart)."""

    pattern: Pattern
    sign: str = ">="
    count: int = 1
    within_ns: int | None = None
    every_ns: int | None = None

    def failure(self, journal: Journal) -> Failure | None:
        """See the module's text."""
        if self.every_ns is not None:
            return self._seldom(journal, self.every_ns)
        end_ns = journal.until_ns if self.within_ns is None else journal.since_ns + self.within_ns
        met = [each for each in journal.times(self.pattern) if each.time_ns <= end_ns]
        if _holds(len(met), self.sign, self.count):
            return None
        short = len(met) < self.count
        about = nearest_miss(self.pattern, journal.heard) if short and not met else None
        return Failure(
            expected=str(self),
            said=f"it came {_times(len(met))}",
            nearest=about,
            window=journal.window(met[-1] if met else about),
            pending=short and (self.within_ns is None or journal.until_ns < end_ns),
        )

    def _seldom(self, journal: Journal, every_ns: int) -> Failure | None:
        met = journal.times(self.pattern)
        if not met:
            about = nearest_miss(self.pattern, journal.heard)
            window = journal.window(about)
            return Failure(expected=str(self), said="it never came", nearest=about, window=window, pending=True)
        for before, after in pairwise([*(each.time_ns for each in met), journal.until_ns]):
            if after - before > every_ns:
                said = f"it did not come for {_span(after - before)}"
                at = next(each for each in met if each.time_ns == before)
                return Failure(expected=str(self), said=said, window=journal.window(at))
        return None

    def __str__(self) -> str:
        if self.every_ns is not None:
            return f"{self.pattern} every {_span(self.every_ns)}"
        count = "" if (self.sign, self.count) == (">=", 1) else f" {self.sign}{self.count} times"
        return f"{self.pattern}{count}" + (f" within {_span(self.within_ns)}" if self.within_ns is not None else "")


@attrs.frozen(slots=True)
class Never:
    """It never came, or never more than ``most`` times within ``per_ns``."""

    pattern: Pattern
    most: int = 0
    per_ns: int | None = None

    def failure(self, journal: Journal) -> Failure | None:
        """See the module's text."""
        met = journal.times(self.pattern)
        for number, last in enumerate(met[self.most :]):
            first = met[number]
            if self.per_ns is None or last.time_ns - first.time_ns < self.per_ns:
                took = "" if self.per_ns is None else f", {self.most + 1} within {_span(last.time_ns - first.time_ns)}"
                said = f"it came {_times(len(met))}{took}"
                return Failure(expected=str(self), said=said, window=journal.window(last))
        return None

    def __str__(self) -> str:
        rate = "" if self.per_ns is None else f" more than {self.most} times in {_span(self.per_ns)}"
        return f"never {self.pattern}{rate}"


@attrs.frozen(slots=True)
class InOrder:
    """The first of each came after the first of the one before it."""

    patterns: tuple[Pattern, ...]

    def failure(self, journal: Journal) -> Failure | None:
        """See the module's text."""
        firsts: list[Heard] = []
        for pattern in self.patterns:
            met = next((each for each in journal.heard if pattern.agrees(each)), None)
            if met is None:
                about = nearest_miss(pattern, journal.heard)
                window = journal.window(about)
                said = f"{pattern} never came"
                return Failure(expected=str(self), said=said, nearest=about, window=window, pending=True)
            firsts.append(met)
        for (before, first), (after, second) in pairwise(zip(self.patterns, firsts, strict=True)):
            if second.seq < first.seq:
                said = f"{after} came first ({second.seq}), {before} later ({first.seq})"
                return Failure(expected=str(self), said=said, window=journal.window(second))
        return None

    def __str__(self) -> str:
        return "in this order: " + ", ".join(map(str, self.patterns))


@attrs.frozen(slots=True)
class Answers:
    """After each of one there is another within a time; its repetitions until then keep a distance."""

    cause: Pattern
    effect: Pattern
    within_ns: int
    backoff_ns: int = 0

    def failure(self, journal: Journal) -> Failure | None:
        """See the module's text."""
        causes, effects = journal.times(self.cause), journal.times(self.effect)
        if not causes:
            about = nearest_miss(self.cause, journal.heard)
            window = journal.window(about)
            said = f"there was no {self.cause}"
            return Failure(expected=str(self), said=said, nearest=about, window=window, pending=True)
        for cause in causes:
            end_ns = cause.time_ns + self.within_ns
            met = [each for each in effects if cause.seq < each.seq and each.time_ns <= end_ns]
            if not met:
                late = next((each for each in effects if each.seq > cause.seq), None)
                said = "none came" if late is None else f"the first came after {_span(late.time_ns - cause.time_ns)}"
                behind = [each for each in journal.heard if each.seq > cause.seq]
                return Failure(
                    expected=str(self),
                    said=f"after {cause.shown.strip()} {said}",
                    nearest=nearest_miss(self.effect, behind) if late is None else None,
                    window=journal.window(cause),
                    pending=journal.until_ns < end_ns,
                )
            for before, after in pairwise(met):
                if after.time_ns - before.time_ns < self.backoff_ns:
                    said = f"{_span(after.time_ns - before.time_ns)} lie between {before.seq} and {after.seq}"
                    return Failure(expected=str(self), said=said, window=journal.window(after))
        return None

    def __str__(self) -> str:
        backoff = f", {_span(self.backoff_ns)} apart" if self.backoff_ns else ""
        return f"after {self.cause} {self.effect} within {_span(self.within_ns)}{backoff}"


Expectation = Happens | Never | InOrder | Answers


def failures(expectations: Sequence[Expectation], journal: Journal) -> list[Failure]:
    """What is wrong, in the order of the expectations."""
    found = (each.failure(journal) for each in expectations)
    return [failure for failure in found if failure is not None]


def report(wrong: Sequence[Failure], *, checked: int, seed: int, again: str) -> dict[str, Any]:
    """The answer of ``POST /__mock/verify``; ``again`` is the line that repeats the run."""
    return {
        "ok": not wrong,
        "checked": checked,
        "seed": seed,
        "again": again,
        "failures": [failure.row() for failure in wrong],
        "text": "\n".join(line for failure in wrong for line in failure.lines()),
    }


# ------------------------------------------------------------------------------------------------ reading


def read_expectations(given: object) -> list[Expectation]:
    """A list of expectations, or one. FormError says which cannot be meant, and why."""
    items = given if isinstance(given, list) else [given]
    if not items:
        raise FormError("expect is a list of expectations, and this one is empty")
    return [_numbered(number, item) for number, item in enumerate(items, 1)]


def _numbered(number: int, given: object) -> Expectation:
    try:
        return read_expectation(given)
    except FormError as error:
        raise FormError(f"expectation {number}: {error.text}", error.given, error.key) from None


def read_expectation(given: object) -> Expectation:
    """One expectation: a mapping as in the module's text, or the short form of something that must come."""
    if isinstance(given, str):
        return Happens(read_pattern(given))
    mapping = expect_mapping(given, "an expectation")
    if "after" in mapping:
        return _answers(_only(mapping, "after", "expect", "within", "backoff"))
    if "never" in mapping:
        return read_never(_only(mapping, "never")["never"])
    if "order" in mapping:
        return _in_order(_only(mapping, "order")["order"], mapping)
    return _happens(mapping)


def _happens(mapping: Mapping[str, Any]) -> Happens:
    pattern = read_pattern(mapping, beside=("times", "within", "rate", "expect"))
    if "expect" in mapping:
        raise FormError(f"'expect' goes with 'after'; an expectation is one of {_FORMS}", mapping, "expect")
    if "rate" in mapping:
        raise FormError("'rate' goes with 'never'", mapping, "rate")
    sign, count = _count(mapping["times"], mapping) if "times" in mapping else (">=", 1)
    within = mapping.get("within")
    if isinstance(within, str) and within.startswith("every "):
        if "times" in mapping:
            raise FormError("'within: every' goes without 'times'", mapping, "within")
        return Happens(pattern, every_ns=_duration(within.removeprefix("every "), "within", mapping))
    return Happens(pattern, sign, count, None if within is None else _duration(within, "within", mapping))


def read_never(given: object) -> Never:
    """What must not come, or not more often than a rate: ``{request: …, rate: ">5/min"}``."""
    if isinstance(given, str):
        return Never(read_pattern(given))
    mapping = expect_mapping(given, "never")
    pattern = read_pattern(mapping, beside=("rate",))
    if "rate" not in mapping:
        return Never(pattern)
    found = _RATE.fullmatch(mapping["rate"]) if isinstance(mapping["rate"], str) else None
    if found is None:
        raise FormError(f"a rate is such as '>5/min' or '>3/10s', not {shown(mapping['rate'])}", mapping, "rate")
    unit = UNITS["m" if found[3] == "min" else found[3]]
    return Never(pattern, int(found[1]), round(float(found[2] or 1) * unit))


def _in_order(given: object, mapping: Mapping[str, Any]) -> InOrder:
    if not isinstance(given, list) or len(given) < 2:
        raise FormError(f"order is a list of two or more, not {shown(given)}", mapping, "order")
    patterns = tuple(read_pattern(item) for item in given)
    twice = next((each for each in patterns if patterns.count(each) > 1), None)
    if twice is not None:
        raise FormError(f"order is about the first of each; {twice} stands there twice", mapping, "order")
    return InOrder(patterns)


def _answers(mapping: Mapping[str, Any]) -> Answers:
    for key in ("expect", "within"):
        if key not in mapping:
            raise FormError(f"'after' needs {key!r}", mapping)
    backoff_ns = 0
    if "backoff" in mapping:
        found = _BACKOFF.fullmatch(mapping["backoff"]) if isinstance(mapping["backoff"], str) else None
        if found is None:
            text = f"backoff is such as '>=100ms', not {shown(mapping['backoff'])}"
            raise FormError(text, mapping, "backoff")
        backoff_ns = _duration(found[1], "backoff", mapping)
    within_ns = _duration(mapping["within"], "within", mapping)
    return Answers(read_pattern(mapping["after"]), read_pattern(mapping["expect"]), within_ns, backoff_ns)


def _only(mapping: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    if unknown := [key for key in mapping if key not in keys]:
        raise FormError(f"{keys[0]!r} goes without {shown(unknown[0])}; {nearest(unknown[0], keys)}", mapping)
    return mapping


def _count(given: object, mapping: Mapping[str, Any]) -> tuple[str, int]:
    found = _TIMES.fullmatch(f"{given}") if isinstance(given, str | int) and not isinstance(given, bool) else None
    if found is None:
        raise FormError(f"times is such as '==1' or '>=2', not {shown(given)}", mapping, "times")
    sign, count = found[1] or "==", int(found[2])
    if (sign, count) in ((">=", 0), ("<", 0)):
        what = "always" if sign == ">=" else "never"
        raise FormError(f"times {sign}{count} is {what} so", mapping, "times")
    return sign, count


def _duration(given: object, name: str, mapping: Mapping[str, Any]) -> int:
    try:
        span_ns = parse_duration(given) if isinstance(given, str) else 0
    except ValueError as error:
        raise FormError(f"{name}: {error}", mapping, name) from None
    if span_ns <= 0:
        raise FormError(f"{name} is a duration such as 250ms, 2s or 1h, not {shown(given)}", mapping, name)
    return span_ns


def _holds(got: int, sign: str, count: int) -> bool:
    return {
        "==": got == count,
        ">=": got >= count,
        "<=": got <= count,
        ">": got > count,
        "<": got < count,
    }[sign]


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count} times")


def _span(span_ns: int) -> str:
    """A duration, to the millisecond where it is longer than that."""
    milli = UNITS["ms"]
    return format_duration(span_ns if span_ns < milli else span_ns // milli * milli)
