"""The one place where credentials are taken out of what is shown or kept (G8)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from exchstream.core.venue import Secret

HIDDEN: Final = b"***"
MIN_SECRET: Final = 4  # anything shorter stands in too many innocent words
_SIGNATURES: Final = re.compile(rb'(?i)((?:signature|sign|listenkey)"?\s*[=:]\s*"?)[A-Za-z0-9+/=%_\-]{8,}')


def scrub(raw: bytes, secrets: Iterable[Secret]) -> bytes:
    """`raw` without these secrets and without anything that is named as a signature or a listen key."""
    for secret in secrets:
        text = secret.reveal().encode()
        if len(text) >= MIN_SECRET and text in raw:
            raw = raw.replace(text, HIDDEN)
    if b"ign" in raw or b"isten" in raw:
        raw = _SIGNATURES.sub(rb"\1" + HIDDEN, raw)
    return raw
