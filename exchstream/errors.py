"""The errors, by whose act each one was.

    ExchstreamError
     +-- ConfigError            yours: an argument, key or file that cannot work as given
     |    +-- MissingExtra      yours: a feature whose library is not installed; says which extra to install
     +-- SlowConsumer           yours: a reader fell behind what memory holds; says where to resume
     +-- JournalError           the disk's: the journal cannot be read or written
     +-- AccountFailed          the venue's: one account cannot go on, and a retry cannot mend it
          +-- CredentialsRejected    the key, secret or permission is not accepted
          +-- VenueRetired           the venue no longer offers this way of streaming
          +-- VenueBroken            the venue breaks its own protocol in a way that a retry cannot mend

A lost connection, a time-out or a rate limit is none of these: it is a `GapOpened` in the stream.
"""

from __future__ import annotations


class ExchstreamError(Exception):
    """The root of all errors that this package raises on purpose."""


class ConfigError(ExchstreamError, ValueError):
    """An argument, key or environment variable cannot work as given; the text says what to change."""


class MissingExtra(ConfigError, ImportError):
    """A feature needs a library that is not installed; the text names the extra to install."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra {extra!r}: pip install 'exchstream[{extra}]'")


class SlowConsumer(ExchstreamError):
    """The reader is so far behind that events it has not seen are kept no more, neither in memory nor in a file.

    `position` is where the reader stood, `resume_after` the lowest position from which it can go on
    (`stream.follow(after=error.resume_after)`): what lies between is lost to this reader.
    """

    def __init__(self, position: int, resume_after: int) -> None:
        self.position = position
        self.resume_after = resume_after
        super().__init__(
            f"reader at position {position} fell behind: {resume_after - position} events are kept no more; "
            f"resume with stream.follow(after={resume_after}), read faster, or keep more: memory_events, or a journal"
        )


class JournalError(ExchstreamError):
    """The journal cannot be read or written; nothing was overwritten."""


class AccountFailed(ExchstreamError):
    """One account cannot go on; the same text stands in its `AccountDown` event."""

    def __init__(self, venue: str, account: str, detail: str) -> None:
        self.venue = venue
        self.account = account
        self.detail = detail
        super().__init__(f"{venue} account {account!r}: {detail}")


class CredentialsRejected(AccountFailed):
    """The venue refuses the key, the signature or a permission."""


class VenueRetired(AccountFailed):
    """The venue no longer offers this way of streaming; the text names the successor."""


class VenueBroken(AccountFailed):
    """The venue answered in a way that no retry can mend."""
