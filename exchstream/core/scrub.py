"""The one place where credentials are taken out of what is shown or kept (G8)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from exchstream.core.venue import Secret

HIDDEN: Final = b"***"
MIN_SECRET: Final = 4  # anything shorter stands in too many innocent words
MIN_PART: Final = 8  # so much of a secret is worth hiding
# In a query, a header or JSON, and in JSON that stands as a text in JSON, where its quotes are escaped.
_SIGNATURES: Final = re.compile(rb"""(?i)((?:signature|sign|listenkey)[\\"'\s]*[=:][\\"'\s]*)[A-Za-z0-9+/=%_\-]{8,}""")


def needles(secrets: Iterable[Secret]) -> tuple[bytes, ...]:
    """What to look for; made once, and not for every message."""
    texts = (secret.reveal().encode() for secret in secrets)
    return tuple(text for text in texts if len(text) >= MIN_SECRET)


def scrub_cut(text: bytes, secrets: Iterable[bytes]) -> bytes:
    """`scrub` for a text that may have been cut off in the middle of a secret: what is left of one goes too."""
    for secret in secrets:
        start = text.find(secret[:MIN_PART])
        while start >= 0:
            end = start
            while end < len(text) and end - start < len(secret) and text[end] == secret[end - start]:
                end += 1
            text = text[:start] + HIDDEN + text[end:]
            start = text.find(secret[:MIN_PART], start + len(HIDDEN))
    return scrub(text, ())


def scrub(raw: bytes, secrets: Iterable[bytes]) -> bytes:
    """`raw` without these texts and without anything that is named as a signature or a listen key."""
    for text in secrets:
        raw = raw.replace(text, HIDDEN)
    lower = raw.lower()  # `find`, since `in` first asks whether the bytes are an integer: longer than the search takes
    if lower.find(b"sign") >= 0 or lower.find(b"listenkey") >= 0:  # spares most messages the search
        raw = _SIGNATURES.sub(rb"\1" + HIDDEN, raw)
    return raw
