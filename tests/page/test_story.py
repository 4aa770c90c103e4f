"""A day of a bot, played by hand on the page: its order fills by a click, and its connection is over after 24 hours."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.request
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from selenium.webdriver import Keys

from mockserver import story
from mockserver.player.verbs import ENDINGS, STEPS
from tests.page.browser import Mock, Page
from tests.page.tail import tail

IDS = "#connections tbody tr td:first-child"
STATE = "#connections tbody tr td:nth-child(5)"


def place(mock: Mock, **params: str) -> dict[str, Any]:
    """Place an order by REST, signed, as any bot does."""
    shown = mock.ready["venues"]["binance-spot"]
    query = urlencode(params | {"timestamp": str(time.time_ns() // 1_000_000)})
    signature = hmac.new(shown["api_secret"].encode(), query.encode(), hashlib.sha256).hexdigest()
    request = urllib.request.Request(
        f"{mock.http}/api/v3/order?{query}&signature={signature}",
        headers={"X-MBX-APIKEY": shown["api_key"]},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return dict(json.load(answer))


@pytest.mark.slow
def test_a_day_by_hand(page: Page, mock: Mock) -> None:
    """Placed by REST, half filled by a click and heard by ``tail``; +24 h by a click, and ``tail`` dials anew."""
    with tail(mock, "binance-spot") as listener:
        page.until(lambda: page.texts(STATE) == ["open"], within=20)
        (first,) = page.texts(IDS)
        order = place(
            mock, symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="50000"
        )
        page.click(f'button[aria-label="fill half of order {order["orderId"]}"]')
        fill = listener.until(lambda event: event["event"] == "fill")
        assert (fill["order_id"], Decimal(fill["quantity"])) == (str(order["orderId"]), Decimal("0.005"))
        page.until(lambda: page.texts("#orders tbody td:nth-child(5)") == ["0.00500"])

        page.click('button[data-act="mute"]')
        page.until(lambda: page.texts(STATE) == ["open, muted (events)"])
        page.click('button[data-act="resume"]')
        page.until(lambda: page.texts(STATE) == ["open"])

        page.click('#clock [data-by="24h"]')
        # Its pings, and the end of its day; on a machine that is busy, a pong that was late and ended it before that.
        page.until(lambda: any(f"connection {first}" in each for each in page.texts("#fired li")))
        page.until(lambda: page.texts(IDS) not in ([], [first]), within=20)
        (second,) = page.until(lambda: [each for each in page.texts(IDS) if each != first])
        assert int(second) > int(first)
        gaps = lambda event: event["event"] == "gap_opened"  # noqa: E731 (short)
        assert listener.until(gaps, 2)["reason"] != "start"

        page.click(f'button[aria-label="fill all of order {order["orderId"]}"]')
        rest = listener.until(lambda event: event["event"] == "fill", 2)
        assert Decimal(rest["quantity"]) == Decimal("0.005")

    page.click("#copy-scenario")
    played = story.parse(str(page.script("return document.getElementById('text-body').value")), STEPS, ENDINGS)
    captured = [step.arg for step in played.steps if step.what == "wait" and not isinstance(step.arg, int)]
    assert [(str(each), each.capture) for each in captured] == [("request POST /api/v3/order", "o1")]
    page.press(Keys.ESCAPE)
    page.click("#copy-pytest")
    source = str(page.script("return document.getElementById('text-body').value"))
    assert f'order_1 = mock_exchange.order("{order["clientOrderId"]}")' in source
    compile(source, "copied", "exec")
    assert [step.arg.order for step in played.steps if step.what == "fill"] == ["$o1", "$o1"]
