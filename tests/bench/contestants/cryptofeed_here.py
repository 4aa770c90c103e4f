"""What cryptofeed needs to find any of its exchanges on this machine: it takes no other than `wss://` addresses."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.bench.contestants.meter import Meter


class OnThisMachine:
    """Stands before an exchange of cryptofeed's; `meter` is told when the subscription stands."""

    meter: ClassVar[Meter]

    def connect(self) -> list[Any]:
        """Its connections, at the address that the meter knows."""
        made: list[Any] = super().connect()  # type: ignore[misc]
        for connection, *_ in made:
            connection.address = connection.address.replace("wss://", self.meter.ws.partition("127")[0])
        return made

    async def subscribe(self, conn: Any) -> None:
        """As it does, and say so."""
        await super().subscribe(conn)  # type: ignore[misc]
        self.meter.ready()
