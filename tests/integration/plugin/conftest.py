"""Runs tests with the pytest plugin in a process of its own; what they find there is a client of urllib."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TRIO = "-p no:anyio -o trio_mode=true"
CLIENT = """
import hashlib, hmac, json, time, urllib.error, urllib.parse, urllib.request
import pytest

def call(mock, method, path, signed=False, **params):
    if signed:
        params["timestamp"] = int(time.time() * 1000)
    query = urllib.parse.urlencode(params)
    if signed:
        query += "&signature=" + hmac.new(mock.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    headers = {"X-MBX-APIKEY": mock.api_key} if signed else {}
    asked = urllib.request.Request(f"{mock.http}{path}?{query}", method=method, headers=headers)
    with urllib.request.urlopen(asked) as answer:
        return json.load(answer)

def buy(mock, client_id, quantity="0.01", price="50000"):
    terms = dict(symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity=quantity, price=price)
    return call(mock, "POST", "/api/v3/order", signed=True, newClientOrderId=client_id, **terms)
"""

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run these tests with the plugin, in a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def go(source: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=CLIENT + source)
        warnings = ("-W", "error", "-p", "no:cacheprovider")
        return pytester.runpytest_subprocess("-p", "mockserver.pytest_plugin", *TRIO.split(), *warnings, *arguments)

    return go
