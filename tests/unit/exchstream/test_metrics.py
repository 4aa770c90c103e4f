"""The metrics as a Prometheus server reads them: every line parses, names keep the conventions, absence is absence."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any, cast

import attrs
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families as parsed

from exchstream.core.state import PHASES, Status
from exchstream.core.venue import SECOND
from exchstream.errors import MissingExtra
from exchstream.metrics import StreamCollector, metrics_text

T0_NS = 1_795_000_000 * SECOND
FRESH = Status("connecting", None, T0_NS, 0, 0, 0, None, "Connection refused")
BUSY = Status(
    phase="looking back",
    gap_since_ns=T0_NS + SECOND // 2,
    good_ns=T0_NS,
    reconnects=3,
    duplicates=7,
    fills_recovered=2,
    credential_renew_ns=T0_NS + 24 * SECOND,
    last_error="reset",
    lag_ns=SECOND // 4,
    fact_ns=T0_NS + 9 * SECOND,
    credential_since_ns=T0_NS + 4 * SECOND,
    credential_expires_ns=T0_NS + 60 * SECOND,
)


@attrs.frozen
class Journal:
    visible: int = 42


@attrs.frozen
class Stream:
    """What the collector needs of a stream."""

    accounts: Mapping[tuple[str, str], Status]
    journal: Journal = Journal()

    def status(self) -> Mapping[tuple[str, str], Status]:
        return self.accounts

    def behind(self) -> Mapping[str, int]:
        return {"stream": 5, 'a "bot"\n': 0}


def stream(**accounts: Status) -> Any:
    return cast(Any, Stream({("ftx", name): status for name, status in accounts.items()}))


def samples(text: bytes) -> dict[tuple[str, str], float]:
    """Every sample by its name and the label that tells it from the others of one account."""
    found: dict[tuple[str, str], float] = {}
    for family in parsed(text.decode()):
        for sample in family.samples:
            own = [sample.labels[name] for name in ("phase", "reader", "account") if name in sample.labels]
            found[sample.name, (own or [""])[0]] = sample.value
    return found


def test_everything_that_the_status_says_is_there() -> None:
    """Instants are UTC seconds, durations seconds, counts counters; one row of each for each account."""
    assert samples(metrics_text(stream(main=BUSY))) == {
        ("exchstream_account_up", "main"): 0,
        ("exchstream_gap_open", "main"): 1,
        ("exchstream_gap_since_timestamp_seconds", "main"): 1_795_000_000.5,
        ("exchstream_proven_until_timestamp_seconds", "main"): 1_795_000_000,
        ("exchstream_lag_seconds", "main"): 0.25,
        ("exchstream_last_fact_timestamp_seconds", "main"): 1_795_000_009,
        ("exchstream_credential_renewed_timestamp_seconds", "main"): 1_795_000_004,
        ("exchstream_credential_expiry_timestamp_seconds", "main"): 1_795_000_060,
        ("exchstream_reconnects_total", "main"): 3,
        ("exchstream_duplicates_suppressed_total", "main"): 7,
        ("exchstream_fills_recovered_total", "main"): 2,
        **{("exchstream_account_phase", phase): float(phase == "looking back") for phase in PHASES},
        ("exchstream_newest_position", ""): 42,
        ("exchstream_reader_behind_positions", "stream"): 5,
        ("exchstream_reader_behind_positions", 'a "bot"\n'): 0,
    }


def test_what_is_not_known_has_no_sample() -> None:
    """No lag before the first fact, no gap while none is open, no key where there is none: absent, and never 0."""
    known = {name for name, account in samples(metrics_text(stream(main=FRESH))) if account == "main"}
    assert known == {
        "exchstream_account_up",
        "exchstream_gap_open",
        "exchstream_proven_until_timestamp_seconds",
        "exchstream_reconnects_total",
        "exchstream_duplicates_suppressed_total",
        "exchstream_fills_recovered_total",
    }


@pytest.mark.parametrize(("phase", "up"), [("connecting", 0), ("looking back", 0), ("live", 1), ("down", 0)])
def test_an_account_is_up_when_it_is_live(phase: str, up: int) -> None:
    """In each of the phases; exactly one of them is 1."""
    found = samples(metrics_text(stream(main=attrs.evolve(FRESH, phase=phase))))
    assert found["exchstream_account_up", "main"] == up
    assert [name for name in PHASES if found["exchstream_account_phase", name]] == [phase]


def test_names_keep_the_conventions() -> None:
    """A counter ends in _total, an instant in _timestamp_seconds, all begin with ours; each has a help text."""
    families = list(parsed(metrics_text(stream(main=BUSY, two=FRESH)).decode()))
    for family in families:
        assert re.fullmatch(r"exchstream_[a-z_]+", family.name)
        assert family.documentation.endswith(".")
        assert {sample.name.endswith("_total") for sample in family.samples} == {family.type == "counter"}
    assert len({family.name for family in families}) == len(families)


def test_a_registry_of_the_users_own_takes_it() -> None:
    """Beside other metrics; two collectors of one name are refused by the registry, as with any other metric."""
    registry = CollectorRegistry(auto_describe=True)
    registry.register(StreamCollector(stream(main=FRESH)))
    assert registry.get_sample_value("exchstream_account_up", {"venue": "ftx", "account": "main"}) == 0
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(StreamCollector(stream(main=FRESH)))


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.delitem(sys.modules, "exchstream.metrics")
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingExtra, match=r"pip install 'exchstream\[metrics\]'"):
        __import__("exchstream.metrics")
