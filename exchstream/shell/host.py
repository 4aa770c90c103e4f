"""What the accounts on one host share: its HTTP, its rate budget, its clock, and the answers that are the same for all.

A question waits for its turn and for the budget, is signed at the moment it goes out, and is then sent.  What an
answer means, and whether to ask again, is not decided here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final

import attrs
import trio

from exchstream.core.limits import HostLimits
from exchstream.core.ratelimit import Budget
from exchstream.core.venue import (
    SECOND,
    Bucket,
    Clock,
    Markets,
    Memory,
    Question,
    Refused,
    Reply,
    ServerTime,
    Throttle,
    Venue,
)
from exchstream.shell.clock import HostClock, Sample, mono_ns
from exchstream.shell.flight import Flight
from exchstream.shell.http import Http, Unanswered

# The market list is the same for every account, and large.
_SHARED: Final = (Markets,)
_CLOSE_NS: Final = SECOND


class Host:
    """One (venue name, REST address); `limits` are those of the account that came first."""

    def __init__(
        self,
        http: Http,
        buckets: Iterable[Bucket],
        *,
        limits: HostLimits | None = None,
        clock: HostClock | None = None,
    ) -> None:
        buckets, limits = tuple(buckets), limits or HostLimits()
        self.clock = clock or HostClock(limits)
        self.budget = Budget(buckets, percent=limits.budget_percent)
        self._http = http
        self._turns = {bucket.name: trio.Lock() for bucket in buckets}
        # No request is signed and then waits for a connection: it would go out with an old time.
        self._slots = trio.CapacityLimiter(http.limits.max_connections)
        self._shared_age_ns = limits.shared_age_ns
        self._shared: dict[Question, tuple[int, Reply]] = {}
        self._flights: dict[Question, Flight[Reply]] = {}

    async def ask(self, venue: Venue, question: Question, memory: Memory) -> Reply:
        """The venue's answer to the question of this account; `Reply.asked_ns` and `got_ns` are the venue's UTC then.

        Waits as long as the budget or a ban demands.  Raises Unanswered when there is no answer, ConfigError when the
        request cannot be sent as it is.
        """
        if not isinstance(question, Clock):
            await self.keep_time(venue, memory)
        if not isinstance(question, _SHARED):
            return (await self._sent(venue, question, memory))[0]
        self._shared = {key: kept for key, kept in self._shared.items() if mono_ns() < kept[0] + self._shared_age_ns}
        if question in self._shared:
            return self._shared[question][1]
        flight = self._flights.setdefault(question, Flight())
        return await flight.run(lambda: self._fetched(venue, question, memory))

    async def spend(self, bucket: str, weight: int) -> None:
        """Wait until the budget of all accounts on this host has room for something that is no question: a dial."""
        async with self._turns[bucket]:
            await self._granted(bucket, weight)

    async def keep_time(self, venue: Venue, memory: Memory) -> None:
        """Measure the clock if that is due: an offset that is old, or none, is better than no question or link."""
        if self.clock.due:
            with suppress(Unanswered):
                await self.measure_clock(venue, memory)

    async def measure_clock(self, venue: Venue, memory: Memory) -> None:
        """Measure the host's clock anew; calls at one time share one measurement.  Raises Unanswered."""
        await self.clock.measure(lambda: self._sample(venue, memory))

    def obey(self, throttle: Throttle) -> None:
        """Take in what the venue said of its limits, for all accounts."""
        self.budget.obey(throttle, self.clock.now())

    def stay_away(self, for_ns: int) -> None:
        """The host asked for it, of all accounts, when one of them was dialled."""
        now = self.clock.now()
        self.budget.obey(Throttle("", until_ns=now.wall_ns + for_ns), now)

    async def _fetched(self, venue: Venue, question: Question, memory: Memory) -> Reply:
        reply, _ = await self._sent(venue, question, memory)
        if reply.status == 200:
            self._shared[question] = (mono_ns(), reply)
        return reply

    async def _sample(self, venue: Venue, memory: Memory) -> Sample:
        reply, sent_ns = await self._sent(venue, Clock(), memory)
        got_ns = mono_ns()
        meanings = venue.answer(Clock(), reply, memory)
        for meaning in meanings:
            if isinstance(meaning, Throttle):
                self.obey(meaning)
        for meaning in meanings:
            if isinstance(meaning, ServerTime):
                return Sample(sent_ns, got_ns, meaning.time_ns)
        refused = next((meaning for meaning in meanings if isinstance(meaning, Refused)), None)
        raise Unanswered(f"{venue.name} does not say what time it is: HTTP {reply.status}", refused)

    async def _sent(self, venue: Venue, question: Question, memory: Memory) -> tuple[Reply, int]:
        """The answer, and the monotonic time at which the question went out."""
        plan = venue.request(question, memory, self.clock.now().wall_ns)  # for its bucket and weight alone
        async with self._turn(plan.bucket, plan.weight):
            now = self.clock.now()
            request = venue.request(question, memory, now.wall_ns)
            reply = await self._http.ask(request, venue.rest_url)
            got_ns = now.wall_ns + mono_ns() - now.mono_ns  # by the same clock, though it may be measured meanwhile
        return attrs.evolve(reply, asked_ns=now.wall_ns, got_ns=got_ns), now.mono_ns

    async def _granted(self, bucket: str, weight: int) -> None:
        """Wait until the budget has booked this; the caller stands first in the bucket's queue."""
        granted = False
        while not granted:
            now_ns = mono_ns()
            until_ns = self.budget.reserve(bucket, weight, now_ns)
            granted = until_ns <= now_ns
            await trio.sleep(max(0, until_ns - now_ns) / SECOND)

    @asynccontextmanager
    async def _turn(self, bucket: str, weight: int) -> AsyncIterator[None]:
        """Wait in the bucket's queue for a connection and for room in the budget; the connection is kept meanwhile."""
        async with self._turns[bucket]:
            await self._slots.acquire_on_behalf_of(token := object())
            granted = False
            try:
                await self._granted(bucket, weight)
                granted = True
            finally:
                if not granted:
                    self._slots.release_on_behalf_of(token)
        try:
            yield
        finally:
            self._slots.release_on_behalf_of(token)

    async def aclose(self) -> None:
        """Close all connections, also when cancelled."""
        with trio.move_on_after(_CLOSE_NS / SECOND, shield=True):
            await self._http.aclose()
