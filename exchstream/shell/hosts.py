"""One `Host` for all accounts of one venue at one REST address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

import attrs
import trio

from exchstream.core.venue import Venue
from exchstream.shell.host import Host
from exchstream.shell.http import Http

CLOSE_SECONDS: Final = 1.0  # a connection that does not close by then is let go with the process's


@attrs.define
class Hosts:
    """The hosts of one stream, by (venue name, REST address); leaving `open` closes their connections."""

    _hosts: dict[tuple[str, str], Host] = attrs.field(factory=dict)

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        """Hosts that live as long as the block."""
        hosts = cls()
        try:
            yield hosts
        finally:
            with trio.move_on_after(CLOSE_SECONDS) as scope:
                scope.shield = True
                for host in hosts._hosts.values():
                    await host.aclose()

    def host(self, venue: Venue) -> Host:
        """The host that this account shares."""
        key = (venue.name, venue.rest_url)
        if key not in self._hosts:
            self._hosts[key] = Host(Http(limits=venue.http_limits), venue.buckets, limits=venue.host_limits)
        return self._hosts[key]
