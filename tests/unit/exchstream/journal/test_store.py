"""The journal's file: what it keeps, whatever is committed in whatever batches and however it ends; what it lets go."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Final

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from exchstream.core.balances import BalanceState
from exchstream.core.ledger import Entry
from exchstream.core.state import Checkpoint
from exchstream.core.venue import DAY, MINUTE, SECOND, Holdings
from exchstream.errors import JournalError, SlowConsumer
from exchstream.events import Event, Fill, GapClosed, OrderUpdate, Scope
from exchstream.journal import file as file_module
from exchstream.journal import store as module
from exchstream.journal.file import PAGE_SIZE
from exchstream.journal.records import at_ns
from exchstream.journal.store import AHEAD, CHUNK, Batch, Durability, Retention, Store
from exchstream.model import End, FillKey, OrderKey, OrderKind, OrderState

from .told import (
    SYMBOL,
    T0,
    WHOSE,
    batch,
    checkpoint,
    everything,
    exact,
    fill,
    gap,
    left_by_a_kill,
    placed,
    tell,
    update,
)

KEEP_ALL: Final = Retention(10**18, 10**12)
DURABILITIES: Final[tuple[Durability, ...]] = ("normal", "full", "relaxed")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where no journal is yet."""
    return tmp_path / "orders.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A new journal."""
    made = Store(path)
    yield made
    made.close()


def positions(store: Store) -> list[int]:
    """Where there are records."""
    return [event.position for event in everything(store)]


# ------------------------------------------------------------------------------------------------ the law


@attrs.define
class Model:
    """What a journal must know, in plain values."""

    records: dict[int, tuple[str, Event]] = attrs.field(factory=dict)
    fills: dict[tuple[str, FillKey], Fill] = attrs.field(factory=dict)
    open: dict[tuple[str, OrderKey], OrderState] = attrs.field(factory=dict)
    ended: dict[tuple[str, OrderKey], OrderState] = attrs.field(factory=dict)
    symbols: dict[str, dict[str, None]] = attrs.field(factory=dict)
    checkpoints: dict[str, Checkpoint] = attrs.field(factory=dict)
    readers: dict[str, int] = attrs.field(factory=dict)
    last: int = 0

    def commit(self, brought: Batch) -> list[int]:
        """The same as the store does, and the positions that were told before."""
        refused = []
        for account, event in brought.events:
            self.last = event.position
            if isinstance(event, Fill) and (account, event.execution.key) in self.fills:
                refused.append(event.position)
                continue
            self.records[event.position] = account, event
            if isinstance(event, Fill | OrderUpdate):
                used = self.symbols.setdefault(account, {})
                used.pop(event.venue_symbol, None)
                used[event.venue_symbol] = None
            if isinstance(event, Fill):
                self.fills[account, event.execution.key] = event
            elif isinstance(event, OrderUpdate):
                key = account, event.state.key
                self.open.pop(key, None)
                self.ended.pop(key, None)
                (self.open if event.state.end is None else self.ended)[key] = event.state
        for account, told in brought.checkpoints.items():
            self.checkpoints[account] = told
            for gone in told.gone:
                self.open.pop((account, gone), None)
        self.readers |= brought.readers
        return refused


IDS = st.sampled_from("123")
NAMES = st.sampled_from(["a", "b"])
LATER = st.integers(0, 20 * MINUTE)
EVENTS = st.one_of(
    st.builds(
        fill, IDS, IDS, symbol=st.sampled_from([SYMBOL, "ETHUSDT"]), quantity=st.sampled_from(["0.1", "2"]), at_ns=LATER
    ),
    st.builds(
        update,
        IDS,
        end=st.none() | st.sampled_from(End),
        filled=st.sampled_from(["0", "0.1"]),
        symbol=st.sampled_from([SYMBOL, "ETHUSDT"]),
        kind=st.sampled_from(OrderKind),
        at_ns=LATER,
    ),
    st.builds(gap, LATER),
)
KEYS = st.builds(OrderKey, st.just(SYMBOL), IDS, st.sampled_from(OrderKind))
CHECKPOINTS = st.builds(
    Checkpoint,
    good_ns=LATER,
    floor_ns=st.integers(0, 9),
    balances=st.builds(
        BalanceState,
        baseline=st.none() | st.just(Holdings({"BTC": Decimal("1.50")})),
        moved=st.dictionaries(st.sampled_from(["BTC", "USDT"]), st.decimals(-9, 9, places=2)),
    ),
    gone=st.lists(KEYS, max_size=2).map(tuple),
)
BATCHES = st.builds(
    Batch,
    events=st.lists(st.tuples(NAMES, EVENTS), max_size=6),
    checkpoints=st.dictionaries(NAMES, CHECKPOINTS, max_size=2),
    readers=st.dictionaries(st.sampled_from(["stream", "bot"]), st.integers(0, 20), max_size=2),
)
# How the process ends before the next batch, if it does: by itself, or killed.
ENDS = st.sampled_from([None, None, "closed", "killed"])


@settings(max_examples=60)
@given(st.lists(st.tuples(BATCHES, ENDS), max_size=6), st.sampled_from(DURABILITIES))
def test_what_was_committed_is_there(story: Sequence[tuple[Batch, str | None]], durability: Durability) -> None:
    """Batches in whatever form, closed or killed in between: all of it, in order, and each fill once."""
    model = Model()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.db"
        store = Store(path, durability)
        for number, (brought, end) in enumerate(story):
            if end == "closed":
                store.close()
                store = Store(path, durability)
                assert store.last == model.last
            elif end == "killed":
                path = left_by_a_kill(path, Path(folder) / str(number))
                store.close()
                store = Store(path, durability)
                assert model.last <= store.last <= model.last + AHEAD
                assert durability == "relaxed" or store.last == model.last
                model.last = store.last
            placed((event for _, event in brought.events), store.last)
            assert model.commit(brought) == store.commit(brought)
            agree(model, store)
        store.close()
        store = Store(path, durability)
        agree(model, store)
        store.close()


def agree(model: Model, store: Store) -> None:
    """The store knows what the model knows."""
    assert [exact(event) for _, event in model.records.values()] == [exact(event) for event in everything(store)]
    assert model.readers == store.readers
    restored = store.restore(["a", "b", "never here"])
    assert model.checkpoints.keys() | {account for account, _ in model.records.values()} == restored.keys()
    told_ns = 0
    told = {}  # an event's time as far as the journal knows: it never goes back
    for position, (_, event) in model.records.items():
        told[position] = told_ns = max(told_ns, at_ns(event))
    for account, known in restored.items():
        expected = model.checkpoints.get(account, Checkpoint(good_ns=0, floor_ns=0, balances=BalanceState()))
        assert attrs.evolve(expected, gone=()) == known.checkpoint
        assert tuple(model.symbols.get(account, ())) == known.symbols
        since_ns = expected.good_ns - module.MARGIN_NS
        lately = [
            event for position, (name, event) in model.records.items() if name == account and told[position] >= since_ns
        ]
        working = {key: state for (name, key), state in model.open.items() if name == account}
        ended = {e.state.key: e.state for e in lately if isinstance(e, OrderUpdate)}
        ended = {key: state for key, state in ended.items() if state.end is not None and key not in working}
        assert working | ended == {state.key: state for state in known.orders}
        orders = {(key.venue_symbol, key.order_id) for key in working | ended if key.kind is OrderKind.ORDER}
        keys = {e.execution.key for e in lately if isinstance(e, Fill)}
        expected_entries = Counter(
            Entry(key, f.quantity, f.time_ns)
            for (name, key), f in model.fills.items()
            if name == account and (key in keys or (key.venue_symbol, key.order_id) in orders)
        )
        assert expected_entries == Counter(known.entries)
        assert sorted(entry.time_ns for entry in known.entries) == [entry.time_ns for entry in known.entries]


# ------------------------------------------------------------------------------------------------ repeats


def test_a_fill_is_told_once(store: Store) -> None:
    """Another position, another batch, the same batch: its key is the judge."""
    assert tell(store, fill("1"), fill("2"), fill("1")) == [3]
    assert tell(store, gap(), fill("2"), fill("3"), fill("3")) == [5, 7]
    assert positions(store) == [1, 2, 4, 6]
    assert store.last == 7


@pytest.mark.parametrize(
    "other",
    [fill("2"), fill("1", "2"), fill("1", symbol="ETHUSDT")],
    ids=["another trade", "the other side of a self-trade", "another market"],
)
def test_what_is_another_fill_is_told(store: Store, other: Fill) -> None:
    """A key is the market, the trade and the order, of one account."""
    assert tell(store, fill("1"), other) == []
    assert tell(store, fill("1"), account="b") == []


def test_what_a_verdict_was_about_is_asked_about_again(store: Store) -> None:
    """Also where nothing was ever told of a symbol; what was used is still the last."""
    scope = Scope(symbols=(SYMBOL, "ETHUSDT"), kinds=(OrderKind.ORDER,))
    verdict = GapClosed(**WHOSE, since_ns=T0, until_ns=T0, scope=scope, complete=True)
    tell(store, fill(), verdict)
    assert store.restore(["a"])["a"].symbols == ("ETHUSDT", SYMBOL)


def test_a_fill_is_known_long_after_its_record(store: Store) -> None:
    """Also after a restart."""
    tell(store, fill("1"), gap(T0 + 20 * MINUTE), good_ns=T0 + 20 * MINUTE)
    assert [store.trim(Retention(MINUTE, 10**12)) for _ in range(2)] == [True, False]
    assert positions(store) == [2]
    assert tell(store, fill("1", at_ns=T0 + 20 * MINUTE)) == [3]
    store.close()
    again = Store(store.path)
    assert tell(again, fill("1"), fill("2")) == [4]
    again.close()


# ------------------------------------------------------------------------------------------------ positions


def test_the_keys_of_fills_stay_small(store: Store) -> None:
    """Some 100 bytes each (docs/journal.md), by ids as long as the venues' own, and when all records have gone."""
    keys = 10_000
    fills = (fill(f"{7_840_180_920 + n}", f"{142_505_231_161 + n // 2}", quantity="0.00204000") for n in range(keys))
    tell(store, *fills, gap(T0 + 60 * MINUTE), good_ns=T0 + 60 * MINUTE)
    while store.trim(Retention(1, 10**12)):
        pass
    pages, free = (store._one(f"pragma {what}")[0] for what in ("page_count", "freelist_count"))
    assert len(everything(store)) == 1
    assert 50 < (pages - free) * PAGE_SIZE / keys < 120


def test_positions_go_on_after_refused_ones(store: Store) -> None:
    """The last one that was given counts, not the last one that has a record."""
    tell(store, fill("1"), fill("1"))
    store.close()
    again = Store(store.path)
    assert (again.last, again.floor) == (2, 0)
    again.close()


def test_positions_go_on_when_nothing_is_kept(store: Store) -> None:
    """Everything is let go, and the count goes on behind it."""
    tell(store, gap(T0), gap(T0 + 20 * MINUTE), good_ns=T0 + 20 * MINUTE)
    store.commit(batch([], T0 + 60 * MINUTE))
    store._at_ns += 60 * MINUTE
    while store.trim(Retention(1, 10**12)):
        pass
    assert everything(store) == []
    store.close()
    again = Store(store.path)
    assert (again.last, again.floor) == (2, 2)
    assert again.read(2, 10) == []
    again.close()


@pytest.mark.parametrize(
    ("durability", "reboot", "expected"),
    [
        ("normal", False, 2),
        ("normal", True, AHEAD),
        ("relaxed", False, AHEAD),
        ("relaxed", True, AHEAD),
        ("full", False, 2),
        ("full", True, 2),
    ],
)
def test_a_position_that_may_have_been_seen_is_not_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durability: Durability, reboot: bool, expected: int
) -> None:
    """After a kill (and a power cut) the count goes on behind what may have been shown and lost."""
    store = Store(tmp_path / "orders.db", durability)
    assert (0 if durability == "full" else AHEAD) == store.reserved
    tell(store, gap(), gap())
    left = left_by_a_kill(store.path, tmp_path / "left")
    store.close()
    if reboot:
        monkeypatch.setattr(module, "this_boot", lambda: "another start")
    again = Store(left, durability)
    actual = again.last
    tell(again, gap())
    assert [1, 2, actual + 1] == positions(again)
    again.close()
    assert expected == actual


def test_without_a_word_about_the_start_of_the_machine_it_is_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then positions stay unused rather than be given twice."""
    monkeypatch.setattr(file_module, "BOOT", tmp_path / "nowhere")
    store = Store(tmp_path / "orders.db")
    tell(store, gap())
    left = left_by_a_kill(store.path, tmp_path / "left")
    store.close()
    again = Store(left)
    assert again.last == AHEAD
    again.close()


@pytest.mark.parametrize("durability", ["normal", "relaxed"])
def test_what_is_shown_is_reserved_before(tmp_path: Path, durability: Durability) -> None:
    """The reservation runs ahead of the positions that are given."""
    store = Store(tmp_path / "orders.db", durability)
    for number in (AHEAD // 2 - 1, 3, AHEAD, 2 * AHEAD):
        events = placed([gap() for _ in range(number)], store.last)
        store.commit(batch(events))
        assert store.reserved >= store.last + AHEAD // 2
    store.close()


@pytest.mark.parametrize("durability", ["normal", "full", "relaxed"])
def test_what_a_power_cut_must_not_take_waits_for_the_disk(path: Path, durability: Durability) -> None:
    """With "full" all of it; else the first words about an account, and what is reserved."""
    store = Store(path, durability)
    waited = []
    for events in (1, 1, AHEAD // 2, 1):
        tell(store, *(gap() for _ in range(events)))
        (synchronous,) = store._one("pragma synchronous")
        waited.append(synchronous == 2)  # FULL: https://sqlite.org/pragma.html#pragma_synchronous
    store.close()
    assert waited == [True, durability == "full", True, durability == "full"]


def test_after_a_failed_commit_what_is_reserved_stays(path: Path) -> None:
    """What was shown in relaxed mode may be lost now, though the process ends by itself."""
    store = Store(path, "relaxed")
    store._db.execute("pragma max_page_count = 1")
    with pytest.raises(JournalError, match="full"):
        tell(store, *(gap() for _ in range(2_000)))
    store.close()
    again = Store(path)
    assert again.last == AHEAD
    again.close()


# ------------------------------------------------------------------------------------------------ failures


def test_a_full_disk_changes_nothing(store: Store) -> None:
    """What was there stays, what came is refused as a whole; with room again it is taken, accounts and all."""
    tell(store, fill("1"))
    (pages,) = store._one("pragma page_count")
    store._db.execute(f"pragma max_page_count = {pages}")
    events = placed([fill(str(number)) for number in range(2, 2_000)], store.last)
    with pytest.raises(JournalError, match="full"):
        store.commit(batch(events, account="another", readers={"bot": 1}))
    assert positions(store) == [1]
    assert (store.last, store.readers, store.restore(["another"])) == (1, {}, {})
    store._db.execute("pragma max_page_count = 100000")
    assert store.commit(batch(events, account="another", readers={"bot": 1})) == []
    assert store.last == 1_999
    assert len(store.restore(["another"])["another"].entries) == 1_998


@pytest.mark.parametrize(
    "event",
    [fill("\ud800"), fill(at_ns=2**64), replace(fill(), received_ns=2**64)],
    ids=["no text", "no time", "no time of ours"],
)
def test_what_no_file_can_hold_is_refused(store: Store, event: Event) -> None:
    """As a JournalError, and all of the batch."""
    with pytest.raises(JournalError):
        tell(store, gap(), event)
    assert everything(store) == []
    assert tell(store, gap(), fill()) == []


# ------------------------------------------------------------------------------------------------ letting go


def test_records_are_let_go_by_age(store: Store) -> None:
    """What is older than that by the venues' clocks, once everybody has passed it and no restart needs it."""
    events = [gap(T0 + number * MINUTE) for number in range(61)]
    tell(store, *events, good_ns=T0 + 60 * MINUTE)
    store.trim(Retention(30 * MINUTE, 10**12))
    assert store.floor == 30
    assert [exact(event) for event in events[30:]] == [exact(event) for event in everything(store)]


def test_what_a_restart_needs_is_kept(store: Store) -> None:
    """However short the records are to be kept: from a little before the last proof on."""
    tell(store, *(gap(T0 + number * MINUTE) for number in range(61)), good_ns=T0 + 40 * MINUTE)
    store.trim(Retention(1, 10**12))
    assert store.floor == 40 - module.MARGIN_NS // MINUTE
    store.close()
    again = Store(store.path)
    again.restore(["a"])
    again.trim(Retention(1, 10**12))
    assert store.floor == again.floor
    again.close()


def test_the_slowest_reader_is_waited_for(store: Store) -> None:
    """What a named reader has not acknowledged stays, though it is old."""
    events = placed([gap(T0 + number * MINUTE) for number in range(61)])
    store.commit(batch(events, T0 + 60 * MINUTE, readers={"bot": 50, "slow": 5}))
    store.trim(Retention(MINUTE, 10**12))
    assert store.floor == 5
    store.commit(batch([], T0 + 60 * MINUTE, readers={"slow": 70}))
    store.trim(Retention(MINUTE, 10**12))
    assert store.floor == 50
    store.close()
    again = Store(store.path)
    assert again.readers == {"bot": 50, "slow": 70}
    again.close()


def test_a_file_that_is_too_large_waits_for_nobody(store: Store) -> None:
    """A tenth at a time, the oldest first, until it is small enough; the file itself grows no more."""
    for start in range(0, 5_000, 500):
        events = placed([gap(T0 + start + number) for number in range(500)], store.last)
        store.commit(batch(events, readers={"slow": 0}))
    store.trim(KEEP_ALL)
    assert store.floor == 0
    size = 200_000
    while store.trim(Retention(10**18, size)):
        pass
    (pages,), (free,) = store._one("pragma page_count"), store._one("pragma freelist_count")
    assert (pages - free) * 4_096 <= size
    assert 0 < store.floor < store.last
    with pytest.raises(SlowConsumer) as caught:
        store.read(0, 10)
    assert (0, store.floor) == (caught.value.position, caught.value.resume_after)
    assert store.read(store.floor, 1)[0].position == store.floor + 1
    tell(store, *(gap() for _ in range(500)))
    assert (pages,) == store._one("pragma page_count")


def test_it_lets_go_in_small_steps(store: Store) -> None:
    """So that no commit waits for long."""
    total = 2 * CHUNK + 10
    tell(store, *(gap(T0) for _ in range(total)), gap(T0 + 60 * MINUTE), good_ns=T0 + 60 * MINUTE)
    steps = []
    more = True
    while more:
        steps.append(store.floor)
        more = store.trim(Retention(MINUTE, 10**12))
    assert [0, CHUNK, 2 * CHUNK, total] == steps


def test_positions_without_a_record_are_not_missed(store: Store) -> None:
    """The floor is what was let go, not where the first record is: behind it stood a repeat."""
    tell(store, fill("1"), fill("1"), gap(T0 + 60 * MINUTE), good_ns=T0 + 60 * MINUTE)
    store.trim(Retention(MINUTE, 10**12))
    assert store.floor == 2
    store.close()
    again = Store(store.path)
    assert again.floor == 2
    assert positions(again) == [3]
    again.close()


def test_a_reader_that_is_overtaken_while_it_reads_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is let go between its look at the floor and its look at the records is not passed over in silence."""
    tell(store, *(gap(T0 + number * MINUTE) for number in range(61)), good_ns=T0 + 60 * MINUTE)
    real = store._reading

    class Slow:
        """Another thread trims before the records are read."""

        def execute(self, sql: str, parameters: Sequence[object]) -> sqlite3.Cursor:
            store.trim(Retention(30 * MINUTE, 10**12))
            return real.execute(sql, parameters)

    monkeypatch.setattr(store, "_reading", Slow())
    with pytest.raises(SlowConsumer):
        store.read(0, 10)
    monkeypatch.undo()


# ------------------------------------------------------------------------------------------------ restoring


def test_orders_that_were_let_go_do_not_come_back(store: Store) -> None:
    """The venue did not know them any more; one that was told again since is open."""
    gone = OrderKey(SYMBOL, "1"), OrderKey(SYMBOL, "2")
    tell(store, update("1"), update("2"), update("3"))
    store.commit(Batch(checkpoints={"a": checkpoint(T0, *gone)}))
    tell(store, update("2", filled="0.1"))
    actual = sorted(state.key.order_id for state in store.restore(["a"])["a"].orders)
    assert actual == ["2", "3"]


def test_old_fills_of_open_orders_are_restored(store: Store) -> None:
    """Their sum must balance; those of other old orders, and of algo orders' own ids, need not."""
    day = 24 * 60 * MINUTE
    tell(store, update("1", at_ns=T0), fill("1", "1", at_ns=T0), fill("2", "2", at_ns=T0))
    tell(store, update("2", kind=OrderKind.ALGO, at_ns=T0), gap(T0 + day), good_ns=T0 + day)
    restored = store.restore(["a"])["a"]
    assert [Entry(FillKey(SYMBOL, "1", "1"), Decimal("0.1"), T0)] == list(restored.entries)
    assert len(restored.orders) == 2


def test_old_fills_of_an_order_that_ended_lately_are_restored(store: Store) -> None:
    """Also where its last word does not count them."""
    tell(store, fill("1", "1", at_ns=T0), gap(T0 + 60 * MINUTE))
    tell(store, update("1", end=End.CANCELED, at_ns=T0 + 60 * MINUTE), good_ns=T0 + 60 * MINUTE)
    assert len(store.restore(["a"])["a"].entries) == 1


def test_orders_that_ended_lately_are_restored(store: Store) -> None:
    """A look-back may list them again; those from long before it cannot be."""
    margin = module.MARGIN_NS
    tell(store, update("1", end=End.FILLED, at_ns=T0), update("2", end=End.CANCELED, at_ns=T0 + SECOND))
    store.commit(batch([], T0 + SECOND + margin))
    (state,) = store.restore(["a"])["a"].orders
    assert (state.key.order_id, state.end) == ("2", End.CANCELED)


def test_of_orders_that_ended_lately_the_newest_are_restored(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as a ledger keeps, by their last words, the oldest first; and each of an account for itself."""
    monkeypatch.setattr(module, "MAX_CLOSED", 1)
    monkeypatch.setattr(module, "MAX_ENDED", 2)
    tell(store, *(update(str(number), end=End.CANCELED) for number in range(1, 6)))
    tell(store, update("1", end=End.FILLED, filled="0.1"), update("6"))
    tell(store, update("7", end=End.CANCELED), account="b")
    restored = store.restore(["a", "b"])
    assert [(state.key.order_id, state.end) for state in restored["a"].orders] == [
        ("4", End.CANCELED),
        ("5", End.CANCELED),
        ("1", End.FILLED),
        ("6", None),
    ]
    assert [state.key.order_id for state in restored["b"].orders] == ["7"]


def test_it_may_be_closed_twice(store: Store) -> None:
    """The second time nothing happens."""
    store.close()
    store.close()
    with pytest.raises(JournalError, match="closed"):
        store.read(0, 1)


def test_another_account_under_a_known_name_is_refused(tmp_path: Path) -> None:
    """Its orders and fills would be mixed up with the old one's; a new key is handed over on purpose."""
    path = tmp_path / "orders.db"
    with closing(Store(path)) as store:
        store.recognise({"a": "one"})
        store.commit(Batch(checkpoints={"a": Checkpoint(good_ns=1, floor_ns=1, balances=BalanceState())}))
    with closing(Store(path)) as store:
        store.recognise({"a": "one", "b": "two"})
        with pytest.raises(JournalError, match=r"under another key: .* exchstream journal handover .* a$"):
            store.recognise({"a": "two"})
        with pytest.raises(JournalError, match="no account 'c'; it has a"):
            store.hand_over("c")
        store.hand_over("a")
    with closing(Store(path)) as store:
        store.recognise({"a": "two"})
        with pytest.raises(JournalError, match="another key"):
            store.recognise({"a": "one"})


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_was_ahead_at_the_start_keeps_nothing_for_longer(path: Path, *, restarted: bool) -> None:
    """What was told by the machine's clock is dated anew once the venue's is known: so old records go all the same."""
    store = Store(path)
    ahead = attrs.evolve(checkpoint(T0 + 365 * DAY), guessed=True)
    (first,) = placed([gap(T0 + 365 * DAY)], store.last)
    store.commit(Batch([("a", first)], {"a": ahead}))
    if restarted:
        store.close()
        store = Store(path)
    for day in range(60):
        tell(store, fill(f"{day}", f"{day}", at_ns=T0 + day * DAY), good_ns=T0 + day * DAY)
    while store.trim(Retention(30 * DAY, 10**12)):
        pass
    assert store.floor == 30
    assert len(store.restore(["a"])["a"].entries) == 1
    store.close()
