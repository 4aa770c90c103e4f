"""The client's side of the opening handshake, without a socket, by wsproto as the default transport does it.

websockets' own would not do: it tells of a refusal only when the whole page has come, and some never end.
"""

from __future__ import annotations

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, RejectConnection, RejectData, Request

from exchstream.shell.link import BODY_HEAD
from exchstream.shell.places import Place


class Handshake:
    """`request` is to be sent; `feed` takes the answer until it is settled.

    `behind` is what came behind the answer of a venue that accepts; `status`, `headers` and the beginning of the `body`
    are those of one that refuses (0: it has not).
    """

    def __init__(self, where: Place, headers: list[tuple[bytes, bytes]]) -> None:
        self.accepted = False
        self.settled = False
        self.behind = b""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self._wsproto = WSConnection(ConnectionType.CLIENT)
        self.request = self._wsproto.send(
            Request(host=where.authority, target=where.target, extra_headers=list(headers))
        )

    def feed(self, data: bytes | bytearray) -> None:
        """Take in what was read.  Raises wsproto's ProtocolError for what is no answer."""
        rest = bytes(data)
        while rest and not self.settled:
            # Line by line, so that no frame behind the head goes where it does not come out again.
            end = len(rest) if self.status else rest.find(b"\n") + 1 or len(rest)
            self._wsproto.receive_data(rest[:end])
            rest = rest[end:]
            for event in self._wsproto.events():
                match event:
                    case AcceptConnection():
                        self.accepted = self.settled = True
                        self.behind = rest
                    case RejectConnection(status_code=status, headers=headers, has_body=has_body):
                        self.status, self.headers, self.settled = status, list(headers), not has_body
                    case RejectData(data=piece, body_finished=finished):
                        self.body += piece
                        self.settled = finished or len(self.body) >= BODY_HEAD
                    case _:
                        pass
