"""The pictures of the page in the documentation: ``nox -s page -- screenshots`` makes them anew."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from selenium.webdriver import ActionChains
from selenium.webdriver.support.select import Select

from tests.page.browser import ROOT, Page, chromium, mock_exchange
from tests.page.pictures import small
from tests.page.tail import tail

FOLDER: Final = ROOT / "docs" / "mock"
MOST_BYTES: Final = 150_000


def main() -> None:
    """Play a little, and take a picture in each colour scheme."""
    options = ("--seed", "1", "--trade-demo", "0.3")
    with mock_exchange(*options) as mock, chromium() as driver, tail(mock, "binance-spot") as told:
        driver.set_window_size(1280, 1250)
        page = Page(driver, mock)
        told.until(lambda event: event["event"] == "fill", 2)
        mock.place(side="SELL", quantity="0.01", price="60900", client_order_id="mine")
        page.click('button[data-act="fill half"]')
        page.click('#clock [data-by="1h"]')
        page.until(lambda: page.texts("#fired li"))
        Select(page.one("#kind")).select_by_value("exec_status_unknown")
        page.click("#arm summary")
        page.one('#match [name="path"]').send_keys("/api/v3/order")
        page.click("#arm > button")
        page.until(lambda: page.texts("#armed li"))
        Select(page.one("#shown")).select_by_value("ws-out rest-in ws-in")
        page.until(lambda: page.all("#lines .letter"), within=30)
        page.until(lambda: page.texts("#checks .green"))
        page.click("#hold")
        pictures = {}
        page.script("document.activeElement.blur()")
        for scheme in ("light", "dark"):
            page.dark(scheme)
            page.script("scrollTo(0, 0)")
            pictures[f"page-{scheme}.png"] = driver.get_screenshot_as_png()
        page.dark("light")
        driver.set_window_size(1280, 620)
        page.script("document.getElementById('journal').scrollIntoView()")
        line = next(each for each in page.all("#lines details") if "executionReport" in each.text)
        letter = next(each for each in line.find_elements("css selector", "code .letter") if each.text == '"X"')
        ActionChains(driver).move_to_element(letter).perform()
        pictures["page-letters.png"] = driver.get_screenshot_as_png()
        for name, picture in pictures.items():
            write(FOLDER / name, small(driver, picture))


def write(path: Path, picture: bytes) -> None:
    """Keep a picture that is small enough to be kept."""
    if len(picture) > MOST_BYTES:
        raise SystemExit(f"{path.name} has {len(picture)} bytes; {MOST_BYTES} are the most")
    path.write_bytes(picture)
    print(f"{path.relative_to(ROOT)}: {len(picture)} bytes")


if __name__ == "__main__":
    main()
