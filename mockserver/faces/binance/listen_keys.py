"""Listen keys: one live key per account, 60 minutes from the last sign of life.

"If the account has an active listenKey, that listenKey will be returned and its validity will be extended for 60
minutes" (USD-M docs, Start User Data Stream, 2025-11): two programs on one account share one key, and one `DELETE`
silences both. Spot had the same rule until listen keys ended there on 2026-02-20. `replace` is a fault on command: from
then on POST and PUT answer with another key, while the old one still carries events until its own time is over.
What this module does not do: know which sockets listen; whoever is told of an expiry looks for them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from attrs import define, field

if TYPE_CHECKING:
    from random import Random

    from mockserver.clock import Timer
    from mockserver.exchange import Exchange

LIFE_NS: Final = 60 * 60 * 1_000_000_000
# Production shape: clients tell a listen key from a stream name by its 64 letters and digits.
LENGTH: Final = 64
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@define(eq=False)
class ListenKey:
    """A live key: whose it is, and the timer that ends it."""

    value: str
    account: str
    timer: Timer = field(init=False)


@define(eq=False)
class ListenKeys:
    """The live keys of one venue in one world.

    Invariants: an account has at most one key that is given out, and one that was replaced; a key that is not here is
    dead, and dead keys never live again.
    `expired` is called when a key's time has run out, after it has died, and not for keys that were deleted.
    """

    exchange: Exchange
    expired: Callable[[ListenKey, int], None]
    _random: Random = field(init=False)
    _by_account: dict[str, ListenKey] = field(factory=dict, init=False)  # bounded: one per account
    _replaced: dict[str, ListenKey] = field(factory=dict, init=False)  # bounded: one per account
    _by_value: dict[str, ListenKey] = field(factory=dict, init=False)  # bounded: two per account

    def __attrs_post_init__(self) -> None:
        self._random = self.exchange.random("listen keys")

    def start(self, account: str) -> str:
        """Return the account's key, extended, or a new one."""
        return self.keep_alive(account) or self._new(account).value

    def keep_alive(self, account: str, value: str | None = None) -> str | None:
        """Extend the account's key (or this one) by 60 minutes from now and return it; None if there is no live key."""
        key = self._by_account.get(account) if value is None else self._by_value.get(value)
        if key is None:
            return None
        key.timer.cancel()
        key.timer = self._timer(key)
        return key.value

    def end(self, account: str) -> bool:
        """Delete the account's keys; whether there was one. Nobody is told: the stream was closed normally."""
        keys = [keys.get(account) for keys in (self._by_account, self._replaced)]
        for key in keys:
            if key is not None:
                self._end(key)
        return any(keys)

    def expire(self, account: str | None, *, notices: int = 1) -> int:
        """Let the keys of one account, or all, run out now; how many did."""
        keys = [key for key in self._by_value.values() if account in (None, key.account)]
        for key in keys:
            self._end(key)
            self.expired(key, notices)
        return len(keys)

    def replace(self, account: str | None) -> int:
        """Give the accounts with a key another one beside it; how many. One that was replaced before runs out now."""
        keys = [key for key in self._by_account.values() if account in (None, key.account)]
        for key in keys:
            if (before := self._replaced.get(key.account)) is not None:
                self._end(before)
                self.expired(before, self._notices())
            self._replaced[key.account] = key
            self._new(key.account)
        return len(keys)

    def owner(self, value: str) -> str | None:
        """Return the account of a live key, or None."""
        key = self._by_value.get(value)
        return None if key is None else key.account

    def reset(self) -> None:
        """Forget every key; nobody is told."""
        for account in list(self._by_account):
            self.end(account)

    def _new(self, account: str) -> ListenKey:
        key = ListenKey("".join(self._random.choices(LETTERS, k=LENGTH)), account)
        key.timer = self._timer(key)
        self._by_account[account] = self._by_value[key.value] = key
        self.exchange.claim(key.value, account)
        return key

    def _end(self, key: ListenKey) -> None:
        key.timer.cancel()
        for keys in (self._by_account, self._replaced):
            if keys.get(key.account) is key:
                del keys[key.account]
        del self._by_value[key.value]
        self.exchange.disclaim(key.value)

    def _timer(self, key: ListenKey) -> Timer:
        name = f"listen key of {key.account} at {self.exchange.venue}"
        return self.exchange.clock.after(LIFE_NS, name, partial(self._run_out, key), account=key.account)

    def _run_out(self, key: ListenKey) -> None:
        self._end(key)
        self.expired(key, self._notices())

    def _notices(self) -> int:
        # Production may say it twice; the setting lets a test have that.
        sent = self.exchange.settings.options.get("listen_key_notices", 1)
        return sent if isinstance(sent, int) else 1
