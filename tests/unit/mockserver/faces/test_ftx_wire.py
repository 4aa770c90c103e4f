"""FTX's JSON text: numbers, times, parsing."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.faces.ftx import wire


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("38754", "38754.0"),
        ("0.001", "0.001"),
        ("0.0001", "0.0001"),
        ("0.000005", "5e-06"),
        ("-0.000005", "-5e-06"),
        ("0.000075", "7.5e-05"),
        ("1E-8", "1e-08"),
        ("0.0271278", "0.0271278"),
        ("1000000", "1000000.0"),
        ("1234567890123456", "1234567890123456.0"),
        ("1E+16", "1e+16"),
        ("0", "0.0"),
        ("-0.00", "0.0"),
        ("10.50", "10.5"),
    ],
)
def test_numbers_print_as_the_venue_printed_them(value: str, text: str) -> None:
    """Each amount has the text that FTX's recordings show for it."""
    assert text == wire.number(Decimal(value))


@given(st.floats(allow_nan=False, allow_infinity=False).filter(bool))
def test_numbers_print_as_python_prints_a_double(value: float) -> None:
    """The text computed from the exact digits is the text of `repr` of the same double."""
    assert repr(value) == wire.number(Decimal(repr(value)))


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=8))
def test_without_exponents_the_text_is_plain_and_exact(value: Decimal) -> None:
    """With exponents switched off there is no `e`, and no digit is lost."""
    text = wire.number(value, exponents=False)

    assert "e" not in text
    assert value == Decimal(text)


def test_infinity_is_no_number() -> None:
    """What JSON cannot say is refused."""
    with pytest.raises(ValueError, match="not a JSON number"):
        wire.number(Decimal("Infinity"))


def test_json_keeps_the_order_of_keys() -> None:
    """Compact text as in 2022, blanks as in 2021, integers without a point, text escaped."""
    value: wire.Json = {"b": 1, "a": [Decimal(2), None, True, False], "t": 'é"'}

    assert wire.dumps(value) == '{"b":1,"a":[2.0,null,true,false],"t":"\\u00e9\\""}'
    spaced = wire.dumps(value, wire.JsonStyle(compact=False))
    assert spaced == '{"b": 1, "a": [2.0, null, true, false], "t": "\\u00e9\\""}'


@pytest.mark.parametrize("text", ["", "{", "NaN", '{"a":Infinity}', b"\xff\xfe\xfa", "[" * 100_000, "9" * 5_000])
def test_bad_json_is_one_error(text: str | bytes) -> None:
    """Whatever is wrong with a text, reading it raises ValueError and nothing else."""
    with pytest.raises(ValueError):
        wire.loads(text)


def test_requests_are_read_exactly() -> None:
    """A number of a request keeps all its digits."""
    assert {"price": Decimal("0.1000000000000000055")} == wire.loads('{"price":0.1000000000000000055}')


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, Decimal(5)),
        ("0.25", Decimal("0.25")),
        (Decimal("1e-06"), Decimal("0.000001")),
        (True, None),
        (None, None),
        ("", None),
        ("NaN", None),
        ("1e999", None),
        ([], None),
    ],
)
def test_numbers_of_requests(value: wire.Json, expected: Decimal | None) -> None:
    """Numbers and numbers in quotes are read; anything else, and absurd sizes, are no numbers."""
    assert expected == wire.decimal(value)


def test_times_have_microseconds() -> None:
    """ISO text with six digits; a whole second has no fraction at all, as in the candles FTX sent."""
    assert wire.iso(1_651_651_337_497_494_999) == "2022-05-04T08:02:17.497494+00:00"
    assert wire.iso(1_561_396_500_000_000_000) == "2019-06-24T17:15:00+00:00"


def test_a_time_read_is_the_time_asked() -> None:
    """The time a client read, sent back as the seconds of a double, is the same microsecond."""
    time_ns = 1_651_651_337_497_494_123
    as_double = json.dumps(float(wire.seconds(time_ns)))

    assert time_ns // 1_000 == wire.microseconds(as_double)
    assert wire.microseconds("1651651337") == 1_651_651_337_000_000
    assert wire.microseconds("yesterday") is None
