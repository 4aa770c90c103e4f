"""The questions that are out: for whom each was asked, how often it was tried, and which answers nobody waits for."""

from __future__ import annotations

from enum import Enum
from typing import Final

import attrs

from exchstream.core.happenings import NO_DELAY, Ask, Now, Range
from exchstream.core.venue import Question

MAX_DROPPED: Final = 1_000  # questions that nobody waits for any more; beyond it the oldest is forgotten


class Purpose(Enum):
    """Who waits for the answer."""

    NEED = "need"  # dialling cannot begin without it
    PROOF = "proof"  # a lane that never acknowledges is proven by it
    RENEWAL = "renewal"  # the credential's life
    LOOK_BACK = "look-back"
    AUDIT = "audit"


@attrs.define
class Asked:
    """One question that is out."""

    question: Question
    purpose: Purpose
    first_ns: int
    tries: int = 0


@attrs.define
class Asks:
    """All questions that are out, by number.  A number that is not here is not waited for.

    Of those that were `dropped` an answer may come all the same: what it says of the venue itself is still true.
    """

    out: dict[int, Asked] = attrs.field(factory=dict)
    dropped: dict[int, Question] = attrs.field(factory=dict)
    _last: int = 0

    def put(self, question: Question, purpose: Purpose, now: Now, delay: Range = NO_DELAY) -> Ask:
        """Ask a new question."""
        return self._send(Asked(question, purpose, now.mono_ns), delay)

    def again(self, asked: Asked, delay: Range) -> Ask:
        """Ask the same question once more, later."""
        return self._send(asked, delay)

    def take(self, number: int) -> Asked | None:
        """The question that this number's answer belongs to, None if nobody waits for it."""
        return self.out.pop(number, None)

    def drop(self, *purposes: Purpose) -> None:
        """Wait no longer for the answers to these."""
        kept = {number: asked for number, asked in self.out.items() if asked.purpose not in purposes}
        self.dropped |= {number: asked.question for number, asked in self.out.items() if number not in kept}
        for oldest in list(self.dropped)[:-MAX_DROPPED]:
            del self.dropped[oldest]
        self.out = kept

    def pending(self, purpose: Purpose) -> set[Question]:
        """The questions that are out for this purpose."""
        return {asked.question for asked in self.out.values() if asked.purpose is purpose}

    def _send(self, asked: Asked, delay: Range) -> Ask:
        self._last += 1
        self.out[self._last] = asked
        return Ask(self._last, asked.question, delay)
