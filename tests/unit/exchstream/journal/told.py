"""Events of the kinds that a journal treats differently, and files as a killed process leaves them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from msgspec.structs import asdict

from exchstream.core.balances import BalanceState
from exchstream.core.state import Checkpoint
from exchstream.core.venue import MINUTE, SECOND
from exchstream.events import Event, Fill, GapOpened, GapReason, OrderUpdate, place
from exchstream.journal.store import Batch, Store
from exchstream.model import Cumulative, End, Execution, OrderKey, OrderKind, OrderState, Side, Stage, Term

T0: Final = 1_795_000_000 * SECOND
SYMBOL: Final = "BTCUSDT"
WHOSE: Final[dict[str, Any]] = {"venue": "toy", "account": "main"}


def gap(at_ns: int = T0) -> GapOpened:
    """An event that is no fact."""
    return GapOpened(**WHOSE, since_ns=at_ns, reason=GapReason.LOST)


def fill(trade: str = "1", of: str = "1", *, symbol: str = SYMBOL, quantity: str = "0.1", at_ns: int = T0) -> Fill:
    """An execution."""
    execution = Execution(
        venue_symbol=symbol,
        trade_id=trade,
        order_id=of,
        side=Side.BUY,
        price=Decimal(100),
        quantity=Decimal(quantity),
        time_ns=at_ns,
    )
    return Fill(**WHOSE, symbol="BTC/USDT", received_ns=at_ns, raw=b"{}", execution=execution)


def update(
    of: str = "1",
    *,
    end: End | None = None,
    filled: str = "0",
    symbol: str = SYMBOL,
    kind: OrderKind = OrderKind.ORDER,
    at_ns: int = T0,
) -> OrderUpdate:
    """An order's state."""
    state = OrderState(
        key=OrderKey(symbol, of, kind),
        stage=Stage.NEW,
        end=end,
        cumulative=Cumulative(Decimal(filled)),
        price=Term(Decimal(100), at_ns, 7),
        updated_ns=at_ns,
    )
    return OrderUpdate(**WHOSE, symbol="BTC/USDT", received_ns=at_ns, raw=b"{}", state=state)


def placed(events: Iterable[Event], after: int = 0) -> list[Event]:
    """The events at the positions after this one."""
    found = list(events)
    place(found, after)
    return found


def checkpoint(good_ns: int = T0, *gone: OrderKey) -> Checkpoint:
    """A checkpoint that proves everything told until then."""
    return Checkpoint(good_ns=good_ns, floor_ns=T0 - MINUTE, balances=BalanceState(agreed_ns=good_ns), gone=gone)


def batch(
    events: Sequence[Event], good_ns: int = T0, *, account: str = "a", readers: Mapping[str, int] | None = None
) -> Batch:
    """What one transaction brings of one account."""
    return Batch([(account, event) for event in events], {account: checkpoint(good_ns)}, readers or {})


def tell(store: Store, *events: Event, good_ns: int = T0, account: str = "a") -> list[int]:
    """Commit these events, at the next positions, in one batch."""
    return store.commit(batch(placed(events, store.last), good_ns, account=account))


def everything(store: Store) -> list[Event]:
    """All that can be read."""
    return store.read(store.floor, 1_000_000)


def exact(event: Event) -> object:
    """All that is known of an event, the versions of an order's terms too (which `==` does not look at)."""
    fields = asdict(event)
    return type(event), fields | ({"state": asdict(event.state)} if isinstance(event, OrderUpdate) else {})


def left_by_a_kill(path: Path, to: Path) -> Path:
    """The journal as it would be found, had its process been killed in this moment."""
    to.mkdir(exist_ok=True)
    for end in ("", "-wal"):
        source = Path(f"{path}{end}")
        if source.exists():
            shutil.copyfile(source, to / source.name)
    return to / path.name
