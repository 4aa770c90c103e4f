"""The mock's own metrics for Prometheus: what each world holds and has seen.

Names follow the conventions of Prometheus, as those of ``exchstream.metrics``. Counters begin anew with a world.
Needs the extra ``metrics``; importing this module raises ImportError without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import attrs
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mockserver.world import Worlds

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
NS: Final = 1_000_000_000


@attrs.frozen(eq=False)
class WorldsCollector(Collector):
    """The metrics of a server, for a registry of prometheus_client."""

    worlds: Worlds

    def collect(self) -> Iterator[Metric]:
        """All metrics as they are now."""
        links = Counter((link.home.name, link.venue) for link in self.worlds.links.values())
        connections = GaugeMetricFamily("mockserver_connections", "Open WebSockets.", labels=("world", "venue"))
        requests = CounterMetricFamily("mockserver_requests", "Requests by their status.", labels=("world", "status"))
        unmatched = CounterMetricFamily("mockserver_unmatched_requests", "Requests that no venue and no route took.")
        entries = CounterMetricFamily(
            "mockserver_journal_entries", "What was sent, received and done.", labels=("world", "kind")
        )
        hits = CounterMetricFamily("mockserver_fault_hits", "What each fault did.", labels=("world", "fault"))
        changes = CounterMetricFamily("mockserver_order_changes", "Changes of clients' orders.", labels=("world",))
        timers = GaugeMetricFamily("mockserver_timers_pending", "Timers that are to come.", labels=("world",))
        ahead = GaugeMetricFamily(
            "mockserver_clock_ahead_seconds", "How far timers are ahead of the time that is told.", labels=("world",)
        )
        for name, world in self.worlds.worlds.items():
            for venue in world.exchanges:
                connections.add_metric((name, venue), links[name, venue])
            for status, count in sorted(world.recorder.statuses.items()):
                requests.add_metric((name, str(status)), count)
            for kind, count in sorted(world.recorder.counts.items()):
                entries.add_metric((name, kind), count)
            for fault, count in world.faults.hits.items():
                hits.add_metric((name, fault), count)
            changes.add_metric((name,), world.truth.sequence)
            timers.add_metric((name,), len(world.clock.timers()))
            ahead.add_metric((name,), world.clock.ahead_ns / NS)
        unmatched.add_metric((), self.worlds.default.recorder.unmatched)
        yield from (connections, requests, unmatched, entries, hits, changes, timers, ahead)


def metrics_text(worlds: Worlds) -> bytes:
    """The page that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(WorldsCollector(worlds))
    return generate_latest(registry)
