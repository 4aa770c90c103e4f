"""What reached the mock, by host: the counts that ``exec`` closes with. No contents: those are in the recorder.

Bounded: each count has at most ``MAX_NAMES`` names; what comes after them is counted together.
"""

from __future__ import annotations

from collections import Counter

from mockserver.faces.base import HttpRequest
from mockserver.hosts import foreign_host, host_of

MAX_NAMES = 500
OTHERS = "(others)"
UNAUTHORIZED = 401


class Tally:
    """The counts of one server."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        """By the host that was named; the control API's are not counted."""
        self.links: Counter[str] = Counter()
        self.unmatched: Counter[str] = Counter()
        """Routes that no venue has."""
        self.unproven: Counter[str] = Counter()
        """Hosts at which a venue refused a request for its key."""
        self.refused: Counter[str] = Counter()
        """Hosts that are none of ours, and were not let through."""
        self.let_through: Counter[str] = Counter()
        self.distrusted: Counter[str] = Counter()
        """Hosts whose TLS handshake the client broke off: it does not trust our certificate."""

    def count(self, counter: Counter[str], name: str) -> None:
        """One more of this name."""
        counter[name if name in counter or len(counter) < MAX_NAMES else OTHERS] += 1

    def request(self, request: HttpRequest) -> None:
        """One more REST request."""
        if foreign_host(request.target) is None:
            self.count(self.requests, _host(request))

    def answered(self, request: HttpRequest, status: int) -> None:
        """It was answered with this status."""
        if status == UNAUTHORIZED:
            self.count(self.unproven, _host(request))

    def link(self, request: HttpRequest) -> None:
        """One more WebSocket."""
        self.count(self.links, _host(request))

    def verdict(self, *, held: bool) -> list[str]:
        """The lines that say what happened; ``held``: the client could go nowhere else."""
        lines = []
        for host in sorted(self.requests | self.links):
            lines.append(f"reached the mock as {host}: {self.requests[host]} requests, {self.links[host]} WebSockets")
        if not lines:
            lines.append(f"nothing reached the mock{self._why_nothing(held)}")
        for text, counter in (
            ("the key, its form or what it signed was refused (401), see --keys", self.unproven),
            ("unmatched, no venue has this route", self.unmatched),
            ("refused, the mock does not play this host", self.refused),
            ("let through to the real host", self.let_through),
            ("did not trust the certificate of", self.distrusted),
        ):
            lines += [f"{text}: {name} ({count} times)" for name, count in sorted(counter.items())]
        return lines

    def _why_nothing(self, held: bool) -> str:
        if held or self.distrusted:
            return ""
        return (
            ": a client that ignores proxies is not held (see --isolate; "
            "python -m mockserver clients NAME says what one needs to heed them)"
        )


def _host(request: HttpRequest) -> str:
    return host_of(request.header("host") or "") or "(no host)"
