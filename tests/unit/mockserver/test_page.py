"""The page's routes: its files load nothing from elsewhere, its letters are the venues', news comes when it comes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from mockserver.actions import LIVELY, Action
from mockserver.clock import Clock
from mockserver.control import Control
from mockserver.engine.types import Side
from mockserver.faces.base import HttpRequest, HttpResponse
from mockserver.server import Server
from mockserver.stage import START_NS, Stage, heard
from mockserver.venues import VENUES
from mockserver.world import Recipe, Worlds

FOLDER = files("mockserver").joinpath("pages", "ui")
FILES = {each.name: each.read_text() for each in FOLDER.iterdir()}
LETTERS: dict[str, dict[str, str]] = json.loads(FILES["letters.json"])
BROWSER = (("host", "127.0.0.1:8080"), ("accept", "text/html,*/*;q=0.8"))


@pytest.fixture
def control() -> Control:
    return Control(Worlds(Recipe(venues=VENUES, clock=lambda: Clock(lambda: START_NS))))


def get(control: Control, path: str, *more: tuple[str, str]) -> HttpResponse:
    return control.handle(HttpRequest("GET", f"/__mock{path}", (("host", "127.0.0.1"), *more)))


def test_it_may_load_nothing_from_elsewhere(control: Control) -> None:
    """Every file says so to the browser, and names no other host, no inline script, no inline style, no handler."""
    for name in ("", *(f"/{name}" for name in FILES)):
        policy = dict(get(control, f"/ui{name}").headers)["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
        assert "unsafe" not in policy
    for name, text in FILES.items():
        assert re.findall(r"(?:https?:)?//[a-z]+\.[a-z]", text.replace("http://www.w3.org/2000/svg", "")) == [], name
    assert re.findall(r"<script(?! type=\"module\" src=)|<style|\son[a-z]+=|\sstyle=", FILES["index.html"]) == []


def test_every_file_can_be_read_in_one_sitting() -> None:
    """And what one imports from another is there."""
    for name, text in FILES.items():
        assert len(text.splitlines()) <= 150, name
        assert max(map(len, text.splitlines())) <= 200, name
        for names, other in re.findall(r"import \{([^}]*)\} from \"\./([^\"]+)\"", text):
            exported = set(re.findall(r"export (?:const|let) ([\w$]+)", FILES[other]))
            assert {each.split(" as ")[0].strip() for each in names.split(",")} <= exported, (name, other)


def test_the_ids_that_the_scripts_use_are_in_the_page() -> None:
    """A misspelt one would fail when somebody clicks."""
    there = set(re.findall(r'id="([a-z-]+)"', FILES["index.html"]))
    used = {
        each for name, text in FILES.items() if name.endswith(".js") for each in re.findall(r'\$\("([^"]+)"\)', text)
    }
    assert used <= there


@pytest.mark.parametrize("headers", [(("host", "evil.example"),), (("origin", "http://evil.example"),)])
def test_strangers_hear_no_news(control: Control, headers: tuple[tuple[str, str], ...]) -> None:
    """Neither a page of another origin nor a name that was made to point here."""
    request = HttpRequest("GET", "/__mock/events", (*headers, ("host", "127.0.0.1")))
    assert control.handle(request).status == 403


def told(text: str) -> Iterator[tuple[str, str]]:
    """The events of a frame and the paths of their fields, as the page names them."""
    message: dict[str, Any] = json.loads(text)
    if "channel" in message:
        yield from ((f"ftx {message['channel']}", path) for path in paths(message))
        return
    event = message.get("event", message)
    if isinstance(event, dict) and "e" in event:
        yield from ((event["e"], path) for path in paths(event))


def paths(value: Any, before: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from paths(each, before)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield before + key
            yield from paths(each, f"{before}{key}.")


@pytest.mark.parametrize("venue", [spec.name for spec in VENUES])
def test_every_field_of_the_venues_events_is_explained(venue: str) -> None:
    """Whatever the mock tells of orders, fills, balances and positions in a lively history."""
    stage = Stage(venue)
    link, found = stage.listen(), set[tuple[str, str]]()
    for number in range(400):
        side = Side.BUY if number % 3 else Side.SELL
        act = LIVELY[number * 7 % len(LIVELY)]
        action = Action(act, who=number % 2, which=number % 5, side=side, offset=number % 9 - 4, flag=number % 2 == 0)
        stage.play(action)
        for text in heard(link):
            found.update(told(text))
    events = {event for event, _ in found}
    assert {
        "binance-spot": {"executionReport", "outboundAccountPosition", "balanceUpdate", "listStatus"},
        "binance-futures": {"ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "TRADE_LITE", "ALGO_UPDATE"},
        "ftx": {"ftx orders", "ftx fills"},
    }[venue] <= events
    assert sorted((event, path) for event, path in found if path not in LETTERS.get(event, {})) == []


def test_what_only_looks_is_not_in_the_journal(control: Control) -> None:
    """Whoever follows the journal would follow himself; what is refused is kept all the same."""
    for path in ("/events", "/orders", "/checks?venue=ftx&account=nobody"):
        get(control, path)
    journal = control.worlds.default.recorder.journal()
    assert [row["text"] for row in journal] == ["GET /__mock/checks 404"]


# ------------------------------------------------------------------------------------------------ waiting for news


class Asking:
    """A server in memory, and one client of it."""

    def __init__(self, worlds: Worlds, stream: trio.StapledStream[Any, Any]) -> None:
        self.worlds = worlds
        self.stream = stream

    async def ask(self, target: str, headers: tuple[tuple[str, str], ...] = BROWSER) -> tuple[bytes, bytes]:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        await self.stream.send_all(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += await self.stream.receive_some()
        top, _, body = received.partition(b"\r\n\r\n")
        size = int(re.search(rb"content-length: (\d+)", top.lower())[1])  # type: ignore[index]
        while len(body) < size:
            body += await self.stream.receive_some()
        return top, body

    async def news(self, **query: int) -> dict[str, Any]:
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        top, body = await self.ask(f"/__mock/events?{asked}")
        assert top.startswith(b"HTTP/1.1 200"), body
        return dict(json.loads(body))


@pytest.fixture
async def asking(nursery: trio.Nursery) -> Asking:
    worlds = Worlds(Recipe(venues=VENUES, clock=lambda: Clock(lambda: START_NS)))
    ours, theirs = memory_stream_pair()
    nursery.start_soon(Server(worlds).serve_stream, theirs)
    return Asking(worlds, ours)


async def test_news_comes_as_soon_as_there_is_any(
    asking: Asking, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """What is there already at once, what comes when it comes, and nothing when the time is over."""
    recorder = asking.worlds.default.recorder
    recorder.record("warning", "first")
    began = trio.current_time()
    assert [row["text"] for row in (await asking.news(since=0, wait_ms=4000))["entries"]] == ["first"]
    assert trio.current_time() == began

    async def later() -> None:
        await trio.sleep(0.2)
        recorder.record("warning", "second")

    nursery.start_soon(later)
    told = await asking.news(since=1, wait_ms=4000)
    assert ([row["text"] for row in told["entries"]], told["newest"]) == (["second"], 2)
    assert trio.current_time() - began == pytest.approx(0.2)

    assert await asking.news(since=2, wait_ms=4000) == {"newest": 2, "entries": []}
    assert trio.current_time() - began == pytest.approx(4.2)
    assert recorder.followers == []


async def test_a_new_world_is_told_at_once(asking: Asking, autojump_clock: MockClock) -> None:
    """Its newest entry is before the one that was asked from."""
    asking.worlds.reset("default")
    began = trio.current_time()
    assert await asking.news(since=7, wait_ms=4000) == {"newest": 0, "entries": []}
    assert trio.current_time() == began


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (BROWSER, b"200"),
        ((("host", "127.0.0.1:8080"), ("accept", "*/*")), b"404"),  # no browser: the nearest routes
        ((("host", "fapi.binance.com"), ("accept", "text/html")), b"404"),  # a venue has no such page
        ((("host", "evil.example"), ("accept", "text/html")), b"403"),
    ],
)
async def test_the_front_door(asking: Asking, headers: tuple[tuple[str, str], ...], status: bytes) -> None:
    """A browser that asks for ``/`` gets the page, and nobody else does."""
    top, body = await asking.ask("/", headers)
    assert top.split()[1] == status
    assert (b"<title>Mock exchange</title>" in body) == (status == b"200")
