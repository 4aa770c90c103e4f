"""A venue and its Session, byte for byte: the test says what the exchange says, and reads what a user is told."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs

from exchstream.core.happenings import Answered, Clocked, Connected, Received, Started
from exchstream.core.venue import Reply, Venue
from exchstream.events import OrderUpdate
from exchstream.model import OrderStatus
from tests.unit.exchstream.core.toy import Driver


@attrs.define
class Desk:
    """One account.  `rest` has by path what REST answers: JSON, or a function of the query that gives it."""

    venue: Venue
    rest: dict[str, Any]
    driver: Driver = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.driver = Driver(self.venue)  # type: ignore[arg-type]

    @property
    def phase(self) -> str:
        return self.driver.session.status().phase

    def say(self, *messages: dict[str, Any]) -> None:
        """The exchange says this on the newest link, in one batch."""
        frames = tuple(json.dumps(message).encode() for message in messages)
        self.driver.do(Received(self.driver.link, frames, self.driver.now.mono_ns))

    def answer(self) -> None:
        """Answer whatever is asked, until nothing is."""
        driver = self.driver
        for _ in range(100):
            if not driver.asks:
                return
            number, question = next(iter(driver.asks.items()))
            del driver.asks[number]
            target = urlsplit(self.venue.request(question, driver.session.memory, driver.now.wall_ns).target)
            found = self.rest[target.path]
            said = json.dumps(found(dict(parse_qsl(target.query))) if callable(found) else found).encode()
            driver.do(Answered(number, Reply(200, {}, said, driver.now.wall_ns)))
        raise AssertionError("it never stops asking")

    def pass_time(self, seconds: int) -> None:
        """Let time pass on a link that is heard, and answer what is asked meanwhile."""
        for _ in range(seconds):
            self.driver.advance(1)
            self.driver.hear()
            self.answer()

    def start(self) -> None:
        """As far as the first connection, which nobody has answered yet."""
        self.driver.do(Started())
        self.driver.do(Clocked())
        self.answer()
        self.driver.do(Connected(self.driver.link))

    def told(self) -> list[tuple[str, OrderStatus, str]]:
        """(id, status, filled) of every order update so far."""
        return [
            (update.order_id, update.status, f"{update.filled_quantity.normalize():f}")
            for update in self.driver.told(OrderUpdate)
        ]
