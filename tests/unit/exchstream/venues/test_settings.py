"""Fields from arguments, the environment and defaults, in this order."""

from decimal import Decimal

import attrs
import pytest

from exchstream.core.limits import HttpLimits
from exchstream.core.venue import Secret
from exchstream.errors import ConfigError
from exchstream.venues.settings import leaves, load, needed_secret, secret, texts, variable


@attrs.frozen(kw_only=True)
class Toy:
    account: str = attrs.field(default="main", alias="name")
    api_key: Secret = attrs.field(converter=needed_secret)
    api_secret: Secret | None = attrs.field(default=None, converter=secret)
    private_key: Secret | None = attrs.field(default=None, converter=secret)
    limit: int = 5
    logon: bool = False
    ratio: Decimal | None = None
    symbols: tuple[str, ...] = ()
    channels: frozenset[str] = frozenset()
    rest_url: str = "https://x"
    http_limits: HttpLimits = HttpLimits()


BOTH = {"EXCHSTREAM_TOY_A_KEY": "k", "EXCHSTREAM_TOY_A_SECRET": "s"}


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("api_key", "EXCHSTREAM_BINANCE_SPOT_MY_BOT_KEY"),
        ("api_secret", "EXCHSTREAM_BINANCE_SPOT_MY_BOT_SECRET"),
        ("private_key", "EXCHSTREAM_BINANCE_SPOT_MY_BOT_PRIVATE_KEY"),
        ("lag_ns", "EXCHSTREAM_BINANCE_SPOT_MY_BOT_LAG_NS"),
    ],
)
def test_a_field_has_one_variable(field: str, expected: str) -> None:
    """The name is built of venue, account and field; key and secret are short."""
    assert expected == variable("binance-spot", "my bot", field)


def test_types_are_read() -> None:
    """Texts become what the field's type says."""
    environ = {
        "EXCHSTREAM_TOY_A_KEY": " k ",
        "EXCHSTREAM_TOY_A_SECRET": "s",
        "EXCHSTREAM_TOY_A_LIMIT": "9",
        "EXCHSTREAM_TOY_A_LOGON": "Yes",
        "EXCHSTREAM_TOY_A_RATIO": "0.10",
        "EXCHSTREAM_TOY_A_SYMBOLS": "BTCUSDT, ETHUSDT,",
        "EXCHSTREAM_TOY_A_CHANNELS": "fills",
        "EXCHSTREAM_TOY_A_REST_URL": "",
    }
    expected = Toy(
        name="a",
        api_key="k",
        api_secret="s",
        limit=9,
        logon=True,
        ratio=Decimal("0.10"),
        symbols=("BTCUSDT", "ETHUSDT"),
        channels=frozenset({"fills"}),
    )
    assert expected == load(Toy, "toy", "a", {}, environ=environ)


def test_an_argument_wins_over_the_environment() -> None:
    """Argument > environment > default."""
    environ = {"EXCHSTREAM_TOY_A_KEY": "k", "EXCHSTREAM_TOY_A_LIMIT": "9"}
    assert load(Toy, "toy", "a", {"limit": 1}, environ=environ).limit == 1
    assert load(Toy, "toy", "a", {}, environ=environ).limit == 9
    assert load(Toy, "toy", "a", {"api_key": "k"}, environ={}).limit == 5
    limits = HttpLimits(max_connections=2)
    assert load(Toy, "toy", "a", {"http_limits": limits}, environ=environ).http_limits is limits


def test_a_group_is_set_part_by_part() -> None:
    """A variable sets one value, the others keep their defaults; a group that is passed wins as a whole."""
    environ = {"EXCHSTREAM_TOY_A_KEY": "k", "EXCHSTREAM_TOY_A_HTTP_LIMITS_MAX_CONNECTIONS": "3"}
    assert HttpLimits(max_connections=3) == load(Toy, "toy", "a", {}, environ=environ).http_limits
    passed = HttpLimits(read_ns=7 * 10**9)
    assert load(Toy, "toy", "a", {"http_limits": passed}, environ=environ).http_limits == passed


@pytest.mark.parametrize("given", ["api_secret", "private_key"])
def test_an_argument_stands_for_all_of_which_one_is_needed(given: str) -> None:
    """Who passes a secret does not mean the private key of the environment, nor the other way round."""
    other = {"api_secret": "private_key", "private_key": "api_secret"}[given]
    environ = {"EXCHSTREAM_TOY_A_KEY": "k", variable("toy", "a", other): "from the environment"}
    toy = load(Toy, "toy", "a", {given: "passed"}, one_of=("api_secret", "private_key"), environ=environ)
    assert (Secret("passed"), None) == (getattr(toy, given), getattr(toy, other))


def test_every_variable_has_its_leaf() -> None:
    """In the order of the fields; the account's name is in each of them, and has none."""
    found = [leaf.variable.removeprefix("EXCHSTREAM_TOY_A_") for leaf in leaves(Toy, "toy", "a")]
    groups = [f"HTTP_LIMITS_{name}" for name in ("CONNECT_NS", "READ_NS", "TOTAL_NS", "IDLE_NS")]
    assert [*found[:3], *found[9:13]] == ["KEY", "SECRET", "PRIVATE_KEY", *groups]


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an explicit mapping the variables of the process count."""
    monkeypatch.setenv("EXCHSTREAM_TOY_A_KEY", "from the process")
    assert load(Toy, "toy", "a", {}).api_key.reveal() == "from the process"


@pytest.mark.parametrize(
    ("environ", "arguments", "words"),
    [
        ({}, {}, "EXCHSTREAM_TOY_A_KEY"),
        ({"EXCHSTREAM_TOY_A_KEY": "k"}, {}, "EXCHSTREAM_TOY_A_SECRET or EXCHSTREAM_TOY_A_PRIVATE_KEY"),
        ({"EXCHSTREAM_TOY_A_KEY": "k", "EXCHSTREAM_TOY_A_LIMIT": "hunter2"}, {}, "TOY_A_LIMIT must be a whole number"),
        ({"EXCHSTREAM_TOY_A_KEY": "k", "EXCHSTREAM_TOY_A_LOGON": "hunter2"}, {}, "TOY_A_LOGON must be true or false"),
        ({"EXCHSTREAM_TOY_A_KEY": "k", "EXCHSTREAM_TOY_A_RATIO": "nan hunter2"}, {}, "TOY_A_RATIO must be an exact"),
        (
            {**BOTH, "EXCHSTREAM_TOY_A_HTTP_LIMITS": "hunter2"},
            {},
            "EXCHSTREAM_TOY_A_HTTP_LIMITS cannot be set as a whole: set EXCHSTREAM_TOY_A_HTTP_LIMITS_CONNECT_NS",
        ),
        ({**BOTH, "EXCHSTREAM_TOY_A_HTTP_LIMITS_READ_NS": "hunter2"}, {}, "EXCHSTREAM_TOY_A_HTTP_LIMITS_READ_NS"),
        ({**BOTH, "EXCHSTREAM_TOY_A_HTTP_LIMITS_READ_NS": "-1"}, {}, "HttpLimits: read_ns"),
        ({}, {"api_kee": "hunter2"}, "no field 'api_kee'; did you mean 'api_key'?"),
        ({}, {"zzz": "hunter2"}, "no field 'zzz'; it has api_key, api_secret, channels,"),
        ({}, {"api_key": " ", "api_secret": "hunter2"}, "empty"),
    ],
)
def test_what_is_wrong_is_named_and_no_value_shown(
    environ: dict[str, str], arguments: dict[str, object], words: str
) -> None:
    """A ConfigError names the variable or field, and never repeats what stood there."""
    with pytest.raises(ConfigError) as caught:
        load(Toy, "toy", "a", arguments, one_of=("api_secret", "private_key"), environ=environ)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_list_is_not_one_text() -> None:
    """`symbols="BTCUSDT"` is refused, since its letters would be seven symbols."""
    assert texts(["BTCUSDT", "ETHUSDT"]) == ("BTCUSDT", "ETHUSDT")
    for bad in ("BTCUSDT", 7, None, ["BTCUSDT", ""], [b"BTCUSDT"], ["BTC\nUSDT"]):
        with pytest.raises(ConfigError, match="list"):
            texts(bad)
