"""Every kind of fault by its word.

What this module does not do: say what a kind does (`kinds`, `request_kinds`, `business_kinds`, `dial_kinds`,
`frame_kinds`, `wire_kinds`, `tls_kinds`).
"""

from __future__ import annotations

from typing import Final

from mockserver.faults import business_kinds as business
from mockserver.faults import dial_kinds as dials
from mockserver.faults import frame_kinds as frames
from mockserver.faults import kinds
from mockserver.faults import request_kinds as requests
from mockserver.faults import tls_kinds as tls
from mockserver.faults import wire_kinds as wires
from mockserver.faults.kinds import Kind

KINDS: Final[dict[str, type[Kind]]] = {
    "latency": kinds.Latency,
    "http_error": kinds.HttpError,
    "exec_status_unknown": kinds.ExecStatusUnknown,
    "html_body": kinds.HtmlBody,
    "truncated_json": kinds.TruncatedJson,
    "empty_body": kinds.EmptyBody,
    "gzip_lie": requests.GzipLie,
    "answer_add_field": requests.AnswerAddField,
    "no_answer": kinds.NoAnswer,
    "hang_up": kinds.HangUp,
    "event_before_rest": requests.EventBeforeRest,
    "rest_after_terminal": requests.RestAfterTerminal,
    "stale_snapshot": requests.StaleSnapshot,
    "clock_skew": requests.ClockSkew,
    "cancel_race": business.CancelRace,
    "partial_fill_storm": business.PartialFillStorm,
    "fill_after": business.FillAfter,
    "symbol_halt": business.SymbolHalt,
    "delist": business.Delist,
    "filter_change": business.FilterChange,
    "maintenance": business.Maintenance,
    "down": business.Down,
    "rate_limit": business.RateLimit,
    "listen_key_expire": business.ListenKeyExpire,
    "server_shutdown": business.ServerShutdown,
    "dial_refused": kinds.DialRefused,
    "dial_hang": kinds.DialHang,
    "dial_hang_up": kinds.DialHangUp,
    "silent": kinds.Silent,
    "ping_flood": dials.PingFlood,
    "no_ping": dials.NoPing,
    "lifetime": dials.Lifetime,
    "ws_deflate": dials.WsDeflate,
    "bandwidth": wires.Bandwidth,
    "slicer": wires.Slicer,
    "limit_data": wires.LimitData,
    "slow_close": wires.SlowClose,
    "frame_delay": kinds.FrameDelay,
    "drop_event": kinds.DropEvent,
    "dup": kinds.Dup,
    "corrupt": kinds.Corrupt,
    "ack_race": frames.AckRace,
    "cross_type_reorder": frames.CrossTypeReorder,
    "same_type_reorder": frames.SameTypeReorder,
    "schema_add_field": frames.SchemaAddField,
    "schema_unknown_event": frames.SchemaUnknownEvent,
    "schema_null": frames.SchemaNull,
    "number_as_string": frames.NumberAsString,
    "ws_fragment": frames.WsFragment,
    "ws_big_frame": frames.WsBigFrame,
    "ws_binary": frames.WsBinary,
    "ws_bad_utf8": frames.WsBadUtf8,
    "event_stream_terminated": kinds.EventStreamTerminated,
    "disconnect": kinds.Disconnect,
    "reset": kinds.Reset,
    "mute": kinds.Mute,
    "half_open": kinds.HalfOpen,
    "stall": kinds.Stall,
    "tls_expired": tls.TlsExpired,
    "tls_wrong_host": tls.TlsWrongHost,
    "tls_reset": tls.TlsReset,
}
WORDS: Final = {kind: word for word, kind in KINDS.items()}
ELSEWHERE: Final = {
    "reset_peer": "reset",
    "timeout": "stall",
    "toxicity": "probability",
    "silent_socket": "silent",
    "mute_user_stream": "mute",
    "disconnect_24h": "lifetime",
    "dup_same_conn": "dup",
    "ping_payload": "ping_flood",
    "handshake_429": "dial_refused",
    "EMPTY_RESPONSE": "hang_up",
    "CONNECTION_RESET_BY_PEER": "hang_up",
    "MALFORMED_RESPONSE_CHUNK": "truncated_json",
}
"""What other tools (Toxiproxy, WireMock) and people call something, and its word here."""

_CLOSE: Final = "POST /__mock/positions/{venue}/{symbol}/close does it"
NO_FAULTS: Final = {
    "dns_fail": "names are resolved before there is any connection; dial_hang_up is what follows",
    "dup_on_overlap": "an old and a new connection both tell of an event, as at the venue",
    "expect_pong_copy": "a pong that does not copy its ping closes the socket, always",
    "liquidation": _CLOSE,
    "adl": _CLOSE,
    "settlement": _CLOSE,
    "autoclose": _CLOSE,
}
"""What people look for among the faults and is none, and why."""
