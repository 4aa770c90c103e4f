"""A mock exchange and a headless Chromium that looks at it; both are processes, and both end with the block.

The browser reaches this machine only: every other name resolves to nothing. ``Page.requests`` are what it asked for.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

T = TypeVar("T")
ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 10.0
DRIVER: Final = shutil.which("chromedriver")
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--disable-lcd-text",
    "--window-size=1280,1250",
)


class Mock:
    """A mock exchange of its own, known by its readiness line."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready = ready
        self.http = str(ready["http"])

    def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Ask the control API."""
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(f"{self.http}/__mock{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return dict(json.load(answer))

    def place(self, venue: str = "binance-spot", symbol: str = "BTCUSDT", **more: Any) -> dict[str, Any]:
        """Place an order of the demo account that rests, as its owner would."""
        terms = {"side": "BUY", "quantity": "0.01", "price": "50000"} | more
        placed = self.ask("POST", "/orders", venue=venue, account="demo", symbol=symbol, **terms)
        return dict(placed["order"])


@contextmanager
def mock_exchange(*options: str) -> Iterator[Mock]:
    """Serve one on a free port."""
    command = [sys.executable, "-m", "mockserver", "--port", "0", "--json", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield Mock(json.loads(process.stdout.readline()))
        finally:
            process.terminate()


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Start a browser with a profile of its own."""
    with tempfile.TemporaryDirectory(prefix="page-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for each in (*OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(each)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        try:
            yield driver
        finally:
            driver.quit()


class Page:
    """The page of one mock, as a user meets it."""

    def __init__(self, driver: webdriver.Chrome, mock: Mock, venue: str = "binance-spot") -> None:
        self.driver = driver
        self.mock = mock
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        driver.get("about:blank")
        for kind in ("browser", "performance"):
            driver.get_log(kind)  # those of an earlier page
        driver.get(f"{mock.http}/")
        self.until(lambda: self.text("#state") == "Live")
        self.choose("venue", venue)

    def one(self, css: str) -> WebElement:
        """The element."""
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css: str) -> list[WebElement]:
        """The elements."""
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css: str) -> str:
        """What the first such element says; nothing where there is none."""
        return str(self.script("return document.querySelector(arguments[0])?.textContent.trim() ?? ''", css))

    def texts(self, css: str) -> list[str]:
        """What all such elements say."""
        found = self.script(
            "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent.trim())", css
        )
        return [str(each) for each in found]

    def script(self, text: str, *given: object) -> Any:
        """Run JavaScript."""
        return self.driver.execute_script(text, *given)

    def choose(self, name: str, value: str) -> None:
        """Choose in one of the lists."""
        Select(self.one(f"#{name}")).select_by_value(value)

    def click(self, css: str) -> None:
        """Click it, once it is there."""
        self.until(lambda: self.all(css))
        self.one(css).click()

    def press(self, *keys: str) -> None:
        """Type, wherever the focus is."""
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def tab_to(self, css: str, at_most: int = 40) -> int:
        """Press Tab until this has the focus; how often."""
        for pressed in range(1, at_most + 1):
            self.press(Keys.TAB)
            if self.script("return document.activeElement.matches(arguments[0])", css):
                return pressed
        raise AssertionError(f"{css} is not reached by {at_most} tabs")

    def until(self, holds: Callable[[], T], within: float = PATIENCE) -> T:
        """Wait until this holds."""
        end = time.monotonic() + within
        while True:
            try:
                if found := holds():
                    return found
            except StaleElementReferenceException:
                pass
            if time.monotonic() > end:
                raise AssertionError(f"it does not come within {within} s; the page says {self.text('#said')!r}")
            time.sleep(0.05)

    def until_texts(self, css: str, *texts: str) -> None:
        """Wait until these elements say this."""
        self.until(lambda: self.texts(css) == [*texts])

    def dark(self, scheme: str = "dark") -> None:
        """Let the system ask for a colour scheme."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def complaints(self) -> list[str]:
        """What the console says since the page was opened."""
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for since the page was opened."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
        return [str(url) for url in sent]
