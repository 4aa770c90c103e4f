"""The recorder keeps the newest entries and shows none of the secrets."""

from __future__ import annotations

import pytest

from mockserver.faces.base import Close, HttpRequest, HttpResponse, Ping, Text
from mockserver.recorder import MAX_TEXT, Recorder, clean

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "GET /api/v3/order?symbol=X&signature=c8db5&recvWindow=1",
            "GET /api/v3/order?symbol=X&signature=***&recvWindow=1",
        ),
        (
            '{"params":{"apiKey":"abc","signature":"a+b/c==","timestamp":1}}',
            '{"params":{"apiKey":"***","signature":"***","timestamp":1}}',
        ),
        (
            '{"op":"login","args":{"key":"k","sign":"0f","time":1}}',
            '{"op":"login","args":{"key":"***","sign":"***","time":1}}',
        ),
        (f'{{"stream":"{KEY}","data":{{"e":"X"}}}}', '{"stream":"***","data":{"e":"X"}}'),
        (f"GET /private/ws?listenKey={KEY}&events=A/B", "GET /private/ws?listenKey=***&events=A/B"),
        (f"GET /ws/{KEY}", "GET /ws/***"),
        ('{"symbol":"BTCUSDT","side":"BUY","clientOrderId":"x-TKT5PX2F0123456789abcdef01234567"}',) * 2,
        ("POST /api/v3/order?side=BUY&newClientOrderId=x-TKT5PX2F0123456789abcdef01234567&price=1",) * 2,
        (f"POST /x?other={KEY}==&price=1", "POST /x?other=***&price=1"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    """Credentials vanish by name and by shape; all else stays as it was."""
    assert shown == clean(text)


def test_entries_are_numbered_timed_and_bounded() -> None:
    """The ring keeps the newest entries; numbers go on rising."""
    recorder = Recorder(lambda: 42, limit=2)
    for n in range(3):
        recorder.record("control", f"act {n}")
    recorder.record_out(Text("t"), link=9)

    assert recorder.journal() == [
        {"seq": 3, "time_ns": 42, "kind": "control", "connection": None, "of": None, "text": "act 2"},
        {"seq": 4, "time_ns": 42, "kind": "ws-out", "connection": 9, "of": None, "text": "t"},
    ]
    assert [row["seq"] for row in recorder.journal(since=3)] == [4]
    assert [row["seq"] for row in recorder.journal(kind="control")] == [3]


def test_requests_answers_and_frames() -> None:
    """A request shows which key headers it had but not their values; an answer names its request."""
    recorder = Recorder(lambda: 0)
    request = HttpRequest("POST", "/x?a=1", (("X-MBX-APIKEY", "short"), ("accept", "*/*")), b"b=2")
    seq = recorder.record_request(request)
    recorder.record_response(HttpResponse.json('{"listenKey":"abc"}'), of=seq)
    recorder.record_out(Ping(b"17"), link=1)
    recorder.record_out(Close(1001, "bye"), link=1)

    shown = [(row["kind"], row["of"], row["text"]) for row in recorder.journal()]
    assert shown == [
        ("rest-in", None, "POST /x?a=1 [X-MBX-APIKEY] b=2"),
        ("rest-out", 1, '200 {"listenKey":"***"}'),
        ("ws-out", None, "<ping 17>"),
        ("ws-out", None, "<close 1001 bye>"),
    ]


def test_a_cut_text_does_not_show_half_a_key() -> None:
    """Where a long text is cut, the run of key characters at its end is not shown."""
    recorder = Recorder(lambda: 0)
    recorder.record("ws-out", "." * (MAX_TEXT - 20) + KEY)

    text = recorder.journal()[0]["text"]
    assert text == "." * (MAX_TEXT - 20) + "…"


def test_take_back_only_the_newest() -> None:
    """A request that was not for this world leaves no trace; anything older stays."""
    recorder = Recorder(lambda: 0)
    first = recorder.record("control", "a")
    second = recorder.record("control", "b")
    recorder.take_back(first)
    recorder.take_back(second)
    recorder.record("control", "c")

    assert [(row["seq"], row["text"]) for row in recorder.journal()] == [(1, "a"), (2, "c")]


def test_secrets_are_not_in_a_repr() -> None:
    """An entry's repr does not show its text."""
    recorder = Recorder(lambda: 0)
    recorder.record("ws-in", KEY)

    assert KEY not in repr(recorder._ring)
