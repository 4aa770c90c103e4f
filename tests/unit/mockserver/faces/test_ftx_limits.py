"""FTX's request limits."""

from mockserver.faces.ftx import limits

MS = 1_000_000


def test_two_in_a_window() -> None:
    """The third act within the window is refused, and may be tried again when the first is old enough."""
    limiter = limits.Limiter(2, 200)

    answers = [limiter.admit("a", at * MS) for at in (0, 50, 199, 200, 249, 250)]

    assert answers == [True, True, False, True, False, True]


def test_names_do_not_share() -> None:
    """One market's orders do not count for another's."""
    limiter = limits.Limiter(1, 200)

    assert [limiter.admit("a", 0), limiter.admit("b", 0), limiter.admit("a", 0)] == [True, True, False]


def test_the_oldest_name_is_forgotten() -> None:
    """Memory stays bounded: beyond the limit of names the oldest starts anew."""
    limiter = limits.Limiter(1, 200)
    for number in range(limits.MAX_WINDOWS + 1):
        limiter.admit(str(number), 0)

    assert [limiter.admit("0", 0), limiter.admit(str(limits.MAX_WINDOWS), 0)] == [True, False]
