"""Spot's user data on the WebSocket API: subscriptions on one socket, beside its requests and answers.

Events are told from answers by the key `event`, and one account's from another's by `subscriptionId`
(spot docs `web-socket-api.md`, 2026-07).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from attrs import define, field, frozen

from mockserver.faces.binance import auth, errors
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.params import Params
from mockserver.faces.binance.streams import UserDataFace
from mockserver.faces.binance.text import json_text
from mockserver.faces.binance.ws_api import SESSION_METHODS, SIGNATURE, Own, WsApiSession, own

if TYPE_CHECKING:
    from mockserver.engine.types import Event
    from mockserver.exchange import Account, Exchange

# "At most 1,000 active subscriptions and 65,535 over the life of a connection" (spot docs).
MAX_ACTIVE: Final = 1_000
MAX_SUBSCRIPTION_ID: Final = 65_535


@frozen
class Subscription:
    """A user data subscription; one `by_logon` ends with the session's logon."""

    exchange: Exchange
    account: Account
    by_logon: bool


@define(eq=False, slots=False)
class SubscribingSession(WsApiSession):
    """One connection to spot's WebSocket API.

    Invariants: subscription ids count from 0 and are never used twice on one connection; at most one active
    subscription per account.
    """

    own_methods: ClassVar[Mapping[str, Own]] = {
        **SESSION_METHODS,
        "userDataStream.subscribe.signature": own("subscribe_signature", SIGNATURE),
        "userDataStream.subscribe": own("subscribe"),
        "userDataStream.unsubscribe": own("unsubscribe", "subscriptionId"),
        "session.subscriptions": own("subscriptions"),
    }

    _subscriptions: dict[int, Subscription] = field(factory=dict, init=False)  # bounded: MAX_ACTIVE
    _next_id: int = field(default=0, init=False)
    _ended: list[int] = field(factory=list, init=False)  # bounded: MAX_ACTIVE, emptied by each request

    @property
    def accounts(self) -> frozenset[tuple[str, str, str]]:
        """The accounts with an active subscription; a revoked key's subscription carries nothing."""
        return frozenset(
            (each.exchange.world.name, each.exchange.venue, each.account.name)
            for each in self._subscriptions.values()
            if not each.account.revoked
        )

    def on_events(self, exchange: Exchange, events: Sequence[Event]) -> None:
        """Carry the events of subscribed accounts."""
        for number, each in tuple(self._subscriptions.items()):
            if each.exchange is exchange and not each.account.revoked:
                for _, text in _face(exchange).user_data(events, each.account.name, self.at):
                    if number in self._subscriptions:  # a fault may end it behind each of its frames
                        self.link.tell(f'{{"subscriptionId":{number},"event":{text}}}')

    def ending(self) -> None:
        """Tell that the server is about to go: an event without a subscription id."""
        self.link.tell(f'{{"event":{self.face.shutdown_text()}}}')

    def subscribe_signature(self, params: Params) -> object:
        """`userDataStream.subscribe.signature`: any kind of key, no logon needed."""
        exchange, account = auth.caller(self.face.exchange, params.need("apiKey"))
        auth.check_signed(params, account, exchange.told_ns)
        return self._subscribe(Subscription(exchange, account, by_logon=False))

    def subscribe(self, params: Params) -> object:
        """`userDataStream.subscribe`: for the key that has logged on."""
        if self._logon is None:
            raise Refused(errors.NOT_LOGGED_ON)
        return self._subscribe(Subscription(self._logon.exchange, self._logon.account, by_logon=True))

    def _subscribe(self, new: Subscription) -> object:
        active = self._subscriptions.values()
        if any(each.exchange is new.exchange and each.account.name == new.account.name for each in active):
            raise Refused(errors.ALREADY_SUBSCRIBED)
        if self._next_id >= MAX_SUBSCRIPTION_ID or len(self._subscriptions) >= MAX_ACTIVE:
            raise Refused(errors.SUBSCRIPTIONS_SPENT)
        number = self._next_id
        self._next_id += 1
        self._subscriptions[number] = new
        self.link.join(new.exchange)
        return {"subscriptionId": number}

    def unsubscribe(self, params: Params) -> object:
        """`userDataStream.unsubscribe`: one subscription, or all; each is told `eventStreamTerminated` afterwards."""
        number = params.integer("subscriptionId")
        if number is None:
            ended = list(self._subscriptions)
        elif number in self._subscriptions:
            ended = [number]
        else:
            raise Refused(errors.NOT_SUBSCRIBED)
        self._end(ended)
        return {}

    def _end(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            del self._subscriptions[number]
        self._ended.extend(numbers)
        self.link.note_sight()

    def _answered(self) -> None:
        ended, self._ended = self._ended, []
        now = self.at(self.face.exchange.now_ns)
        for number in ended:
            event = {"e": "eventStreamTerminated", "E": now}
            self.link.tell(json_text({"subscriptionId": number, "event": event}))

    def terminate(self) -> None:
        """End every subscription, as the venue does when what it rests on has run out."""
        self._end(tuple(self._subscriptions))
        self._answered()

    def subscriptions(self, params: Params) -> object:
        """`session.subscriptions`."""
        return [{"subscriptionId": number} for number in self._subscriptions]

    def status(self, params: Params) -> object:
        """`session.status`, which here tells whether there are subscriptions."""
        return {**self.state(), "userDataStream": bool(self._subscriptions)}

    def _logout(self) -> None:  # ends what `userDataStream.subscribe` opened, and nothing else
        super()._logout()
        self._end([number for number, each in self._subscriptions.items() if each.by_logon])


def _face(exchange: Exchange) -> UserDataFace:
    assert isinstance(exchange.face, UserDataFace)
    return exchange.face
