"""The FTX account: its fields, its greeting, its frames, its signatures."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchstream.core.venue import (
    Accepted,
    Balances,
    Clock,
    Doubt,
    Fills,
    FillView,
    Markets,
    Meaning,
    Memory,
    NewCredential,
    OpenOrders,
    OrderById,
    OrderFills,
    Orders,
    OrderView,
    Question,
    Refusal,
    Refused,
    RenewCredential,
    Reply,
    Resubscribe,
    Retire,
    Strange,
    Venue,
)
from exchstream.errors import ConfigError
from exchstream.model import OrderKey, OrderKind
from exchstream.venues.ftx import Ftx

FIXTURES = Path(__file__).parents[4] / "fixtures" / "ftx"
# The examples of FTX's documentation and blog: nobody's key.
LOGIN_SECRET = "Y2QTHI23f23f23jfjas23f23To0RfUwX3H42fvN-"
REST_SECRET = "T4lPid48QtjNxjLUFOcUZghD7CUJ7sTVsfuvQZF2"
KEY = OrderKey("BTC/USD", "142505221156")
NOW = 1_651_651_337_497_494_000
MEMORY = Memory()


def account(**fields: Any) -> Ftx:
    return Ftx(**{"api_key": "the-key", "api_secret": REST_SECRET} | fields)


def read(*frames: str | bytes, **fields: Any) -> list[Meaning]:
    ftx = account(**fields)
    heard = [frame if isinstance(frame, bytes) else frame.encode() for frame in frames]
    return ftx.read(ftx.plan.lanes[0], heard, MEMORY)


def fixture(name: str) -> str:
    return (FIXTURES / name).read_text()


def greeting(ftx: Ftx, now_ns: int = NOW) -> list[tuple[str, Any]]:
    return [(tag, json.loads(frame)) for tag, frame in ftx.greet(ftx.plan.lanes[0], MEMORY, now_ns)]


# ---------------------------------------------------------------------------------------------------- fields


def test_it_is_a_venue() -> None:
    """The class has what the protocol asks for."""
    venue: Venue = account(name="main")

    assert (venue.name, venue.account, venue.environment) == ("ftx", "main", "ftx.com")


@pytest.mark.parametrize(
    ("fields", "rest", "ws"),
    [
        ({}, "https://ftx.com", "wss://ftx.com/ws/"),
        ({"domain": "ftx.us"}, "https://ftx.us", "wss://ftx.us/ws/"),
        (
            {"rest_url": "http://127.0.0.1:80/", "ws_url": "ws://127.0.0.1:80/ws"},
            "http://127.0.0.1:80",
            "ws://127.0.0.1:80/ws",
        ),
    ],
)
def test_addresses(fields: dict[str, Any], rest: str, ws: str) -> None:
    """The domain gives both addresses, an override wins, and the socket's may lack its last slash."""
    ftx = account(**fields)

    assert (rest, ws) == (ftx.rest_url, ftx.dial(ftx.plan.lanes[0], MEMORY).url)


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": ""},
        {"api_secret": "  "},
        {"domain": "ftx.example"},
        {"channels": {"orders", "ticker"}},
        {"channels": ()},
        {"rest_url": "ftx.com"},
        {"ws_url": "https://ftx.com/ws"},
        {"fills_page": 0},
        {"lag_ns": 1.5},
        {"ack_ns": True},
    ],
)
def test_fields_that_cannot_work(fields: dict[str, Any]) -> None:
    """A field that cannot work is refused at once."""
    with pytest.raises(ConfigError):
        account(**fields)


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields stand in variables of the account's name, and an argument wins over them."""
    for field, text in {
        "KEY": "k",
        "SECRET": "s",
        "SUBACCOUNT": "mm",
        "CHANNELS": "fills",
        "LAG_NS": "7000000",
    }.items():
        monkeypatch.setenv(f"EXCHSTREAM_FTX_DESK_{field}", text)

    ftx = Ftx.from_env("desk", subaccount="other")

    assert (ftx.account, ftx.api_key.reveal(), ftx.api_secret.reveal()) == ("desk", "k", "s")
    assert ("other", frozenset({"fills"}), 7_000_000) == (ftx.subaccount, ftx.channels, ftx.lag_ns)


def test_a_missing_key_is_named() -> None:
    """The error says which variable to set."""
    with pytest.raises(ConfigError, match="EXCHSTREAM_FTX_NOWHERE_KEY"):
        Ftx.from_env("nowhere")


def test_secrets_are_not_shown() -> None:
    """No repr shows the key or the secret, and both are on the list of what must not be."""
    ftx = account()
    shown = repr((ftx, ftx.request(OpenOrders(OrderKind.ORDER), MEMORY, NOW), ftx.secrets, ftx.identity))

    assert "the-key" not in shown
    assert REST_SECRET not in shown
    assert [secret.reveal() for secret in ftx.secrets] == ["the-key", REST_SECRET]


def test_identity() -> None:
    """Key, subaccount and domain make an account; its name does not."""
    one = account().identity

    assert one == account(name="other").identity
    assert (
        len({one, *(account(**f).identity for f in ({"api_key": "k2"}, {"subaccount": "a"}, {"domain": "ftx.us"}))})
        == 4
    )


def test_plan() -> None:
    """One acknowledged lane with an op-ping each 15 s, noticed as silent within a minute; listings need no symbols."""
    plan = account(channels={"fills"}).plan
    (lane,) = plan.lanes

    assert (lane.heartbeat_ns, lane.heartbeat) == (15_000_000_000, '{"op":"ping"}')
    assert lane.silence_ns < 60_000_000_000
    assert (plan.tells_orders, plan.tells_fills) == (False, True)
    assert [plan.fills.by_symbol, plan.orders.by_symbol, plan.balances] == [False] * 3


def test_no_symbols_need_to_be_named() -> None:
    """The listings cover the whole account."""
    assert account().symbols == ()


def test_needs() -> None:
    """The markets come first, once."""
    assert [Markets()] == list(account().needs(MEMORY, NOW))
    assert list(account().needs(Memory(markets={}), NOW)) == []


# ---------------------------------------------------------------------------------------------------- greeting


def test_the_documented_login() -> None:
    """The signature of a login is the documentation's, in milliseconds."""
    (_, login), *_ = greeting(account(api_secret=LOGIN_SECRET), 1_557_246_346_499_999_999)

    assert login == {
        "op": "login",
        "args": {
            "key": "the-key",
            "sign": "d10b5a67a1a941ae9463a60b285ae845cdeac1b11edc7da9977bef0228b96de9",
            "time": 1_557_246_346_499,
        },
    }


def test_greeting() -> None:
    """After the login each channel is subscribed to; the login hangs on the first one's acknowledgement."""
    frames = greeting(account())

    assert [tag for tag, _ in frames] == ["orders", "orders", "fills"]
    assert [f for _, f in frames[1:]] == [
        {"op": "subscribe", "channel": "orders"},
        {"op": "subscribe", "channel": "fills"},
    ]


def test_one_channel() -> None:
    """An account may listen to fills alone."""
    assert [(t, f["op"]) for t, f in greeting(account(channels=["fills"]))] == [
        ("fills", "login"),
        ("fills", "subscribe"),
    ]


def test_the_subaccount_logs_in_by_its_raw_name() -> None:
    """The socket takes the name as it is, REST takes it percent-encoded."""
    ftx = account(subaccount="mm 1/ü")
    request = ftx.request(OpenOrders(OrderKind.ORDER), MEMORY, NOW)

    assert greeting(ftx)[0][1]["args"]["subaccount"] == "mm 1/ü"
    assert request.headers["FTX-SUBACCOUNT"] == "mm%201%2F%C3%BC"


# ---------------------------------------------------------------------------------------------------- frames

FRAMES = [
    ("ws_subscribed_private.json", [Accepted("orders")]),
    ("ws_pong.json", []),
    ("ws_info_20001.json", [Retire("the venue's servers restart (20001)")]),
    ("ws_error_already_subscribed.json", [Accepted("orders")]),
    ("ws_error_already_logged_in.json", []),
    ("ws_ticker.json", []),
    ("ws_subscribed_public.json", []),
    ("ws_unsubscribed_public.json", []),
]


@pytest.mark.parametrize(("name", "expected"), FRAMES)
def test_recorded_frames(name: str, expected: list[Meaning]) -> None:
    """What the venue is known to say is understood, and what is not needed is quiet."""
    assert expected == read(fixture(name))


@pytest.mark.parametrize("spaces", [(", ", ": "), (",", ":")])
def test_the_form_of_the_json_does_not_matter(spaces: tuple[str, str]) -> None:
    """White space changed in 2022 and the order of keys varies: frames are read, not compared."""
    frame = {"channel": "fills", "type": "subscribed"}

    assert [Accepted("fills")] == read(json.dumps(frame, separators=spaces))
    assert [Accepted("fills")] == read(json.dumps(frame, sort_keys=True, separators=spaces).encode())


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("ws_error_invalid_login.json", Refusal.DUBIOUS),
        ("ws_error_not_logged_in.json", Refusal.FATAL),
        ("ws_error_no_such_market.json", Refusal.TRANSIENT),
    ],
)
def test_errors(name: str, how: Refusal) -> None:
    """A refused login ends the account, other errors the link."""
    (refused,) = read(fixture(name))

    assert isinstance(refused, Refused)
    assert (how, None) == (refused.how, refused.tag)


@pytest.mark.parametrize(
    ("channels", "expected"), [({"orders", "fills"}, "orders"), ({"fills"}, "fills"), ({"orders"}, "orders")]
)
def test_already_subscribed_is_one_acknowledgement(channels: set[str], expected: str) -> None:
    """The error names no channel: it proves no more than one, the first that this account asks for."""
    assert [Accepted(expected)] == read(fixture("ws_error_already_subscribed.json"), channels=channels)


@pytest.mark.parametrize("channel", ["ftxpay", "ticker", "trades", "orderbook", "orderbookGrouped", "markets"])
@pytest.mark.parametrize("kind", ["subscribed", "unsubscribed", "partial", "update"])
def test_channels_that_are_not_needed_are_quiet(channel: str, kind: str) -> None:
    """Payments and market data are known, and no order is in them: nothing is told, not even as strange."""
    data = {
        "app": {"id": 1, "name": "shop"},
        "payment": {"id": 7, "asset": "USD", "netSize": 1.5},
        "status": "complete",
    }

    assert read(json.dumps({"channel": channel, "type": kind, "data": data})) == []


def test_an_ended_subscription_is_greeted_again() -> None:
    """We never unsubscribe: if the venue says so, the subscription is gone."""
    assert [Resubscribe("unsubscribed from fills")] == read('{"type":"unsubscribed","channel":"fills"}')


def test_data_may_come_before_its_acknowledgement() -> None:
    """A fact is taken whenever it comes, and frames are read in their order."""
    meanings = read(fixture("ws_fill_perp.json"), fixture("ws_order_new.json"), fixture("ws_subscribed_private.json"))

    assert [FillView, OrderView, Accepted] == [type(meaning) for meaning in meanings]


def test_raw_is_the_inner_event() -> None:
    """What a fact keeps as raw is the venue's own JSON of it, byte for byte."""
    frame = fixture("ws_fill_perp.json").strip()
    (fill,) = read(frame)

    assert isinstance(fill, FillView)
    assert frame.endswith(fill.raw.decode() + "}")


STRANGE = [
    ('{"type":"hello"}', "message type 'hello' on channel ''"),
    ('{"type":"partial","channel":"orders","data":[]}', "message type 'partial' on channel 'orders'"),
    ('{"type":"info","code":20002}', "message type 'info' on channel ''"),
]


@pytest.mark.parametrize(("frame", "what"), STRANGE)
def test_what_we_have_no_word_for(frame: str | bytes, what: str) -> None:
    """Unknown messages are told raw, and the frame after them is read."""
    strange, after = read(frame, '{"type":"subscribed","channel":"orders"}')

    assert isinstance(strange, Strange)
    assert (what, Accepted("orders")) == (strange.what, after)


DAMAGED = [
    ("not json", "unreadable message"),
    (b"\xff\xfe", "unreadable message"),
    ("[1]", "unreadable message"),
    (b"\xed\xa0\x80", "unreadable message"),
    ("[" * 100_000, "unreadable message"),
    ('{"type":"update","channel":"orders"}', "unreadable message on channel 'orders'"),
    ('{"type":"update","channel":"fills","data":null}', "unreadable message on channel 'fills'"),
]


@pytest.mark.parametrize(("frame", "what"), DAMAGED)
def test_what_may_have_been_about_an_order_is_doubted(frame: str | bytes, what: str) -> None:
    """Damaged messages are told raw and doubted, since they may have been about any order; the next frame is read."""
    strange, doubt, after = read(frame, '{"type":"subscribed","channel":"orders"}')

    assert isinstance(strange, Strange)
    assert isinstance(doubt, Doubt)
    assert (doubt.fill, doubt.order, doubt.symbol) == (None, None, None)
    assert (what, Accepted("orders")) == (strange.what, after)


def test_an_unreadable_order_is_asked_for() -> None:
    """A fact that cannot be read is told raw, and doubt is cast on its order."""
    data = '{"id":7,"market":"A/B","status":"open","size":1e999,"filledSize":0}'

    what = "unreadable message on channel 'orders'"
    assert [Strange(what, data.encode()), Doubt(what, order=OrderKey("A/B", "7"))] == read(
        f'{{"type":"update","channel":"orders","data":{data}}}'
    )


# ---------------------------------------------------------------------------------------------------- requests


def test_the_documented_signature() -> None:
    """The signature of the blog's GET example is reproduced."""
    expected = "dbc62ec300b2624c580611858d94f2332ac636bb86eccfa1167a7777c496ee6f"

    assert expected == account()._sign("1588591511721GET/api/markets")


def test_the_documented_signature_of_a_body() -> None:
    """The same function signs the blog's POST example, which this package never sends."""
    order = (
        '{"market": "BTC-PERP", "side": "buy", "price": 8500, "size": 1, "type": "limit", '
        '"reduceOnly": false, "ioc": false, "postOnly": false, "clientId": null}'
    )
    expected = "c4fbabaf178658a59d7bbf57678d44c369382f3da29138f04cd46d3d582ba4ba"

    assert expected == account()._sign(f"1588591856950POST/api/orders{order}")


@pytest.mark.parametrize(("domain", "prefix"), [("ftx.com", "FTX"), ("ftx.us", "FTXUS")])
def test_headers(domain: str, prefix: str) -> None:
    """The US exchange has headers of its own; what is signed is time, method and target as sent."""
    ftx = account(domain=domain)
    request = ftx.request(Fills("BTC/USD", NOW, NOW + 10**9), MEMORY, NOW)

    assert {f"{prefix}-KEY", f"{prefix}-TS", f"{prefix}-SIGN"} == set(request.headers)
    assert request.headers[f"{prefix}-SIGN"] == ftx._sign(f"1651651337497GET{request.target}")
    assert "market=BTC%2FUSD" in request.target


QUESTIONS: list[tuple[Question, str]] = [
    (Clock(), "/api/time"),
    (Markets(), "/api/markets"),
    (OpenOrders(OrderKind.ORDER), "/api/orders"),
    (OrderById(KEY), "/api/orders/142505221156"),
    (OrderById(OrderKey("BTC/USD", "../account?x=1")), "/api/orders/..%2Faccount%3Fx%3D1"),
    (OrderFills(KEY), "/api/fills"),
    (Fills(None, NOW, NOW + 1), "/api/fills"),
    (Orders(None, NOW, NOW + 1), "/api/orders/history"),
    (Balances(), "/api/wallet/balances"),
]


@pytest.mark.parametrize(("question", "path"), QUESTIONS)
def test_every_request_only_reads(question: Question, path: str) -> None:
    """Every question is a GET without a body, on this list of paths; market data and the clock go unsigned."""
    request = account().request(question, MEMORY, NOW)

    assert ("GET", path, b"") == (request.method, urlsplit(request.target).path, request.body)
    assert isinstance(question, Clock | Markets) == (not request.headers)


@pytest.mark.parametrize("question", [NewCredential(), RenewCredential()])
def test_questions_that_ftx_has_not(question: Question) -> None:
    """FTX has no listen keys: to ask for one is a bug of ours."""
    with pytest.raises(ValueError, match="FTX has no"):
        account().request(question, MEMORY, NOW)


def test_buckets() -> None:
    """Thirty requests a second, for all accounts of the host."""
    (bucket,) = account().buckets

    assert (bucket.name, bucket.limit, bucket.per_ns) == ("rest", 30, 1_000_000_000)


# ---------------------------------------------------------------------------------------------------- any input

WORDS = st.sampled_from(
    ["type", "update", "channel", "orders", "fills", "data", "subscribed", "error", "msg", "code", "success", "result",
     "id", "market", "size", "filledSize", "status", "closed", "time", "orderId", "price", "side", "buy", "name",
     "coin", "total", "hasMoreData", "createdAt", "2022-05-04T08:02:17+00:00", "BTC/USD", "info", "spot", "future"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=8),
    max_leaves=20,
)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Any JSON in one of the venue's envelopes, sometimes damaged."""
    inner = draw(JSON)
    text = json.dumps(
        draw(
            st.sampled_from(
                [
                    inner,
                    {"type": "update", "channel": "orders", "data": inner},
                    {"type": "update", "channel": "fills", "data": inner},
                    {"success": True, "result": inner},
                    {"success": True, "result": [inner, inner], "hasMoreData": True},
                ]
            )
        )
    ).encode()
    if draw(st.booleans()):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.binary(max_size=3)) + text[at + draw(st.integers(0, 3)) :]
    return text


@given(st.lists(documents(), max_size=3))
def test_reading_never_raises(frames: list[bytes]) -> None:
    """Whatever comes is read or told as strange."""
    ftx = account()

    assert isinstance(ftx.read(ftx.plan.lanes[0], frames, MEMORY), list)


@given(documents(), st.sampled_from([question for question, _ in QUESTIONS]), st.sampled_from([200, 400, 429, 500]))
def test_answering_never_raises(content: bytes, question: Question, status: int) -> None:
    """Whatever comes is an answer or a refusal."""
    assert isinstance(account().answer(question, Reply(status, {}, content), MEMORY), list)
