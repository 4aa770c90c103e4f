"""Faults: small values in a list, of which each happens or not by the seed, its name and the number of the thing.

    world.faults.arm(Fault(kind=ExecStatusUnknown(), match=Match(method="POST", path="/api/v3/order", nth=1)))

``kinds`` says what a fault does, ``facts`` to what, ``deciding`` whether and what comes of it, ``chance`` by what
luck.
Pure: what comes of it is a value, which the world, the link and the server carry out.
"""

from mockserver.faults.chance import Draw
from mockserver.faults.deciding import FAIR, Fate, Fault, Faults, FrameFate, Hit, fate_of, frame_fate_of
from mockserver.faults.facts import Match, Thing, frame_thing, read_frame, request_thing
from mockserver.faults.forms import fault_schema, read_fault, write_fault
from mockserver.faults.kinds import (
    KINDS,
    WORDS,
    Corrupt,
    DialHang,
    DialHangUp,
    DialRefused,
    Disconnect,
    DropEvent,
    Dup,
    EmptyBody,
    ExecStatusUnknown,
    FrameDelay,
    HalfOpen,
    HangUp,
    HtmlBody,
    HttpError,
    Kind,
    Latency,
    Mute,
    NoAnswer,
    Reset,
    Silent,
    Stall,
    TruncatedJson,
)

__all__ = [
    "FAIR",
    "KINDS",
    "WORDS",
    "Corrupt",
    "DialHang",
    "DialHangUp",
    "DialRefused",
    "Disconnect",
    "Draw",
    "DropEvent",
    "Dup",
    "EmptyBody",
    "ExecStatusUnknown",
    "Fate",
    "Fault",
    "Faults",
    "FrameDelay",
    "FrameFate",
    "HalfOpen",
    "HangUp",
    "Hit",
    "HtmlBody",
    "HttpError",
    "Kind",
    "Latency",
    "Match",
    "Mute",
    "NoAnswer",
    "Reset",
    "Silent",
    "Stall",
    "Thing",
    "TruncatedJson",
    "fate_of",
    "fault_schema",
    "frame_fate_of",
    "frame_thing",
    "read_fault",
    "read_frame",
    "request_thing",
    "write_fault",
]
