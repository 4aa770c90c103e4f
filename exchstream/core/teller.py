"""Turns facts into events: what is news is told once, scrubbed of credentials, under the unified symbol.

It holds the ledger's hand: a fact enters the ledger and the balance sheet here, and is told only if it was news (G2,
G3).  It knows nothing of links, gaps or questions.
"""

from __future__ import annotations

from typing import Final

import attrs
from msgspec.structs import replace

from exchstream.core.balances import Balances
from exchstream.core.epochs import Epochs
from exchstream.core.happenings import Now
from exchstream.core.ledger import Ledger
from exchstream.core.scrub import needles, scrub, scrub_cut
from exchstream.core.venue import CredentialIs, FillView, Memory, OrderView, Refused, Secret, Venue
from exchstream.events import AccountDown, Event, Fill, GapClosed, GapOpened, GapReason, OrderUpdate, Unrecognized
from exchstream.model import Execution, FillKind, Market, OrderKey, OrderState

# More than any venue lists; beyond it the one unused for longest is let go, and with it leaves the verdicts' scope.
MAX_SYMBOLS: Final = 20_000
MAX_KEYS: Final = 4  # listen keys that are looked for in what is told: the newest, and those that it has replaced
MAX_STRANGE: Final = 200  # rows of answers that were told raw, so that they are not told each time they are asked for


@attrs.define
class Teller:
    """What one account has to tell.

    `symbols` are those it was ever told of, the most recently used last, and since when all on them has been told;
    those of them that the user `named` stay.
    `lag_ns` is how old the last live fact was when it came, at `fact_ns`.
    """

    venue: Venue
    memory: Memory
    ledger: Ledger
    sheet: Balances
    epochs: Epochs = attrs.field(init=False)
    symbols: dict[str, int] = attrs.field(factory=dict)
    named: set[str] = attrs.field(factory=set)
    recovered_facts: int = 0
    recovered_fills: int = 0
    lag_ns: int | None = None
    fact_ns: int | None = None
    _strange: dict[tuple[str, bytes], None] = attrs.field(factory=dict)
    _untold: list[Event] = attrs.field(factory=list)
    _venue_name: str = attrs.field(init=False)
    _account: str = attrs.field(init=False)
    _secrets: tuple[bytes, ...] = attrs.field(init=False, repr=False)
    _credential: CredentialIs | None = attrs.field(default=None, init=False)
    _keys: tuple[Secret, ...] = attrs.field(default=(), init=False)
    _cleaned: tuple[bytes, bytes] = attrs.field(default=(b"", b""), init=False)

    def __attrs_post_init__(self) -> None:
        self._venue_name, self._account = self.venue.name, self.venue.account
        self._secrets = needles(self.venue.secrets)
        self.epochs = Epochs(self.venue.plan)

    def take(self) -> tuple[Event, ...]:
        """The events since the last time, in their order."""
        events = tuple(self._untold)
        self._untold.clear()
        return events

    # ------------------------------------------------------------------------------------------------ facts

    def order(self, view: OrderView, now: Now, *, recovered: bool) -> OrderState | None:
        """Enter one look at an order; tell it if it changed what is known, and return what is known then."""
        state = self.ledger.view(view.state, live=not recovered)
        if state is None:
            return None
        symbol = state.key.venue_symbol
        self.use(symbol, now.wall_ns)
        if self.venue.plan.tells_orders:
            self.recovered_facts += recovered
            if not recovered and view.state.updated_ns is not None:
                self.lag_ns, self.fact_ns = now.wall_ns - view.state.updated_ns, now.wall_ns
            market = self._market(symbol)
            self._untold.append(
                OrderUpdate(
                    venue=self._venue_name,
                    account=self._account,
                    symbol=None if market is None else market.symbol,
                    received_ns=now.wall_ns,
                    recovered=recovered,
                    raw=self.clean(view.raw),
                    epoch=self.epochs.number(symbol),
                    state=state,
                )
            )
        return state

    def fill(self, view: FillView, now: Now, *, recovered: bool) -> OrderKey | None:
        """Enter one execution; tell it unless it is a repeat, or REST brings it from before this stream.

        Returns whose it was, None for a repeat.
        """
        execution = view.execution
        fresh = self.ledger.fill(execution, live=not recovered)
        if fresh is None:
            return None
        symbol = execution.venue_symbol
        order, market = OrderKey(symbol, execution.order_id), self._market(symbol)
        if execution.kind is FillKind.TRADE:
            execution = self._of_its_kind(execution, order)
        self.sheet.executed(execution, market, now.wall_ns)
        self.use(symbol, now.wall_ns)
        if fresh and self.venue.plan.tells_fills:
            self.recovered_facts += recovered
            self.recovered_fills += recovered
            if not recovered:
                self.lag_ns, self.fact_ns = now.wall_ns - execution.time_ns, now.wall_ns
            self._untold.append(
                Fill(
                    venue=self._venue_name,
                    account=self._account,
                    symbol=None if market is None else market.symbol,
                    received_ns=now.wall_ns,
                    recovered=recovered,
                    raw=self.clean(view.raw),
                    epoch=self.epochs.number(symbol),
                    execution=execution,
                )
            )
        return order

    def _of_its_kind(self, execution: Execution, key: OrderKey) -> Execution:
        """Listings of executions may not say why one happened, where their order does."""
        order = self.ledger.order(key)
        return execution if order is None or order.fill_kind is None else replace(execution, kind=order.fill_kind)

    def _market(self, venue_symbol: str) -> Market | None:
        markets = self.memory.markets
        return None if markets is None else markets.get(venue_symbol)

    def use(self, venue_symbol: str, now_ns: int) -> None:
        """Remember the symbol as the one used last; one that is new is known of from now on."""
        if next(reversed(self.symbols), None) != venue_symbol:  # asked each time: look-backs add and drop symbols too
            since_ns = self.symbols.pop(venue_symbol, now_ns)
            if len(self.symbols) >= MAX_SYMBOLS:
                del self.symbols[next(name for name in self.symbols if name not in self.named)]
            self.symbols[venue_symbol] = since_ns

    def late(self) -> dict[str, int]:
        """The symbols that came to light after the holdings last agreed: they may have moved them before that."""
        agreed_ns = self.sheet.agreed_since(self.ledger.floor_ns)
        return {symbol: since_ns for symbol, since_ns in self.symbols.items() if since_ns > agreed_ns}

    # ------------------------------------------------------------------------------------------------ the rest

    def strange(self, what: str, raw: bytes, now: Now, *, again: bool = True) -> None:
        """Tell what we have no word for, raw; not `again` if the same has been told (of the last MAX_STRANGE)."""
        if not again:
            key = (what, raw)
            if key in self._strange:
                return
            if len(self._strange) >= MAX_STRANGE:
                del self._strange[next(iter(self._strange))]
            self._strange[key] = None
        self._untold.append(
            Unrecognized(
                venue=self._venue_name,
                account=self._account,
                what=self.clean_text(what),
                raw=self.clean(raw),
                received_ns=now.wall_ns,
            )
        )

    def gap_opened(self, since_ns: int, reason: GapReason, detail: str) -> GapOpened:
        """Tell that facts may be missing from this instant on."""
        gap = GapOpened(
            venue=self._venue_name,
            account=self._account,
            since_ns=since_ns,
            reason=reason,
            detail=self.clean_text(detail),
        )
        self._untold.append(gap)
        return gap

    def gap_closed(self, closed: GapClosed) -> None:
        """Tell the verdict; the reasons in it may be the venue's own words."""
        named = tuple(replace(u, name=self.clean_text(u.name), why=self.clean_text(u.why)) for u in closed.unresolved)
        self._untold.append(replace(closed, unresolved=named))

    def down(self, refused: Refused) -> None:
        """Tell that the account has ended."""
        self._untold.append(
            AccountDown(
                venue=self._venue_name,
                account=self._account,
                reason=refused.down,
                detail=self.clean_text(refused.why),
            )
        )

    def clean(self, raw: bytes) -> bytes:
        """`raw` without any credential that may be live; of a message with two facts the same bytes, cleaned once."""
        if self.memory.credential is not self._credential:
            self._credential, self._cleaned = self.memory.credential, (b"", b"")
            if self._credential is not None:
                value = self._credential.value
                self._keys = (*(key for key in self._keys if key != value), value)[-MAX_KEYS:]
            self._secrets = needles((*self.venue.secrets, *self._keys))
        before, after = self._cleaned
        if raw is not before:
            after = scrub(raw, self._secrets)
            self._cleaned = (raw, after)
        return after

    def clean_text(self, text: str) -> str:
        """`text` without any live credential, or what is left of one that was cut off."""
        self.clean(b"")  # with the credential of now
        return scrub_cut(text.encode(errors="replace"), self._secrets).decode(errors="replace")
