"""What the page shows and does, by mouse and by keyboard, in both colour schemes."""

from __future__ import annotations

import ast
from typing import Any
from unittest.mock import MagicMock
from urllib.request import Request, urlopen

import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.support.select import Select

from mockserver import story
from mockserver.faults import HAS, KINDS
from mockserver.player.verbs import ENDINGS, STEPS, VERBS
from tests.page.browser import Mock, Page, mock_exchange
from tests.page.tail import tail

FILLED = "#orders tbody tr td:nth-child(5)"
LUMINANCE = """
const [r, g, b] = arguments[0].match(/[0-9.]+/g).map((each) => each / 255)
  .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
return 0.2126 * r + 0.7152 * g + 0.0722 * b;
"""


def open_order(mock: Mock) -> dict[str, Any]:
    (order,) = mock.ask("GET", "/orders?venue=binance-spot&account=demo")["orders"]
    return dict(order)


def journal_line(page: Page, event: str) -> str:
    """The selector of the newest line of this event, once it is there."""
    line = page.until(
        lambda: page.script(
            "return [...document.querySelectorAll('#lines li')]"
            ".find((each) => each.querySelector('.event').textContent === arguments[0])?.dataset.seq",
            event,
        )
    )
    return f'#lines li[data-seq="{line}"]'


def test_one_half_and_all(page: Page, mock: Mock) -> None:
    """One is the least that may be traded, half is half of what is open, all is the rest; each is one click."""
    order = mock.place(quantity="0.01")
    for act, filled in (("fill one", "0.00009"), ("fill half", "0.00504")):
        page.click(f'button[data-act="{act}"]')
        page.until_texts(FILLED, filled)
        assert open_order(mock)["filled_quantity"] == filled
    page.click('button[data-act="fill all"]')
    page.until(lambda: page.texts(FILLED) == [])
    told = mock.ask("GET", "/truth")["orders"]
    assert [(row["order_id"], row["status"]) for row in told] == [(order["order_id"], "FILLED")]


@pytest.mark.parametrize(("act", "status"), [("cancel", "CANCELED"), ("expire", "EXPIRED")])
def test_an_order_ends(page: Page, mock: Mock, act: str, status: str) -> None:
    """Cancelled as by its owner, or expired as by the exchange."""
    mock.place()
    page.click(f'button[data-act="{act}"]')
    page.until(lambda: [row["status"] for row in mock.ask("GET", "/truth")["orders"]] == [status])
    page.until(lambda: page.one("#orders .empty").is_displayed())


def test_keyboard_only(page: Page, mock: Mock) -> None:
    """From the top of the page a few tabs lead to the first order, Enter fills, and the focus stays where it was."""
    order = mock.place()
    page.until(lambda: page.texts(FILLED))
    page.script("document.activeElement.blur()")
    page.tab_to("a.skip")
    page.press(Keys.ENTER)
    wanted = f'button[aria-label="fill half of order {order["order_id"]}"]'
    assert page.tab_to(wanted) <= 3
    page.press(Keys.ENTER)
    page.until(lambda: page.texts(FILLED) == ["0.00500"])
    assert page.script("return document.activeElement.matches(arguments[0])", wanted)
    page.until(lambda: page.text("#said").startswith("filled 0.005"))


def test_every_control_has_a_name_and_can_be_reached(page: Page, mock: Mock) -> None:
    """A label, a text or an aria-label; no positive tabindex, which would tear the order of focus."""
    mock.place()
    page.until(lambda: page.texts(FILLED))
    nameless = page.script(
        """
        return [...document.querySelectorAll("button, input, select, textarea")]
          .filter((each) => !(each.labels?.length || each.getAttribute("aria-label")
            || each.getAttribute("aria-labelledby") || each.textContent.trim()))
          .map((each) => each.outerHTML)
        """
    )
    assert nameless == []
    assert page.script("return [...document.querySelectorAll('[tabindex]')].filter((e) => e.tabIndex > 0).length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_written_can_be_read(page: Page, mock: Mock, scheme: str) -> None:
    """Dark is dark, light is light, and every colour of text stands out from what is behind it (4.5 to 1)."""
    mock.place()
    page.until(lambda: page.texts(FILLED) and page.texts("#checks li .mark"))
    page.dark(scheme)
    behind = page.script("return getComputedStyle(document.querySelector('section')).backgroundColor")
    card = page.script(LUMINANCE, behind)
    assert (card < 0.1) if scheme == "dark" else (card > 0.9)
    for css in (
        "h2",
        "th",
        "td",
        ".buy",
        "button",
        ".quiet",
        "#state",
        ".green .mark",
        ".unknown .mark",
        "#about",
        "a",
    ):
        ink = page.script(
            LUMINANCE, page.script("return getComputedStyle(document.querySelector(arguments[0])).color", css)
        )
        assert (max(ink, card) + 0.05) / (min(ink, card) + 0.05) >= 4.5, css


def test_the_slider_moves_the_price(page: Page, mock: Mock) -> None:
    """By the arrow keys; what the price passes on its way is filled. An exact price goes into the field beside it."""
    before = mock.ask("GET", "/market/BTCUSDT?venue=binance-spot")["last_price"]
    page.one("#slider").send_keys(Keys.ARROW_LEFT)
    page.until(lambda: mock.ask("GET", "/market/BTCUSDT?venue=binance-spot")["last_price"] < before)
    mock.place(price="50000")
    page.until(lambda: page.texts(FILLED))
    page.one("#exact").send_keys(Keys.CONTROL, "a", Keys.NULL, "49999.5", Keys.ENTER)
    page.until(lambda: [row["status"] for row in mock.ask("GET", "/truth")["orders"]] == ["FILLED"])
    page.until(lambda: "49999.5" in page.text("#market-name"))


def test_faults(page: Page, mock: Mock) -> None:
    """All kinds with their marks; one is armed with what it takes, named in the list, and disarmed."""
    kinds = Select(page.one("#kind"))
    assert [each.get_attribute("value") for each in kinds.options] == [
        word for seam in HAS for word, kind in KINDS.items() if kind.seam == seam
    ]
    marks = {str(each.get_attribute("value")): each.text.strip()[0] for each in kinds.options}
    assert marks == {word: "✓" if kind().legal else "✗" for word, kind in KINDS.items()}
    kinds.select_by_value("corrupt")
    assert "cannot happen at the real venue" in page.text("#about")
    kinds.select_by_value("latency")
    page.one('#parameters [name="delay"]').send_keys("250ms")
    Select(page.one('#parameters [name="of"]')).select_by_value("request")
    page.click("#arm summary")
    page.one('#match [name="nth"]').send_keys("2")
    page.one("#fault-name").send_keys("late")
    page.click("#arm > button")
    page.until(lambda: page.texts("#armed li"))
    (armed,) = mock.ask("GET", "/faults")["faults"]
    assert armed["fault"] == {"latency": {"delay": "250ms", "of": "request"}, "match": {"nth": 2}, "name": "late"}
    page.click('button[aria-label="disarm late"]')
    page.until(lambda: mock.ask("GET", "/faults")["faults"] == [])
    page.until(lambda: page.one("#faults .empty").is_displayed())
    page.one("#probability").send_keys("7")
    page.click("#arm > button")
    page.until(lambda: "probability" in page.text("#said.wrong"))
    assert "400" in page.complaints()[0]  # the browser's own note of the refusal; there is no other


def test_checks_turn_red(page: Page, mock: Mock) -> None:
    """Unknown while nothing is reported, green when it is right, red with what is wrong."""
    order = mock.place()
    page.until(lambda: "no_fill_lost" in page.text("#checks .unknown"))
    page.click('button[data-act="fill all"]')
    page.until(lambda: page.texts(FILLED) == [])
    (fill,) = mock.ask("GET", "/truth")["fills"]
    told = {"event": "fill", "symbol": "BTCUSDT", "order_id": order["order_id"], "trade_id": fill["trade_id"]}
    mock.ask("POST", "/report", report=told | {"price": "50000", "quantity": "0.01"})
    page.until(lambda: any("no_fill_lost" in each for each in page.texts("#checks .green")))
    mock.ask("POST", "/report", report=told | {"price": "50000", "quantity": "0.01", "trade_id": "999"})
    red = page.until(lambda: [each for each in page.texts("#checks .red") if "no_fill_invented" in each])
    assert "999" in red[0]


MARKS = "#steps .mark"


def test_a_scenario_is_played(page: Page, mock: Mock) -> None:
    """Chosen, begun and taken step by step by the keyboard, played to its end by a click, judged by its checks."""
    with tail(mock, "binance-spot") as told:
        page.until(lambda: page.texts("#connections tbody tr td:nth-child(4)") == ["demo"], within=20)
        page.script("document.getElementById('scenario').focus()")
        page.press(*"shutdown")
        page.until(lambda: "serverShutdown" in page.text("#scenario-about"))
        assert page.texts(MARKS) == ["· to come"] * 6
        page.tab_to("#begin button:not([type])", 2)
        page.press(Keys.ENTER)
        page.until(lambda: page.text("#said") == "began shutdown-notice")
        page.tab_to("#next-step", 2)
        page.press(Keys.ENTER)
        page.until(lambda: page.texts(MARKS) == ["✓ done", *["· to come"] * 5])
        assert page.text("#stands") == "The next step waits for a word."
        page.press(Keys.ENTER)
        page.until(lambda: page.texts(MARKS) == ["✓ done"] * 2 + ["· to come"] * 4)
        page.click("#all-steps")
        fill = told.until(lambda event: event["event"] == "fill", within=40)
        page.until(lambda: page.texts(MARKS) == ["✓ done"] * 6)
        assert "filled" in page.texts("#steps li .quiet")[-1]
        assert page.text("#stands") in ("Not well yet; there is a little time left.", "✗ Failed.")
        mock.ask("POST", "/report", report=fill)
        page.until(lambda: page.text("#stands") == "✓ Well.")
        assert page.texts("#verdict li")[0].startswith("well: a server that says that it will go")
        page.click("#end-scenario")
        page.until(lambda: page.texts(MARKS) == ["· to come"] * 6)


def test_a_scenario_that_fails(page: Page, mock: Mock) -> None:
    """Nobody listens: the step is marked, and what came instead is said."""
    page.choose("scenario", "silent-socket")
    page.click("#begin button:not([type])")
    page.until(lambda: "silent" in page.text("#armed li"))
    page.click("#all-steps")
    page.until(lambda: page.texts(MARKS)[0] == "▶ now")
    page.until(lambda: page.text("#stands") == "✗ Failed.", within=45)
    assert page.texts(MARKS)[0] == "✗ failed"
    assert any("in vain" in line for line in page.texts("#verdict li"))
    page.click("#end-scenario")
    page.until(lambda: page.one("#faults .empty").is_displayed())


def test_the_clock(page: Page, mock: Mock) -> None:
    """Each button moves the timers on, and says what fired."""
    for by, ahead_s in (("1m", 60), ("1h", 3660), ("24h", 90060)):
        page.click(f'#clock [data-by="{by}"]')
        page.until_texts("#said", f"moved the clock on by {by}")
        page.until_texts("#fired li", "nothing")
        assert mock.ask("GET", "/clock")["clock"]["ahead_ns"] == ahead_s * 10**9
    page.click("#next-deadline")
    page.until(lambda: page.text("#said").endswith("next deadline"))


def test_the_next_deadline_is_none_of_the_markets(driver: Any) -> None:
    """Where a market trades by itself, what is shown is what the button moves on to."""
    with mock_exchange("--seed", "1") as served:
        page = Page(driver, served)
        page.until_texts("#next", "none")
        assert {row["market"] for row in served.ask("GET", "/clock")["pending"]} == {True}
        key = {"X-MBX-APIKEY": served.ready["venues"]["binance-futures"]["api_key"]}
        urlopen(Request(f"{served.http}/fapi/v1/listenKey", method="POST", headers=key)).close()
        page.until(lambda: page.text("#next").startswith("listen key of demo at binance-futures, in "))
        page.click("#next-deadline")
        page.until_texts("#fired li", "listen key of demo at binance-futures (demo)")


def test_the_two_texts_are_valid(page: Page, mock: Mock) -> None:
    """What was clicked is a scenario that parses, step by step, and a pytest that compiles and runs through."""
    mock.place()
    page.click('button[data-act="fill half"]')
    page.until(lambda: page.texts(FILLED) == ["0.00500"])
    page.click('#clock [data-by="1h"]')
    page.until(lambda: page.texts("#fired li"))
    page.one("#slider").send_keys(Keys.ARROW_RIGHT)
    page.until(lambda: page.text("#said").startswith("moved BTCUSDT"))
    Select(page.one("#kind")).select_by_value("stall")
    page.one('#parameters [name="for"]').send_keys("2s")
    page.click("#arm > button")
    page.click('button[aria-label="disarm stall"]')
    page.until(lambda: page.text("#said").startswith("disarmed"))
    page.click('button[data-act="cancel"]')
    page.until(lambda: page.texts(FILLED) == [])

    page.click("#copy-scenario")
    text = str(page.script("return document.getElementById('text-body').value"))
    played = story.parse(text, STEPS, ENDINGS)
    steps = [step for step in played.steps if step.what != "wait"]
    assert [each.what for each in steps] == ["control", "fill", "advance", "price", "fault", "clear", "cancel"]
    assert played.venue == "binance-spot"
    assert story.parse(story.dump(played, VERBS), STEPS, ENDINGS) == played
    page.press(Keys.ESCAPE)

    page.click("#copy-pytest")
    source = str(page.script("return document.getElementById('text-body').value"))
    assert [node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)] == ["test_session"]
    exchange, made = MagicMock(), dict[str, Any]()
    exec(compile(source, "copied", "exec"), made)
    made["test_session"](exchange)
    done = [(name, given) for name, *given in exchange.mock_calls]
    assert done[:3] == [
        ("place", [("BUY", "0.01000", "50000.00"), {"symbol": "BTCUSDT"}]),
        ("place().fill", [("0.005",), {}]),
        ("advance", [(), {"hours": 1}]),
    ]
    assert ("fault", [("stall",), {"for": "2s"}]) in done
    assert done[-1] == ("place().cancel", [(), {}])
    assert page.text("#copied") in ("Copied.", "Press Ctrl-C to copy it.")


def test_worlds_are_apart(page: Page, mock: Mock) -> None:
    """Another world is chosen, and what is done goes there."""
    mock.place()
    mock.ask("POST", "/worlds", name="other")
    page.until(lambda: "other" in page.texts("#world option"))
    page.choose("world", "other")
    page.until(lambda: page.texts("#account option") == ["main"])
    page.until(lambda: page.texts(FILLED) == [])
    page.click('#clock [data-by="1m"]')
    page.until(lambda: mock.ask("GET", "/clock?world=other")["clock"]["ahead_ns"] == 60 * 10**9)
    assert mock.ask("GET", "/clock")["clock"]["ahead_ns"] == 0


def test_letters_are_explained(page: Page, mock: Mock) -> None:
    """Pointing at a letter says what it means; so does the focus, once Enter has opened the line."""
    with tail(mock, "binance-futures"):
        page.until(lambda: page.texts("#connections tbody tr td:nth-child(4)") == ["demo"], within=20)
        mock.place("binance-futures", quantity="0.1")
        line = journal_line(page, "ORDER_TRADE_UPDATE")
    letter = page.until(
        lambda: [each for each in page.all(f"{line} code .letter") if each.text == '"X"'] if page.all(line) else []
    )[0]
    ActionChains(page.driver).move_to_element(letter).perform()
    page.until(lambda: page.text("#explained") == "X → order status: how the order stands")
    assert page.one("#explained").is_displayed()
    page.script("document.querySelector(arguments[0]).focus()", f"{line} summary")
    page.press(Keys.ENTER)
    page.until(lambda: page.all(f"{line} details[open] table"))
    page.tab_to(f"{line} th .letter")
    page.until(lambda: page.text("#explained") == "e → event type")
    assert ["S", "side", '"BUY"'] in [row.text.split(" ") for row in page.all(f"{line} tr")]
