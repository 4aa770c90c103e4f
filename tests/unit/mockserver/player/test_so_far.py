"""What a client that has ended did wrong, judged without a scenario and without its own words."""

from __future__ import annotations

from mockserver.player.so_far import so_far, until_it_ended
from mockserver.stage import Stage

SECOND = 1_000_000_000


def test_who_never_listened_is_not_judged() -> None:
    """An account that only trades by REST, or not at all, owes nothing."""
    assert until_it_ended(Stage("binance-spot").exchange) == []


def test_that_it_is_gone_is_no_fault() -> None:
    """While it runs somebody must listen; when it has ended nobody has to."""
    stage = Stage("ftx")
    link = stage.listen()
    link.drop()
    assert "listens" in {each.name for each in so_far(stage.exchange, stage.client.name) if each.wrong}
    assert until_it_ended(stage.exchange) == []


def test_an_interruption_that_nobody_asked_about_is_named() -> None:
    """With the check in words, and how many more of the kind there are."""
    stage = Stage("ftx")
    for _ in range(3):
        stage.listen().drop()
        stage.clock.advance(SECOND)
    (line,) = until_it_ended(stage.exchange)
    assert line.startswith(
        "ftx/client: not so that after each interruption the client asks what happened meanwhile: nobody asked what"
    )
    assert line.endswith("(and 1 more)")
