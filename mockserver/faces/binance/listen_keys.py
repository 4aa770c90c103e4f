"""Listen keys: one live key per account, 60 minutes from the last sign of life.

"If the account has an active listenKey, that listenKey will be returned and its validity will be extended for 60
minutes" (USD-M docs, Start User Data Stream, 2025-11): two programs on one account share one key, and one `DELETE`
silences both. Spot had the same rule until listen keys ended there on 2026-02-20.
What this module does not do: know which sockets listen; whoever is told of an expiry looks for them.
"""

from __future__ import annotations

from collections.abc import Callable
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
    timer: Timer


@define(eq=False)
class ListenKeys:
    """The live keys of one venue in one world.

    Invariants: at most one key per account; a key that is not here is dead, and dead keys never live again.
    `expired` is called when a key's time has run out, after it has died, and not for keys that were deleted.
    """

    exchange: Exchange
    expired: Callable[[ListenKey, int], None]
    _random: Random = field(init=False)
    _by_account: dict[str, ListenKey] = field(factory=dict, init=False)  # bounded: one per account
    _by_value: dict[str, ListenKey] = field(factory=dict, init=False)  # bounded: one per account

    def __attrs_post_init__(self) -> None:
        self._random = self.exchange.random("listen keys")

    def start(self, account: str) -> str:
        """Return the account's key, extended, or a new one."""
        alive = self.keep_alive(account)
        if alive is not None:
            return alive
        value = "".join(self._random.choices(LETTERS, k=LENGTH))
        key = ListenKey(value, account, self._timer(account))
        self._by_account[account] = self._by_value[value] = key
        self.exchange.claim(value, account)
        return value

    def keep_alive(self, account: str) -> str | None:
        """Extend the account's key by 60 minutes from now and return it; None if there is no live key."""
        key = self._by_account.get(account)
        if key is None:
            return None
        key.timer.cancel()
        key.timer = self._timer(account)
        return key.value

    def end(self, account: str) -> bool:
        """Delete the account's key; whether there was one. Nobody is told: the stream was closed normally."""
        key = self._by_account.pop(account, None)
        if key is None:
            return False
        key.timer.cancel()
        del self._by_value[key.value]
        self.exchange.disclaim(key.value)
        return True

    def expire(self, account: str | None, *, notices: int = 1) -> int:
        """Let the keys of one account, or all, run out now; how many did."""
        keys = [key for key in self._by_account.values() if account in (None, key.account)]
        for key in keys:
            self.end(key.account)
            self.expired(key, notices)
        return len(keys)

    def owner(self, value: str) -> str | None:
        """Return the account of a live key, or None."""
        key = self._by_value.get(value)
        return None if key is None else key.account

    def reset(self) -> None:
        """Forget every key; nobody is told."""
        for account in list(self._by_account):
            self.end(account)

    def _timer(self, account: str) -> Timer:
        return self.exchange.clock.after(LIFE_NS, f"listen key of {account}", lambda: self._run_out(account))

    def _run_out(self, account: str) -> None:
        self.expire(account, notices=self._notices())

    def _notices(self) -> int:
        # Production may say it twice; the setting lets a test have that.
        sent = self.exchange.settings.options.get("listen_key_notices", 1)
        return sent if isinstance(sent, int) else 1
