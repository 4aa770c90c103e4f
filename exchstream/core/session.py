"""THE state machine of one account: what happened goes in, what to do comes out.

    Started ──► needs (markets, credential) ──► dial every lane ──► prove ──► look back ──► GapClosed: live
                                                    ▲                                          │
                                                    └── lost, silent, expired, retired ◄───────┤
                                                                    audit, doubt ──► look back ┘

There is one gap path: start, a lost link, an expired key, a failed audit and a doubt all open the same gap, and the
same look-back closes it.  Facts are told as they come, in a gap or not; the verdict comes last.

The Session has no socket, clock, sleep or chance (design: G1-G6 are decided here and in the parts it is made of).  It
is handed one happening at a time and answers with commands; `wake_at_ns` is when it wants to hear `Woken`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import MAX_EMAX, MIN_EMIN, Context, getcontext, setcontext
from difflib import get_close_matches
from typing import Final

import attrs

from exchstream.core.asks import Asked, Asks, Purpose
from exchstream.core.audit import AUDITED, Audit
from exchstream.core.backoff import Backoff
from exchstream.core.balances import Balances as BalanceSheet
from exchstream.core.beginning import Beginning
from exchstream.core.doubts import Doubts
from exchstream.core.gaps import Gaps
from exchstream.core.happenings import (
    Answered,
    Clocked,
    Close,
    Command,
    Connected,
    Emit,
    Happening,
    Lost,
    MeasureClock,
    Now,
    Obey,
    Overflowed,
    Range,
    Received,
    Started,
    Stop,
    Unanswered,
    Unclocked,
    Woken,
)
from exchstream.core.ledger import Ledger
from exchstream.core.links import Link, Links, Phase
from exchstream.core.lookback import LookBack, Verdict
from exchstream.core.state import Checkpoint, Restored, Status
from exchstream.core.teller import Teller
from exchstream.core.tenure import Tenure
from exchstream.core.venue import (
    MINUTE,
    SECOND,
    Accepted,
    CredentialGone,
    CredentialIs,
    Doubt,
    Evidence,
    FillView,
    Holdings,
    MarketList,
    Markets,
    Meaning,
    Memory,
    More,
    Moved,
    OrderView,
    Proof,
    Question,
    Refusal,
    Refused,
    RenewCredential,
    Resubscribe,
    Retire,
    Secret,
    Snapshot,
    Strange,
    Throttle,
    Traced,
    Unreachable,
    Venue,
)
from exchstream.events import GapReason
from exchstream.model import Market

UNNAMED: Final = "trades before the start on symbols that nobody has named cannot be asked for: name them (symbols=)"
# Sums of the venue's numbers, which have at most 40 digits, must not depend on the context of the user's own thread.
EXACT: Final = Context(prec=100, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


@attrs.define
class Session:
    """One account's protocol.  `since_ns`: from when on facts are wanted (None: from the start of the stream)."""

    venue: Venue
    since_ns: int | None = None
    restored: Restored | None = None
    backoff: Backoff = attrs.field(init=False)
    wake_at_ns: int | None = attrs.field(default=None, init=False)
    memory: Memory = attrs.field(factory=Memory, init=False)
    ledger: Ledger = attrs.field(init=False)
    links: Links = attrs.field(init=False)
    sheet: BalanceSheet = attrs.field(factory=BalanceSheet, init=False)
    good_ns: int = attrs.field(default=0, init=False)
    down: bool = attrs.field(default=False, init=False)
    _audit: Audit = attrs.field(init=False)
    _asks: Asks = attrs.field(factory=Asks, init=False)
    _reload_ns: int = attrs.field(default=0, init=False)
    _tenure: Tenure = attrs.field(init=False)
    _lag_ns: int = attrs.field(init=False)
    _trouble: str | None = attrs.field(default=None, init=False)
    _beginning: Beginning = attrs.field(init=False)
    _clock_cleared: bool = attrs.field(default=False, init=False)
    _ahead_ns: int | None = attrs.field(default=None, init=False)
    _unclocked: int = attrs.field(default=0, init=False)
    _only_facts: bool = attrs.field(default=False, init=False)
    _teller: Teller = attrs.field(init=False)
    _gaps: Gaps = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        plan, limits, host = self.venue.plan, self.venue.session_limits, self.venue.host_limits
        self._lag_ns = plan.lag_ns
        self._beginning = Beginning(self.since_ns, self.restored, plan.lag_ns)
        self._tenure = Tenure(self.memory)
        self.backoff = Backoff(
            base_ns=limits.retry_base_ns, cap_ns=limits.retry_cap_ns, stable_ns=limits.retry_stable_ns
        )
        self.ledger = Ledger(floor_ns=0, tolerance=plan.tolerance, double_entry=plan.tells_orders and plan.tells_fills)
        # What the shell does between the word and an open socket, each step as long as it may take.
        dial_ns = host.time_wait_ns + host.budget_wait_ns + self.venue.link_limits.open_ns
        self.links = Links(plan.lanes, self.backoff, dial_ns, limits.drain_ns)
        self._audit = Audit(
            plan=plan, limits=limits, ledger=self.ledger, sheet=self.sheet, next_ns=None, lag_ns=plan.lag_ns
        )
        self._teller = Teller(self.venue, self.memory, self.ledger, self.sheet)
        self._gaps = Gaps(self._teller, Doubts(self.ledger, plan.audit.grace_ns))

    # ------------------------------------------------------------------------------------------------ in and out

    def handle(self, happening: Happening, now: Now) -> list[Command]:
        """What to do about this happening.  Events come in one `Emit`, first: told before anything is sent.

        An `Emit` without events means that the checkpoint has moved: there is less to look back on after a restart.
        """
        if self.down:
            return []
        good_ns, self._only_facts = self.good_ns, True
        before = getcontext()
        setcontext(EXACT)  # `localcontext` would copy it, which takes as long as a short read
        try:
            commands = self._commands(happening, now)
        finally:
            setcontext(before)
        events = self._teller.take()
        return [Emit(events), *commands] if events or self.good_ns != good_ns else commands

    def _commands(self, happening: Happening, now: Now) -> list[Command]:
        commands = list(
            self._received(happening, now) if isinstance(happening, Received) else self._react(happening, now)
        )
        if any(isinstance(command, Stop) for command in commands):
            self.wake_at_ns = None
            return [Stop()]
        if not self._calm:
            commands += self._advance(now)
            self.wake_at_ns = self._wake_ns()
        return [Close(c.link, self._teller.clean_text(c.why)) if isinstance(c, Close) else c for c in commands]

    def expects(self, ask: int) -> bool:
        """False for a question whose answer nobody waits for any more: it need not be sent."""
        return ask in self._asks.out

    def checkpoint(self) -> Checkpoint:
        """What another process needs to go on from here, besides what was told; `gone` since the last call."""
        gap = self._gaps.told  # it may reach back to before what was proven, on symbols that came to light since
        return Checkpoint(
            good_ns=self.good_ns if gap is None else min(self.good_ns, gap.since_ns),
            floor_ns=self.ledger.floor_ns,
            guessed=self._beginning.guesses,
            balances=self.sheet.state(),
            gone=self.ledger.take_gone(),
            eras=dict(self._teller.epochs.eras),
            late=self._teller.late(),
        )

    def status(self) -> Status:
        """How the account stands.  Safe to call from another thread, which may see it in the middle of a change."""
        credential, gap, phase = self.memory.credential, self._gaps.told, self._phase()
        return Status(
            phase=phase,
            gap_since_ns=None if gap is None else gap.since_ns,
            good_ns=self.good_ns,
            reconnects=self.links.reconnects,
            duplicates=self.ledger.duplicates,
            fills_recovered=self._teller.recovered_fills,
            credential_renew_ns=None if credential is None else credential.renew_ns,
            last_error=None if phase == "live" else self._trouble,
            lag_ns=self._teller.lag_ns,
            fact_ns=self._teller.fact_ns,
            credential_since_ns=self._tenure.since_ns,
            credential_expires_ns=None if credential is None else credential.expires_ns,
        )

    def _phase(self) -> str:
        if self.down:
            return "down"
        if self._gaps.told is None and self._beginning.over:
            return "live"
        return "connecting" if self._gaps.lookback is None else "looking back"

    # ------------------------------------------------------------------------------------------------ happenings

    def _received(self, received: Received, now: Now) -> Iterator[Command]:
        if (link := self.links.live.get(received.link)) is None:
            return
        link.heard_ns = max(link.heard_ns, received.heard_ns)
        link.answered_ns = max(link.answered_ns, received.answered_ns)
        for meaning in self.venue.read(link.lane, received.frames, self.memory):
            if isinstance(meaning, (OrderView, FillView)):  # nearly all of the traffic: the link delivers
                link.evident = True
                self._watch_ids(meaning, now)
                self._gaps.fact(meaning, now, recovered=False)
            elif isinstance(meaning, Evidence):
                link.evident = True
            else:
                self._only_facts = False
                yield from self._from_link(link, meaning, now)
                if self.down:
                    return

    def _react(self, happening: Happening, now: Now) -> Iterator[Command]:
        self._only_facts = False
        match happening:
            case Answered(ask=number, reply=reply):
                if (asked := self._asks.take(number)) is not None:
                    yield from self._answered(asked, self.venue.answer(asked.question, reply, self.memory), now)
                elif (question := self._asks.dropped.pop(number, None)) is not None:  # it may say to stay away
                    for meaning in self.venue.answer(question, reply, self.memory):
                        if isinstance(meaning, Throttle):
                            yield from self._common(meaning, now)
            case Unanswered(ask=number, why=why):
                if (asked := self._asks.take(number)) is not None:
                    yield from self._again(asked, why, now)
            case Connected(link=number):
                if (link := self.links.live.get(number)) is not None:
                    yield from self._greet(link, now)
            case Lost(link=number, why=why, retry_after_ns=retry_after_ns):
                if (link := self.links.live.get(number)) is not None:
                    self.links.lose(link, now)
                    self._link_gone(link, GapReason.LOST, why, now)
                    if retry_after_ns is not None and link.lane in self.links.wanting() and self._ready(now):
                        yield self.links.dial(link.lane, now, self._tenure.value, retry_after_ns)
            case Overflowed(link=number):
                if (link := self.links.live.get(number)) is not None:
                    why = "no room for what it brought"
                    yield from self._end_link(link, GapReason.OVERFLOW, why, now)
                    self._open_gap(GapReason.OVERFLOW, why, now)  # whatever another link may tell
            case Started():
                self._start(now)
                yield MeasureClock()
            case Clocked(error_ns=error_ns):
                self._lag_ns = self.venue.plan.lag_ns + error_ns
                self._audit.allow(self._lag_ns)
                self._gaps.allow(self._lag_ns)
                self._turned_back(now)
                self._clocked(now)
            case Unclocked(why=why, fatal=True) if not self._beginning.knows_time:
                yield from self._die(Refused(why, Refusal.FATAL), now)  # nothing could ever be signed
            case Unclocked(why=why):
                self._trouble = self._teller.clean_text(why)
                yield from self._unknown_time(now)
            case Woken():
                yield from self._woken(now)

    def _start(self, now: Now) -> None:
        self._beginning = Beginning(self.since_ns, self.restored, self.venue.plan.lag_ns)  # the journal is read by now
        self.good_ns = self.ledger.floor_ns = self._beginning.begin(now)
        told_ns, restored = self._beginning.told_ns, self._beginning.restored
        if restored is not None:
            self.ledger.floor_ns = restored.checkpoint.floor_ns
            late = restored.checkpoint.late
            self._teller.symbols.update((symbol, late.get(symbol, 0)) for symbol in restored.symbols)
            self._recall(restored)
            self.sheet.restore(restored.checkpoint.balances, self.ledger.floor_ns)
            self._gaps.knows_orders = self.good_ns > self.ledger.floor_ns  # once, all of it was looked back on
        elif told_ns is not None and self._must_be_named and not self.venue.symbols:
            self._gaps.name("symbols", "*", UNNAMED)
        if told_ns is not None and not self._beginning.guesses:
            self._open_gap(GapReason.START, "", now)

    @property
    def _must_be_named(self) -> bool:
        """Whether a symbol that nobody trades on now is found only if somebody names it."""
        return self.venue.plan.fills.by_symbol and self.venue.plan.traces_reach_ns is None

    def _recall(self, restored: Restored) -> None:
        """Know what a former process told, as far as the venue still does."""
        eras = restored.checkpoint.eras
        self._teller.epochs.eras.update(eras)
        self._teller.epochs.recall(restored.orders)
        self.ledger.began.update((symbol, era.floor_ns) for symbol, era in eras.items() if era.floor_ns)
        self.ledger.restore(restored.orders, restored.entries)

    def _clocked(self, now: Now) -> None:
        """The venue's time is known; "from the start on" now means by the venue's clock, and not by this machine's.

        So the gap of the start is told only now, or told again if it was told too late an instant meanwhile.
        """
        if self._beginning.guesses:
            self.good_ns = self.ledger.floor_ns = start_ns = self._beginning.start_ns(now)
            if self._gaps.told is None:
                self._open_gap(GapReason.START, "", now)
            else:
                self._gaps.restamp(start_ns)
        if not self._beginning.over and self._gaps.told is not None and self._gaps.told.since_ns > now.wall_ns:
            self.good_ns = now.wall_ns
            self.ledger.floor_ns = min(self.ledger.floor_ns, now.wall_ns)
            self._gaps.restamp(now.wall_ns)
        self._beginning.knows_time = self._beginning.over = True

    def _turned_back(self, now: Now) -> None:
        """By the venue's clock it is earlier than it was: what was proven by its former time ended earlier, too.

        A little is what the allowance for a lag of the listings is for.
        """
        ahead_ns, self._ahead_ns = self._ahead_ns, now.wall_ns - now.mono_ns
        back_ns = 0 if ahead_ns is None else ahead_ns - self._ahead_ns
        if self._beginning.over and back_ns > self.venue.plan.lag_ns:
            floor_ns = self.ledger.floor_ns  # nothing from before that is told, so nothing can be proven
            self.good_ns = max(self.good_ns - back_ns, floor_ns)
            self.sheet.turned_back(back_ns)
            if self._gaps.told is not None:
                self._gaps.restamp(max(self._gaps.told.since_ns - back_ns, floor_ns))
            self._open_gap(GapReason.DOUBT, f"the venue's clock went back by {back_ns // SECOND} s", now)

    def _unknown_time(self, now: Now) -> Iterator[Command]:
        """The venue's clock could not be read: again, if nothing can be done before it is."""
        self._unclocked += 1
        if not self._beginning.over and self._gaps.told is None:
            self._open_gap(GapReason.START, "by this machine's clock: the venue's is not known yet", now)
        if not self._beginning.knows_time:
            yield MeasureClock(Range(*self.backoff.delay(self._unclocked)), anew=self._beginning.over)

    def _use_named(self, markets: Mapping[str, Market]) -> None:
        """Ask about the symbols that the user named, by the venue's name or the unified one; say which do not exist."""
        unified = {market.symbol: venue_symbol for venue_symbol, market in markets.items()}
        for name in self.venue.symbols:
            symbol = name if name in markets else unified.get(name)
            if symbol is not None:
                self._teller.named.add(symbol)
                self._teller.use(symbol, 0)
            else:
                near = get_close_matches(name.upper(), [*markets, *unified], 1)
                hint = f": did you mean {near[0]}?" if near else ""
                self._gaps.name("symbol", name, f"the venue has no market of this name{hint}")

    def _woken(self, now: Now) -> Iterator[Command]:
        for link, why in self.links.overdue(now):
            yield from self._end_link(link, GapReason.SILENT, why, now)
        if self._tenure.over(now):
            yield from self._credential_gone("it could not be renewed in time", now, None)
        for link in self.links.outlived(now):
            yield from self._end_link(link, GapReason.EXPIRED, "its key was replaced, and is over", now)
        for link in self.links.drained(now):
            yield from self._end_link(link, GapReason.SILENT, "replaced by a newer connection", now)
        yield from self.links.tend(now)
        if (spread := self._tenure.renewal(now)) is not None:
            yield self._asks.put(RenewCredential(), Purpose.RENEWAL, now, spread)
        if self._gaps.told is None and (doubt := self._gaps.doubts.overdue(now)) is not None:
            self._open_gap(GapReason.DOUBT, doubt.why, now)

    # ------------------------------------------------------------------------------------------------ links

    def _greet(self, link: Link, now: Now) -> Iterator[Command]:
        yield from self.links.greet(link, now, self.venue.greet(link.lane, self.memory, now.wall_ns))
        if link.lane.proof is Proof.OPEN and link.credential is not None:
            yield self._asks.put(RenewCredential(), Purpose.PROOF, now)

    def _end_link(self, link: Link, reason: GapReason, why: str, now: Now) -> Iterator[Command]:
        yield self.links.end(link, why, now)
        self._link_gone(link, reason, why, now)

    def _link_gone(self, link: Link, reason: GapReason, why: str, now: Now) -> None:
        """A lane that has no proven link left cannot be trusted from the last good instant on."""
        self._trouble = self._teller.clean_text(why)
        if (link.phase is Phase.PROVEN and not self.links.proven) or link.owes:
            self._open_gap(reason, why, now)

    @property
    def _calm(self) -> bool:
        """True where facts have come and nothing else, and they call for nothing: what is due is so at its time."""
        newest, markets = next(reversed(self._teller.symbols), None), self.memory.markets
        listed = newest is None or markets is None or newest in markets
        return self._only_facts and self._gaps.told is None and not self._gaps.doubts.waiting and listed

    def _from_link(self, link: Link, meaning: Meaning, now: Now) -> Iterator[Command]:
        """One meaning of a frame that is no fact."""
        match meaning:
            case Doubt():
                link.evident = True
                self._gaps.doubt(meaning, now)
            case Accepted(tag=tag):
                self._clock_cleared = False
                yield from self.links.accept(link, tag, now)
            case Refused():
                yield from self._refused_link(link, meaning, now)
            case Retire():
                self.links.retire(link, now)
            case Resubscribe(why=why):
                yield from self._resubscribe(link, why, now)
            case CredentialGone(why=why):
                yield from self._credential_gone(why, now, link.credential)
            case _:
                yield from self._common(meaning, now)

    def _resubscribe(self, link: Link, why: str, now: Now) -> Iterator[Command]:
        """Greet again on the same socket; a subscription that ends as soon as it has begun is dialled anew, later."""
        if link.phase is Phase.PROVEN and self.links.young(link, now):
            yield from self._end_link(link, GapReason.EXPIRED, why, now)
            return
        was_proven, link.phase = link.phase is Phase.PROVEN, Phase.GREETING
        if was_proven and not self.links.proven:
            self._open_gap(GapReason.EXPIRED, why, now)
        yield from self._greet(link, now)

    def _refused_link(self, link: Link, refused: Refused, now: Now) -> Iterator[Command]:
        if refused.how is Refusal.FATAL or (refused.how is Refusal.DUBIOUS and self._clock_cleared):
            yield from self._die(refused, now)
            return
        if refused.how is Refusal.DUBIOUS:  # nothing is dialled before the time is known anew
            self._clock_cleared, self._beginning.knows_time = True, False
        if refused.how in (Refusal.CLOCK, Refusal.DUBIOUS):
            yield MeasureClock(anew=True)
        if refused.tag is not None or link.phase is not Phase.PROVEN:
            yield from self._end_link(link, GapReason.LOST, refused.why, now)
        else:
            self._teller.strange(f"refusal: {refused.why}", b"", now)

    def _credential_gone(self, why: str, now: Now, dialled_with: Secret | None) -> Iterator[Command]:
        """A key is dead: the one in force, or (None: that one) the one that a link was dialled with."""
        if self._tenure.value is not None and dialled_with in (None, self._tenure.value):
            dialled_with = self._tenure.value
            self._tenure.end()
            self._asks.drop(Purpose.PROOF, Purpose.RENEWAL)
        if dialled_with is not None:  # said twice, it finds no link
            for link in [link for link in self.links.live.values() if link.credential == dialled_with]:
                yield from self._end_link(link, GapReason.EXPIRED, why, now)

    # ------------------------------------------------------------------------------------------------ answers

    def _answered(self, asked: Asked, meanings: list[Meaning], now: Now) -> Iterator[Command]:
        lookback = self._gaps.lookback if asked.purpose is Purpose.LOOK_BACK else None
        refusal = next((m for m in meanings if isinstance(m, Refused)), None)
        for meaning in meanings:
            if isinstance(meaning, FillView) and lookback is not None:
                lookback.hold(asked.question, meaning)
            elif asked.purpose is Purpose.AUDIT and isinstance(meaning, AUDITED):
                self._watch_ids(meaning, now)
                self._audit.heard(meaning)
            elif isinstance(meaning, Unreachable):
                if lookback is not None:
                    lookback.unreachable(asked.question, meaning.what, meaning.name, meaning.why)
            elif isinstance(meaning, More):
                self._owed(asked.purpose).add(meaning.question)
                yield self._asks.put(meaning.question, asked.purpose, now)
            elif meaning is not refusal:
                yield from self._common(meaning, now, again=False)
        if refusal is None:
            self._owed(asked.purpose).discard(asked.question)
        else:
            yield from self._refused(asked, refusal, lookback, now)
        self._gaps.tell_held(asked.question, now)

    def _refused(self, asked: Asked, refusal: Refused, lookback: LookBack | None, now: Now) -> Iterator[Command]:
        """A question was not answered: for good, or for now."""
        match refusal.how:
            case Refusal.FATAL:
                yield from self._die(refusal, now)
            case Refusal.GONE if lookback is not None:
                lookback.refused(asked.question, refusal.why)
            case Refusal.GONE if asked.purpose is Purpose.AUDIT:
                self._audit.refused(asked.question)
            case Refusal.MALFORMED if lookback is not None:
                lookback.give_up(asked.question, refusal.why)
            case Refusal.CLOCK if asked.purpose is Purpose.AUDIT:
                yield MeasureClock(anew=True)
                self._asks.drop(Purpose.AUDIT)
                if (blind := self._audit.put_off(refusal.why, now)) is not None:
                    self._open_gap(GapReason.AUDIT, blind.why, now, blind.since_ns)
            case _:
                if refusal.how is Refusal.CLOCK:
                    yield MeasureClock(anew=True)
                yield from self._again(asked, refusal.why, now)

    def _common(self, meaning: Meaning, now: Now, *, again: bool = True) -> Iterator[Command]:
        """What means the same whether a link or an answer said it (answers' facts were recovered).

        `again` is False where the same is asked for again and again, and the answer need be told only once.
        """
        match meaning:
            case OrderView() | FillView():
                self._watch_ids(meaning, now)
                self._gaps.fact(meaning, now, recovered=True)
            case CredentialIs():
                yield from self._credential_is(meaning, now)
            case CredentialGone(why=why):
                yield from self._credential_gone(why, now, None)
            case MarketList(markets=markets):
                first, self.memory.markets = self.memory.markets is None, markets
                if first:
                    self._use_named(markets)
            case Throttle():
                yield Obey(meaning)
            case Strange(what=what, raw=raw):
                self._teller.strange(what, raw, now, again=again)
            case Moved(asset=asset, amount=amount):
                self.sheet.shifted(asset, amount, now.wall_ns)
            case Snapshot() if self._gaps.lookback is not None:
                self._gaps.lookback.snapshot(meaning)
            case Holdings() if self._gaps.lookback is not None:
                self._gaps.lookback.holdings(meaning, now)
            case Traced(symbols=symbols) if self._gaps.lookback is not None:
                self._gaps.lookback.traced(symbols, now)
            case _:
                pass  # an answer to a look-back that has been given up: its facts would be asked for again

    def _credential_is(self, credential: CredentialIs, now: Now) -> Iterator[Command]:
        """A key for the first time, the same for longer, or another one: then its links move over to that."""
        old, old_expires_ns = self._tenure.value, self._tenure.expires_ns
        self._tenure.begin(credential, now)
        self._teller.clean(b"")  # so that no key is missed
        if old not in (None, credential.value):
            self._asks.drop(Purpose.PROOF, Purpose.RENEWAL)  # they are about the old one
            for link in [link for link in self.links.live.values() if link.credential == old]:
                if link.phase is not Phase.PROVEN:
                    yield from self._end_link(link, GapReason.EXPIRED, "the key was replaced", now)
                else:  # it may still tell something until its successor is proven, or may have gone deaf before
                    link.ends_ns = old_expires_ns
                    self.links.retire(link, now)
                    self._audit.hasten(now)
        for link in self.links.live.values():
            if link.credential == credential.value:
                link.renewed, link.ends_ns = True, None

    def _owed(self, purpose: Purpose) -> set[Question]:
        """The questions that whoever asked for this purpose still waits for."""
        if purpose is Purpose.LOOK_BACK and self._gaps.lookback is not None:
            return self._gaps.lookback.owed
        if purpose is Purpose.AUDIT and self._audit.look is not None:
            return self._audit.look.owed
        return set()

    def _again(self, asked: Asked, why: str, now: Now) -> Iterator[Command]:
        """No answer yet: later, unless nobody waits for it any more or it has been tried for too long."""
        self._trouble = self._teller.clean_text(why)
        asked.tries += 1
        give_up_ns = self.venue.plan.give_up_ns
        if asked.purpose is Purpose.AUDIT:  # the next look asks anew
            self._audit.unanswered(asked.question, why)
        elif (
            asked.purpose is Purpose.LOOK_BACK
            and self._gaps.lookback is not None
            and now.mono_ns - asked.first_ns >= give_up_ns
        ):
            self._gaps.lookback.give_up(asked.question, f"no answer for {give_up_ns // MINUTE} minutes: {why}")
        else:
            self._gaps.tell_held(None, now)  # the rest may be long in coming
            yield self._asks.again(asked, Range(*self.backoff.delay(asked.tries)))

    # ------------------------------------------------------------------------------------------------ gaps

    def _open_gap(self, reason: GapReason, detail: str, now: Now, doubted_ns: int | None = None) -> None:
        """From the last good instant on facts may be missing, or even from an earlier one on."""
        since_ns = min(self.good_ns, now.wall_ns) if self._beginning.over else self.good_ns
        if doubted_ns is not None:
            since_ns = min(since_ns, doubted_ns)
        self._gaps.open(since_ns, reason, detail, now)
        self._asks.drop(Purpose.LOOK_BACK, Purpose.AUDIT)
        self._audit.restart(self.good_ns, None)

    def _watch_ids(self, meaning: Meaning, now: Now) -> None:
        """An order with an id that it cannot have: the venue was wiped, and forgot all that it has told."""
        if self.venue.plan.wiped_ns is None or not isinstance(meaning, OrderView):
            return
        state = meaning.state
        if state.created_ns is None or not self._teller.epochs.begins(state, self.ledger.order(state.key)):
            return
        symbol, since_ns = state.key.venue_symbol, min(self.good_ns, now.wall_ns)
        lost = self.ledger.begin_anew(symbol, state.created_ns)
        self._teller.epochs.follow(symbol, self.ledger.began[symbol])
        self.sheet.forget()
        self._open_gap(GapReason.WIPED, f"the ids of {symbol} began anew", now)
        for key in lost:
            self._gaps.name("order", f"{symbol}:{key.order_id}", "it ended when the venue was wiped")
        span = f"{since_ns}..{state.created_ns} {symbol}"
        self._gaps.name("span", span, "the venue was wiped: what happened before cannot be asked for")

    def _close_gap(self, verdict: Verdict, now: Now) -> None:
        self._gaps.close(verdict, now)
        if not verdict.gave_up:  # else the next look-back begins where this one did
            self._proven_until(verdict.until_ns)
        self._trouble = None
        self._audit.restart(self.good_ns, now.mono_ns + self._beat_ns())

    def _proven_until(self, instant_ns: int) -> None:
        """Everything up to this instant has been told: what is older cannot be listed again."""
        self.good_ns = max(self.good_ns, instant_ns)
        self._teller.epochs.settle(self.good_ns)
        self.ledger.settle(self.good_ns - 2 * self._lag_ns)

    def _die(self, refused: Refused, now: Now) -> Iterator[Command]:
        self._gaps.tell_held(None, now)
        self._teller.down(refused)
        self.down = True
        yield Stop()

    # ------------------------------------------------------------------------------------------------ what is next

    def _advance(self, now: Now) -> list[Command]:
        """Whatever the state as a whole calls for now."""
        commands: list[Command] = list(self._prepare(now))
        if self._gaps.told is not None and self.links.proven:
            commands += self._look_back(now)
        elif self._gaps.told is None:
            commands += self._audit_beat(now)
        return commands

    def _ready(self, now: Now) -> bool:
        return self._beginning.knows_time and not self.venue.needs(self.memory, now.wall_ns)

    def _prepare(self, now: Now) -> Iterator[Command]:
        """Ask for what dialling needs, then dial the lanes that want it; read the markets again for a new symbol."""
        wanting = self.links.wanting()
        if wanting and self._beginning.knows_time:
            needs = self.venue.needs(self.memory, now.wall_ns)
            asked = self._asks.pending(Purpose.NEED)
            yield from (self._asks.put(question, Purpose.NEED, now) for question in needs if question not in asked)
            if not needs:
                yield from (self.links.dial(lane, now, self._tenure.value) for lane in wanting)
        markets = self.memory.markets
        newest = next(reversed(self._teller.symbols), None)
        unknown = markets is not None and newest is not None and newest not in markets
        if unknown and now.mono_ns >= self._reload_ns and Markets() not in self._asks.pending(Purpose.NEED):
            self._reload_ns = now.mono_ns + self.venue.session_limits.reload_ns
            yield self._asks.put(Markets(), Purpose.NEED, now)

    def _look_back(self, now: Now) -> Iterator[Command]:
        questions, verdict = self._gaps.look_back(now, self._lag_ns)
        yield from (self._asks.put(question, Purpose.LOOK_BACK, now) for question in questions)
        if verdict is not None:
            self._close_gap(verdict, now)

    def _beat_ns(self) -> int:
        audit = self.venue.plan.audit
        return audit.every_ns if self.links.evident else audit.fast_ns

    def _audit_beat(self, now: Now) -> Iterator[Command]:
        audit = self._audit
        if audit.look is None and audit.next_ns is not None and now.mono_ns >= audit.next_ns:
            questions = audit.begin(now, list(self._teller.symbols))
            yield from (self._asks.put(question, Purpose.AUDIT, now) for question in questions)
        if (look := audit.look) is None or look.owed:
            return
        found = audit.answered(now, self._beat_ns())
        if found is None and audit.first is None and None not in look.failed:
            self._gaps.looks.append(look.asked.wall_ns)
        self._proven_until(audit.proven_ns(list(self._teller.symbols)))
        if found is not None:
            self._open_gap(GapReason.AUDIT, found.why, now, found.since_ns)
            # A link that is up and does not tell is worth nothing: listen anew, then look back.
            for link in [] if found.blind else list(self.links.live.values()):
                yield self.links.end(link, "the audit found what it had not told", now)
            yield from self._prepare(now)

    def _wake_ns(self) -> int | None:
        instants = list(self.links.wake_ns())
        if self._gaps.lookback is not None and self._gaps.lookback.next_ns is not None and not self._gaps.lookback.owed:
            instants.append(self._gaps.lookback.next_ns)
        if self._gaps.told is None:
            instants += [due_ns for due_ns in (self._audit.next_ns,) if due_ns is not None]
            instants += self._gaps.doubts.wake_ns()
        instants += self._tenure.wake_ns()
        return min(instants, default=None)
