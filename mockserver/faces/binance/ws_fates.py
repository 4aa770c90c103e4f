"""What faults make of a request of the WebSocket API: late, refused, executed and unanswered, and so on, as of REST.

A request is known to faults by the method `WS` and, for its path, the venue's method (`order.place`); an answer is the
frame that would go out. An error that a fault asks for is told in the venue's own form of an answer.
What this module does not do: decide (`mockserver.faults`), or know a call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from attrs import frozen

from mockserver.faces.base import HttpRequest, HttpResponse
from mockserver.faces.binance.text import json_text, ms
from mockserver.faults import FAIR, Fate, magic, request_thing
from mockserver.faults.carrying import ask
from mockserver.faults.facts import SOCKET
from mockserver.faults.naming import order_of_answer

if TYPE_CHECKING:
    from mockserver.exchange import Account, Exchange
    from mockserver.faces.binance.params import Params
    from mockserver.link import Link

FRAME: Final = "frame"
"""The content type of an answer that is the frame of the session; an error that a fault asks for is JSON of REST."""


@frozen
class Question:
    """A request of the WebSocket API on its way: who asks, and what the session does with it.

    `perform` lets the venue do it and returns the frame; `tell` gives an answer to the client.
    """

    exchange: Exchange
    account: Account | None
    link: Link
    method: str
    params: Params
    perform: Callable[[], HttpResponse]
    tell: Callable[[HttpResponse], None]

    def put(self) -> None:
        """Put it to the venue, as faults will have it."""
        world, sent = self.exchange.world, self.params.values
        if not world.faults.watches("request") and not any("m-" in value for value in sent.values()):
            self.tell(self.perform())
            return
        name, key = (None, {}) if self.account is None else (self.account.name, {"apiKey": self.account.api_key})
        request = HttpRequest(SOCKET, self.method, body=json_text({**sent, **key}).encode(), peer=self.link.peer)
        thing = request_thing("request", request, self.exchange.venue, name, self.link.id)
        fate = world.fate(thing, magic(request))
        self._after(fate.before_ns, "request", lambda: self._arrive(request, fate))

    def _after(self, delay_ns: int, what: str, then: Callable[[], None]) -> None:
        if delay_ns:
            self.exchange.clock.after(delay_ns, f"late {what} {self.method}", then, link=self.link.id)
        else:
            then()

    def _arrive(self, request: HttpRequest, fate: Fate) -> None:
        given = ask(self.exchange, request, fate, self.perform) if fate.handled else None
        if fate.late_ns is not None:
            self._after(fate.late_ns, "deed", lambda: self._do_late(request))
        if fate.until_end_ns and given is not None:
            self._await_end(given, fate)
        else:
            self._leave(given, fate)

    def _do_late(self, request: HttpRequest) -> None:
        """Do what was asked; the answer is nobody's."""
        ask(self.exchange, request, FAIR, self.perform)

    def _await_end(self, given: HttpResponse, fate: Fate) -> None:
        """Answer once the order that is answered about has ended, or after a while."""
        order = order_of_answer(self.exchange, given)
        if order is None:
            self._leave(given, fate)
            return
        name = f"answer about order {order.order_id}"
        patience = self.exchange.clock.after(
            fate.until_end_ns, name, lambda: self._leave(given, fate), link=self.link.id
        )

        def ended() -> None:
            if patience.pending:
                patience.cancel()
                self._leave(given, fate)

        self.exchange.when_ended(order, ended)

    def _leave(self, given: HttpResponse | None, fate: Fate) -> None:
        answer = fate.answer(given, self.exchange.site)
        match fate.heard:
            case "answer":
                self._after(fate.after_ns, "answer to", lambda: self.tell(answer))
            case "hang_up":
                self._after(fate.after_ns, "end of", self.link.reset if fate.is_reset else self.link.drop)
            case "never":
                pass


def error_of(answer: HttpResponse, now_ns: int) -> Mapping[str, object] | None:
    """Return the error of an answer that a fault asks for, as the WebSocket API tells it; None: it is no such one.

    When to come back REST says in a header, in seconds; here it is told in `data`, as an epoch in milliseconds.
    """
    if answer.content_type == FRAME:
        return None
    try:
        error = json.loads(answer.body)
    except ValueError:
        return None
    wait_s = dict(answer.headers).get("Retry-After")
    if wait_s is None or not isinstance(error, dict):
        return error if isinstance(error, dict) else None
    return {**error, "data": {"serverTime": ms(now_ns), "retryAfter": ms(now_ns) + int(wait_s) * 1_000}}
