"""More faults of requests: what their answers claim to be, when they come, and what time the venue believes it is.

What this module does not do: wait, or shift a clock; whoever carries out a `Fate` does.
"""

from __future__ import annotations

import re
from typing import Final

import attrs
from attrs.validators import ge

from mockserver.faces.base import HttpResponse
from mockserver.faults.kinds import MS, Answering, Kind
from mockserver.faults.refusals import Site

SECOND: Final = 1_000 * MS
_OBJECT: Final = re.compile(rb'\{(?=\s*")')


@attrs.frozen(kw_only=True)
class GzipLie(Answering):
    """The answer says that it is packed, and is not."""

    on_socket = False

    def answer(self, given: HttpResponse | None, site: Site) -> HttpResponse:
        """See `Answering`."""
        assert given is not None  # it is handled
        return attrs.evolve(given, headers=(*given.headers, ("content-encoding", "gzip")))


@attrs.frozen(kw_only=True)
class AnswerAddField(Answering):
    """Every object of the answer has a field that nobody knows."""

    field: str = "zzNovel"

    def answer(self, given: HttpResponse | None, site: Site) -> HttpResponse:
        """See `Answering`."""
        assert given is not None  # it is handled
        return attrs.evolve(given, body=_OBJECT.sub(f'{{"{self.field}":"novelty",'.encode(), given.body))


@attrs.frozen(kw_only=True)
class EventBeforeRest(Kind):
    """The answer is late by so much, so that the events of what it asked for come first."""

    seam = "request"
    delay_ns: int = attrs.field(default=50 * MS, validator=ge(0))


@attrs.frozen(kw_only=True)
class RestAfterTerminal(Kind):
    """The answer to an order comes after that order has ended, and no later than `within`."""

    seam = "request"
    within_ns: int = attrs.field(default=5 * SECOND, validator=ge(0))


@attrs.frozen(kw_only=True)
class StaleSnapshot(Kind):
    """The answer shows things as they were so long ago, while the stream does not lag."""

    seam = "request"
    lag_ns: int = attrs.field(default=2 * SECOND, validator=ge(0))


@attrs.frozen(kw_only=True)
class ClockSkew(Kind):
    """The venue believes that it is so much later (or, below zero, earlier): its `/time`, and what is in time."""

    seam = "request"
    by_ns: int = 60 * SECOND
