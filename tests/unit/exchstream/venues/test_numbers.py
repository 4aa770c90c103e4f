"""Numbers of money: what is taken exactly, and what is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchstream.venues.numbers import BadNumber, amount, exact, positive_or_none


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.10264410", "0.10264410"),
        ("-0.07819010", "-0.07819010"),
        ("0", "0"),
        ("1e-7", "1E-7"),
        ("2.5E+3", "2.5E+3"),
        (7, "7"),
        (Decimal("1.10"), "1.10"),
        ("123456789012345678901234567890.1234567890", "123456789012345678901234567890.1234567890"),
    ],
)
def test_digits_are_kept(text: object, expected: str) -> None:
    """Every digit of the venue's, trailing zeros too, stands in the Decimal."""
    assert expected == str(exact(text))


@pytest.mark.parametrize(
    "value",
    [
        *(
            "NaN",
            "Infinity",
            "-inf",
            "1e999",
            "1e-999",
            "1e41",
            "",
            " 1",
            "1_000",
            "0x10",
            "١",
            "+1",
            "1.",
            ".5",
            "9" * 41,
        ),
        *(1.5, True, None, [], Decimal("NaN"), Decimal("Infinity"), pytest.param(10**5000, id="huge")),
    ],
)
def test_what_is_no_sane_number_is_refused(value: object) -> None:
    """NaN, infinities, absurd sizes, floats and texts that only Python would read raise BadNumber."""
    with pytest.raises(BadNumber):
        exact(value)


@given(st.from_regex(r"-?[0-9]{1,42}(\.[0-9]{1,42})?", fullmatch=True, alphabet="-.0123456789"))
def test_the_short_way_of_a_plain_number_is_the_long_way(text: str) -> None:
    """With an exponent of zero, which takes the long way, the same digits come out, or the same refusal."""
    assert _read(text + "e0") == _read(text)


def _read(text: str) -> str:
    try:
        return str(exact(text))
    except BadNumber:
        return "refused"


def test_amounts_are_not_negative() -> None:
    """A negative amount is refused, zero is one."""
    assert Decimal(0) == amount("0.000")
    assert Decimal(0) == amount("-0")
    with pytest.raises(BadNumber):
        amount("-1")


@pytest.mark.parametrize(("value", "expected"), [(None, None), ("", None), ("0.00", None), ("2", Decimal(2))])
def test_zero_means_absent_where_the_venue_says_so(value: str | None, expected: Decimal | None) -> None:
    """Null, an empty text and zero are None for a price that is not there."""
    assert expected == positive_or_none(value)
