"""Faults of the TLS handshake, before there is a byte of HTTP: only where the mock speaks TLS.

Nobody's key is known then, so such a fault is of the world of the port, or of the default one.
What this module does not do: make a certificate (``attach.authority``), or end a connection (``attach.gate``).
"""

from __future__ import annotations

import attrs
from attrs.validators import ge, le

from mockserver.faults.kinds import MS, Kind

HOUR = 3_600 * 1_000 * MS


class Handshake(Kind):
    """What befalls a TLS handshake; of two the first prevails."""

    seam = "tls"


@attrs.frozen(kw_only=True)
class TlsExpired(Handshake):
    """The certificate ran out so long ago."""

    ago_ns: int = attrs.field(default=24 * HOUR, validator=(ge(0), le(10_000 * HOUR)))


@attrs.frozen(kw_only=True)
class TlsWrongHost(Handshake):
    """The certificate is good, and of another host."""


@attrs.frozen(kw_only=True)
class TlsReset(Handshake):
    """The TCP connection is reset once the client has said hello."""
