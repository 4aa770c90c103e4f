"""The life of the credential that an account's links are dialled with (a listen key): its renewal and its end.

Which one is in force stands in `Memory.credential`; this knows since when, and what is due.  It ends no links and asks
nothing: the Session does.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from exchstream.core.happenings import Now, Range
from exchstream.core.venue import CredentialIs, Memory, Secret


@attrs.define
class Tenure:
    """`since_ns` is by the venue's clock, `renew_ns` (None: asked for) and `expires_ns` are monotonic."""

    memory: Memory
    since_ns: int | None = None
    renew_ns: int | None = None
    expires_ns: int | None = None

    @property
    def value(self) -> Secret | None:
        """The credential in force."""
        return None if self.memory.credential is None else self.memory.credential.value

    def begin(self, credential: CredentialIs, now: Now) -> None:
        """This one is in force, for the first time or for longer."""
        self.memory.credential, self.since_ns = credential, now.wall_ns
        self.renew_ns = now.mono_ns + max(credential.renew_ns - now.wall_ns, 0)
        self.expires_ns = now.mono_ns + max(credential.expires_ns - now.wall_ns, 0)

    def end(self) -> None:
        """None is in force."""
        self.memory.credential = self.since_ns = self.renew_ns = self.expires_ns = None

    def over(self, now: Now) -> bool:
        """True if it was not renewed in time."""
        return self.expires_ns is not None and now.mono_ns >= self.expires_ns

    def renewal(self, now: Now) -> Range | None:
        """How much later to ask for its renewal, once that is due: processes that share it must not do so in step."""
        credential = self.memory.credential
        if credential is None or self.renew_ns is None or now.mono_ns < self.renew_ns:
            return None
        self.renew_ns = None
        return Range(0, credential.spread_ns)

    def wake_ns(self) -> Iterator[int]:
        """The instants at which something is due."""
        yield from (instant for instant in (self.renew_ns, self.expires_ns) if instant is not None)
