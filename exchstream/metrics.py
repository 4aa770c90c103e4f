"""The status of a stream as Prometheus metrics: what `stream.status()` and `stream.behind()` say, and no more.

    from prometheus_client import REGISTRY
    REGISTRY.register(StreamCollector(stream))      # beside your own metrics, whatever serves them
    page = metrics_text(stream)                     # or the text by itself, for a handler of your own

Names follow the conventions of Prometheus: base units, `_total` for what only grows, instants as UTC seconds from
which the query makes an age (`time() - ...`).  What is not known (a lag before the first fact) has no sample.
Labels are the venue, the account's name and the reader's name; nothing here ever knows a key.

Needs the extra `metrics`; importing this module raises MissingExtra without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import attrs

from exchstream.core.state import PHASES, Status
from exchstream.core.venue import SECOND
from exchstream.errors import MissingExtra
from exchstream.shell.stream import OrderStream

try:
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector
except ImportError:
    raise MissingExtra("exchstream.metrics", "metrics") from None

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"  # what `metrics_text` makes

_ACCOUNT: Final = ("venue", "account")


def _seconds(time_ns: int | None) -> float | None:
    return None if time_ns is None else time_ns / SECOND


_GAUGES: Final[tuple[tuple[str, str, Callable[[Status], float | None]], ...]] = (
    ("account_up", "1 while the account is live and no gap is open.", lambda status: status.phase == "live"),
    ("gap_open", "1 while facts may be missing.", lambda status: status.gap_since_ns is not None),
    (
        "gap_since_timestamp_seconds",
        "From when on facts may be missing, while a gap is open.",
        lambda status: _seconds(status.gap_since_ns),
    ),
    (
        "proven_until_timestamp_seconds",
        "Up to when everything has been proven told.",
        lambda status: _seconds(status.good_ns),
    ),
    (
        "lag_seconds",
        "How long after its time at the venue the last live fact was here.",
        lambda status: _seconds(status.lag_ns),
    ),
    ("last_fact_timestamp_seconds", "When the last live fact came.", lambda status: _seconds(status.fact_ns)),
    (
        "credential_renewed_timestamp_seconds",
        "When the listen key was given or last renewed.",
        lambda status: _seconds(status.credential_since_ns),
    ),
    (
        "credential_expiry_timestamp_seconds",
        "When the listen key is dead unless it is renewed.",
        lambda status: _seconds(status.credential_expires_ns),
    ),
)
_COUNTERS: Final[tuple[tuple[str, str, Callable[[Status], int]], ...]] = (
    ("reconnects", "Links that have ended.", lambda status: status.reconnects),
    ("duplicates_suppressed", "Facts that came again and were not told.", lambda status: status.duplicates),
    ("fills_recovered", "Executions that REST brought.", lambda status: status.fills_recovered),
)


@attrs.frozen(eq=False)
class StreamCollector(Collector):
    """One stream's metrics, for a registry of prometheus_client.

    `collect` may run in another thread, such as that of `prometheus_client.start_http_server`.
    """

    stream: OrderStream

    def collect(self) -> Iterator[Metric]:
        """All metrics as they are now."""
        accounts = self.stream.status()
        for name, text, value_of in _GAUGES:
            gauge = GaugeMetricFamily(f"exchstream_{name}", text, labels=_ACCOUNT)
            for owner, status in accounts.items():
                if (value := value_of(status)) is not None:
                    gauge.add_metric(owner, float(value))
            yield gauge
        for name, text, count_of in _COUNTERS:
            counter = CounterMetricFamily(f"exchstream_{name}", text, labels=_ACCOUNT)
            for owner, status in accounts.items():
                counter.add_metric(owner, count_of(status))
            yield counter
        phases = GaugeMetricFamily(
            "exchstream_account_phase", "1 for the phase that the account is in.", labels=(*_ACCOUNT, "phase")
        )
        for owner, status in accounts.items():
            for phase in PHASES:
                phases.add_metric((*owner, phase), float(status.phase == phase))
        yield phases
        newest = self.stream.journal.visible
        yield GaugeMetricFamily("exchstream_newest_position", "The position of the newest event.", value=newest)
        readers = GaugeMetricFamily(
            "exchstream_reader_behind_positions",
            "How many positions the reader has still to acknowledge.",
            labels=("reader",),
        )
        for reader, behind in self.stream.behind().items():
            readers.add_metric((reader,), behind)
        yield readers


def metrics_text(stream: OrderStream) -> bytes:
    """The stream's metrics in the text format of Prometheus, to be served as `CONTENT_TYPE`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StreamCollector(stream))
    return generate_latest(registry)
