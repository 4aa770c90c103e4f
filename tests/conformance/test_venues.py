"""Every venue in the tree keeps the rules for venues, and the suite sees each rule broken."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from msgspec.structs import replace

from exchstream.core.venue import (
    SECOND,
    Accepted,
    Address,
    AuditPlan,
    Bucket,
    Clock,
    CredentialIs,
    Doubt,
    Fills,
    FillView,
    Markets,
    Meaning,
    Memory,
    More,
    NewCredential,
    OpenOrders,
    OrderById,
    OrderView,
    Question,
    Refusal,
    Refused,
    RenewCredential,
    Reply,
    Request,
    Secret,
    Strange,
    Traces,
    Venue,
)
from exchstream.core.venue import Balances as BalancesQuestion
from exchstream.model import Cumulative, OrderKey, OrderKind, OrderState
from exchstream.testing import RULES, Samples, check_venue
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.ftx import Ftx

FIXTURES: Final = Path(__file__).parents[1] / "fixtures"
KEY: Final = "canaryKeyCanaryKeyCanaryKeyCanaryKeyCanaryKeyCanaryKeyCanaryKey1"
SECRET: Final = "canarySecretCanarySecretCanarySecretCanarySecretCanarySecretCan1"
LISTEN_KEY: Final = b'{"listenKey":"canaryListenCanaryListenCanaryListenCanaryListenCanaryListen12"}'
TIME: Final = b'{"serverTime":1795000000000}'
ORDER, ALGO = OrderKind.ORDER, OrderKind.ALGO


def read(path: str) -> str:
    return (FIXTURES / path).read_text().strip()


def rows(*texts: str) -> bytes:
    return f"[{','.join(texts)}]".encode()


# --- the venues ------------------------------------------------------------------------------------------------------

SPOT_EVENTS: Final = [
    read(f"binance_spot/{name}.json")
    for name in (
        "execution_report_all_fields",
        "execution_report_canceled",
        "execution_report_expired",
        "execution_report_new_limit",
        "execution_report_trade_1",
        "balance_update",
        "outbound_account_position",
        "list_status",
        "external_lock_update",
        "event_stream_terminated",
        "server_shutdown",
    )
]
SPAN: Final = (1_499_000_000 * SECOND, 1_500_000_000 * SECOND)
SPOT_ANSWERS: Final[list[tuple[Question, bytes]]] = [
    (Clock(), TIME),
    (Markets(), read("binance_spot/exchange_info.json").encode()),
    (OpenOrders(ORDER), rows(read("binance_spot/order_query.json"))),
    (OrderById(OrderKey("LTCBTC", "1")), read("binance_spot/order_query.json").encode()),
    (BalancesQuestion(), read("binance_spot/account.json").encode()),
    (Fills("BNBBTC", *SPAN), read("binance_spot/my_trades.json").encode()),
    (Fills("BNBBTC", *SPAN, cursor="0:i99"), b"[]"),
]
KEYED: Final[list[tuple[Question, bytes]]] = [(NewCredential(), LISTEN_KEY), (RenewCredential(), b"{}")]
FUTURES_EVENTS: Final = [
    read(f"binance_futures/{name}.json")
    for name in (
        "order_trade_update_all_fields",
        "order_trade_update_canceled",
        "order_trade_update_new",
        "trade_lite",
        "algo_update_canceled",
        "algo_update_new_live",
        "account_update_live",
        "account_config_update_leverage",
        "margin_call",
        "grid_update",
        "strategy_update",
        "conditional_order_trigger_reject",
        "listen_key_expired",
    )
]
LINEAR: Final = (
    b'{"symbols":[{"symbol":"BTCUSDT","contractType":"PERPETUAL","deliveryDate":4133404800000,"baseAsset":"BTC",'
    b'"quoteAsset":"USDT","marginAsset":"USDT","filters":[{"filterType":"LOT_SIZE","stepSize":"0.001"}]}]}'
)
FUTURES_ANSWERS: Final[list[tuple[Question, bytes]]] = [
    (Clock(), TIME),
    (Markets(), LINEAR),
    *KEYED,
    (OpenOrders(ORDER), rows(read("binance_futures/order_query.json"))),
    (OpenOrders(ALGO), b"[]"),
    (OrderById(OrderKey("BTCUSDT", "1917641")), read("binance_futures/order_query.json").encode()),
    (BalancesQuestion(), b'[{"symbol":"BTCUSDT","positionAmt":"0.001","positionSide":"BOTH"}]'),
    (Fills("BTCUSDT", *SPAN), read("binance_futures/user_trades.json").encode()),
    (Traces(*SPAN), b'[{"symbol":"BTCUSDT","incomeType":"COMMISSION","income":"-0.01","asset":"USDT"}]'),
]
FTX_FRAMES: Final = [
    *(read(f"ftx/ws_{name}.json") for name in ("fill_perp", "order_cancelled", "order_market_filled", "order_new")),
    *(read(f"ftx/ws_{name}.json") for name in ("info_20001", "error_not_logged_in")),
]
FTX_ANSWERS: Final[list[tuple[Question, bytes]]] = [
    (question, f'{{"success":true,"result":{result},"hasMoreData":false}}'.encode())
    for question, result in (
        (Clock(), '"2022-10-10T10:10:10.123456+00:00"'),
        (Markets(), f"[{read('ftx/rest_market_perp.json')},{read('ftx/rest_market_spot_2020.json')}]"),
        (OpenOrders(ORDER), f"[{read('ftx/rest_order_open_row.json')}]"),
        (OrderById(OrderKey("BTC-PERP", "78441353101")), read("ftx/rest_order_open_row.json")),
        (Fills(None, *SPAN), f"[{read('ftx/rest_fill_maker_rebate.json')},{read('ftx/rest_fill_otc.json')}]"),
    )
]


def binance_accepts(tag: str) -> Sequence[str]:
    return [json.dumps({"id": tag, "status": 200, "result": {"subscriptionId": 0}})]


def ftx_accepts(tag: str) -> Sequence[str]:
    return [json.dumps({"type": "subscribed", "channel": tag})]


def ed25519() -> str:
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


HMAC: Final[dict[str, Any]] = {"api_key": KEY, "api_secret": SECRET}
SPOT: Final = Samples(
    frames={"user-data": SPOT_EVENTS},
    answers=SPOT_ANSWERS,
    symbol="BTCUSDT",
    noticed_ns=60 * SECOND,
    accept=binance_accepts,
)
BARE: Final = [json.dumps(json.loads(text).get("event", json.loads(text))) for text in SPOT_EVENTS]
CLASSIC: Final = attrs.evolve(SPOT, frames={"user-data": BARE}, answers=[*SPOT_ANSWERS, *KEYED], accept=None)
WRAPPED: Final = attrs.evolve(
    SPOT,
    frames={"user-data": [json.dumps({"subscriptionId": 0, "event": json.loads(text)}) for text in BARE]},
)
FUTURES: Final = Samples(
    frames={"user-data": FUTURES_EVENTS}, answers=FUTURES_ANSWERS, symbol="BTCUSDT", noticed_ns=90 * SECOND
)
FTX: Final = Samples(
    frames={"private": FTX_FRAMES}, answers=FTX_ANSWERS, symbol="BTC-PERP", noticed_ns=90 * SECOND, accept=ftx_accepts
)
VENUES: Final[Mapping[str, tuple[Callable[[], Venue], Samples]]] = {
    "spot": (lambda: BinanceSpot(**HMAC), WRAPPED),
    "spot-allocations": (lambda: BinanceSpot(**HMAC, allocations=True, symbols=("BTCUSDT",)), WRAPPED),
    "spot-ed25519": (lambda: BinanceSpot(api_key=KEY, private_key=ed25519()), WRAPPED),
    "spot-logon": (lambda: BinanceSpot(api_key=KEY, private_key=ed25519(), logon=True), WRAPPED),
    "spot-testnet": (lambda: BinanceSpot(**HMAC, environment="testnet"), WRAPPED),
    "spot-listen-key": (lambda: BinanceSpot(**HMAC, user_data="listen-key"), CLASSIC),
    "futures": (lambda: BinanceFutures(**HMAC), FUTURES),
    "futures-testnet": (lambda: BinanceFutures(**HMAC, environment="testnet"), FUTURES),
    "ftx": (lambda: Ftx(**HMAC), FTX),
    "ftx-us-subaccount": (lambda: Ftx(**HMAC, domain="ftx.us", subaccount="mm desk"), FTX),
    "ftx-fills": (lambda: Ftx(**{**HMAC, "channels": {"fills"}}), FTX),
    "ftx-orders": (lambda: Ftx(**{**HMAC, "channels": {"orders"}}), FTX),
}


@pytest.mark.parametrize("name", VENUES)
def test_venue(name: str) -> None:
    """This venue keeps every rule."""
    make, samples = VENUES[name]
    check_venue(make(), samples)


# --- the suite -------------------------------------------------------------------------------------------------------


class Broken:
    """FTX, with some of its attributes replaced."""

    def __init__(self, **replaced: Any) -> None:
        self._venue = Ftx(**HMAC)
        self._replaced = replaced

    def __getattr__(self, name: str) -> Any:
        return self._replaced[name] if name in self._replaced else getattr(self._venue, name)


GOOD: Final = Ftx(**HMAC)
PLAN: Final = GOOD.plan
LANE: Final = PLAN.lanes[0]


def with_plan(**changed: Any) -> Broken:
    return Broken(plan=attrs.evolve(PLAN, **changed))


def with_lane(**changed: Any) -> Broken:
    return with_plan(lanes=(attrs.evolve(LANE, **changed),))


def asking(**changed: Any) -> Broken:
    """Every request differs from the right one in these fields."""
    return Broken(request=lambda *given: attrs.evolve(GOOD.request(*given), **changed))


def told_also(method: str, *more: Meaning) -> Broken:
    """`read` or `answer` also say this, whenever they understand something."""

    def say(*given: Any) -> list[Meaning]:
        told: list[Meaning] = getattr(GOOD, method)(*given)
        return told if any(isinstance(meaning, Strange | Refused | Accepted) for meaning in told) else [*told, *more]

    return Broken(**{method: say})


def raising(*given: Any) -> Any:
    raise KeyError("surprise")


def only_for(method: str, wrong: Callable[..., Any], when: Callable[..., bool]) -> Broken:
    """The method is wrong for some arguments."""
    right = getattr(GOOD, method)
    return Broken(**{method: lambda *given: wrong(*given) if when(*given) else right(*given)})


def garbled(lane: object, frames: Sequence[Any], memory: Memory) -> bool:
    return any(frame == b"\xff\xfe\x00" for frame in frames)


def order_of(filled: Decimal) -> OrderView:
    return OrderView(OrderState(key=OrderKey("A", "1"), cumulative=Cumulative(filled)))


def counted() -> Callable[..., list[Meaning]]:
    """A venue that remembers how often it was asked."""
    asked: list[None] = []

    def say(*given: Any) -> list[Meaning]:
        asked.append(None)
        told = GOOD.read(*given)
        understood = not any(isinstance(meaning, Strange) for meaning in told)
        return [*told, Doubt(f"number {len(asked)}")] if understood else told

    return say


def remembering(question: Question, reply: Reply, memory: Memory) -> list[Meaning]:
    told = GOOD.answer(question, reply, memory)
    memory.credential = CredentialIs(Secret("x" * 60), 0, 0, 0)
    return told


def unwell(status: int, how: Refusal) -> Callable[..., list[Meaning]]:
    def say(question: Question, reply: Reply, memory: Memory) -> list[Meaning]:
        return [Refused("no", how)] if reply.status == status else GOOD.answer(question, reply, memory)

    return say


class Shown(Broken):
    """Its repr shows the key."""

    def __repr__(self) -> str:
        return f"Shown({KEY})"


class Loud(Request):
    """A request that shows its headers."""

    def __repr__(self) -> str:
        return f"{self.method} {self.headers}"


def loud(*given: Any) -> Request:
    request = GOOD.request(*given)
    return Loud(request.method, request.target, request.headers)


SLOW_AUDIT: Final = AuditPlan(every_ns=100 * SECOND, fast_ns=SECOND, grace_ns=10 * SECOND)
HASTY_AUDIT: Final = AuditPlan(every_ns=SECOND, fast_ns=SECOND, grace_ns=SECOND)
NOTHING_FAST: Final = AuditPlan(every_ns=SECOND, fast_ns=0, grace_ns=10 * SECOND)
BROKEN: Final[list[tuple[str, Callable[[], Any]]]] = [
    ("V01", lambda: Broken(name="")),
    ("V01", lambda: Broken(account=None)),
    ("V01", lambda: Broken(identity=f"ftx-{KEY}")),
    ("V02", lambda: with_plan(lanes=())),
    ("V02", lambda: with_plan(lanes=(LANE, LANE))),
    ("V02", lambda: with_lane(name="")),
    ("V02", lambda: with_lane(silence_ns=LANE.heartbeat_ns)),
    ("V02", lambda: with_plan(kinds=())),
    ("V02", lambda: with_plan(tells_orders=False, tells_fills=False)),
    ("V03", lambda: with_plan(audit=SLOW_AUDIT)),
    ("V03", lambda: with_plan(audit=HASTY_AUDIT)),
    ("V03", lambda: with_plan(audit=NOTHING_FAST)),
    ("V04", lambda: Broken(buckets=())),
    ("V04", lambda: Broken(buckets=(Bucket("rest", 1, 1), Bucket("rest", 2, 1)))),
    ("V04", lambda: Broken(buckets=(Bucket("rest", 0, 1),))),
    ("V04", lambda: asking(bucket="another")),
    ("V04", lambda: asking(weight=10_000)),
    ("V04", lambda: Broken(dial=lambda *_: Address("wss://x", bucket="another"))),
    ("V05", lambda: Broken(needs=lambda *_: [Markets()])),
    ("V05", lambda: Broken(needs=lambda *_: [NewCredential()])),
    ("V05", lambda: Broken(needs=raising)),
    ("V06", lambda: Broken(dial=lambda *_: Address("https://x"))),
    ("V06", lambda: Broken(dial=raising)),
    ("V07", lambda: only_for("request", raising, lambda question, *_: isinstance(question, Fills))),
    ("V07", lambda: only_for("request", raising, lambda question, *_: isinstance(question, OrderById))),
    ("V07", lambda: asking(target="https://x/y")),
    ("V08", lambda: asking(method="DELETE")),
    ("V08", lambda: asking(method="POST")),
    ("V09", lambda: Broken(greet=lambda *_: [])),
    ("V09", lambda: Broken(greet=lambda *_: [("another", "{}")])),
    ("V09", lambda: Broken(greet=raising)),
    ("V10", lambda: Broken(read=lambda lane, frames, memory: _accepting(lane, frames, memory, []))),
    ("V10", lambda: Broken(read=lambda lane, frames, memory: _accepting(lane, frames, memory, [Strange("?", b"")]))),
    ("V10", lambda: only_for("answer", lambda *_: [], lambda question, *_: isinstance(question, OpenOrders))),
    ("V10", lambda: only_for("answer", lambda *_: [Refused("", Refusal.GONE)], lambda q, *_: isinstance(q, Fills))),
    ("V11", lambda: only_for("answer", lambda q, *_: [More(q)], lambda q, *_: isinstance(q, Fills))),
    ("V12", lambda: only_for("read", raising, garbled)),
    ("V12", lambda: only_for("read", lambda *_: [], garbled)),
    ("V12", lambda: only_for("read", lambda *_: [Strange("?", b"cut")], garbled)),
    ("V13", lambda: only_for("answer", raising, lambda _, reply, __: reply.status == 502)),
    ("V13", lambda: only_for("answer", lambda *_: [], lambda _, reply, __: reply.status == 502)),
    ("V13", lambda: Broken(answer=unwell(502, Refusal.FATAL))),
    ("V13", lambda: Broken(answer=unwell(502, Refusal.GONE))),
    ("V13", lambda: only_for("answer", lambda *_: [order_of(Decimal(0))], lambda _, reply, __: reply.status == 502)),
    ("V14", lambda: told_also("read", order_of(Decimal("NaN")))),
    ("V14", lambda: told_also("read", order_of(Decimal("1e999")))),
    ("V14", lambda: told_also("read", order_of(Decimal(-1)))),
    ("V14", lambda: told_also("read", order_of(0.5))),  # type: ignore[arg-type]
    ("V14", lambda: told_also("answer", order_of(Decimal("-Infinity")))),
    ("V15", lambda: Broken(read=counted())),
    ("V15", lambda: Broken(answer=remembering)),
    ("V16", Shown),
    ("V16", lambda: Broken(secrets=())),
    ("V16", lambda: Broken(request=loud)),
    ("V17", lambda: Broken(session_limits=None)),
    ("V17", lambda: Broken(host_limits=GOOD.http_limits)),
]


def _accepting(lane: Any, frames: Any, memory: Any, otherwise: list[Meaning]) -> list[Meaning]:
    told = GOOD.read(lane, frames, memory)
    return told if any(isinstance(meaning, Accepted) for meaning in told) else otherwise


@pytest.mark.parametrize(("rule", "make"), BROKEN, ids=[f"{rule}-{n}" for n, (rule, _) in enumerate(BROKEN)])
def test_a_broken_rule_is_named(rule: str, make: Callable[[], Any]) -> None:
    """A venue that breaks this rule is refused, in words that begin with the rule."""
    with pytest.raises(AssertionError) as caught:
        check_venue(make(), FTX)
    assert f"{rule} ({RULES[rule]}): " == str(caught.value)[: len(rule) + len(RULES[rule]) + 5]
    assert KEY not in str(caught.value)


def test_a_negative_fill_is_no_fact() -> None:
    """V14 looks at executions too."""
    (fill,) = GOOD.read(LANE, [read("ftx/ws_fill_perp.json").encode()], Memory())
    assert isinstance(fill, FillView)
    bad = replace(fill, execution=replace(fill.execution, quantity=Decimal(-1)))
    with pytest.raises(AssertionError, match=r"V14.*a negative fill"):
        check_venue(told_also("read", bad), FTX)


def test_every_rule_is_tried() -> None:
    """No rule stands in the list that no broken venue breaks."""
    assert set(RULES) == {rule for rule, _ in BROKEN}


def test_a_wrapper_that_changes_nothing_passes() -> None:
    """What is caught above is what was broken, and nothing else."""
    check_venue(Broken(), FTX)


def test_a_post_that_only_reads_is_named_by_the_author() -> None:
    """Some exchanges ask by POST: the author lists those paths, and V08 lets them pass."""
    paths = {GOOD.request(question, Memory(), 0).target.partition("?")[0] for question in _asked()}
    check_venue(asking(method="POST"), attrs.evolve(FTX, posts=frozenset(paths)))


def _asked() -> list[Question]:
    asked: list[Question] = []

    def note(question: Question, memory: Memory, now_ns: int) -> Request:
        asked.append(question)
        return GOOD.request(question, memory, now_ns)

    check_venue(Broken(request=note), FTX)
    return asked
