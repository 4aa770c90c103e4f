"""Hypothesis strategies: legal histories in a venue's own words, and text that is not legal at all.

``actions``         what traders and the exchange do; shrinks to short stories
``stories``         lists of them
``histories``       a ``History``: what a client's private stream said, frame by frame, and the truth behind it
``arbitrary_json``  any JSON text
``bent``            a frame that is still JSON, with something else in it
``damaged``         a frame that was broken on its way

Hypothesis is imported only here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import attrs
from hypothesis import strategies as st

from mockserver.actions import LIVELY, NEAR, USUAL, Act, Action
from mockserver.engine.types import SelfTrade, Side
from mockserver.stage import Stage, heard

MOST_ACTIONS: Final = 30
MOST_REPEATS: Final = 5


class TrueOrder(NamedTuple):
    """One order as it really ended up; numbers as decimal text, words as in ``mockserver.truth``."""

    symbol: str
    order_id: str
    client_order_id: str | None
    side: str
    type: str
    price: str | None
    quantity: str
    filled_quantity: str
    status: str
    kind: str


class TrueFill(NamedTuple):
    """One fill as it really happened; a self-trade is two of one ``trade_id``."""

    symbol: str
    order_id: str
    trade_id: str
    fill_id: str
    side: str
    price: str
    quantity: str
    fee: str
    fee_asset: str
    liquidity: str
    kind: str
    time_ns: int


@attrs.frozen(slots=True)
class History:
    """What a client heard (``frames``, exact text, in order of arrival), and what was true at the end."""

    venue: str
    orders: tuple[TrueOrder, ...]
    fills: tuple[TrueFill, ...]
    frames: tuple[str, ...]


@attrs.frozen(slots=True)
class _Rules:
    """What a venue knows: a history must not hold what it could not have done."""

    acts: tuple[Act, ...]
    self_trades: tuple[SelfTrade, ...]


_ALGO: Final = frozenset({Act.ALGO, Act.ALGO_CANCEL, Act.ALGO_TRIGGER})
_WAITING: Final = frozenset({Act.STOP, Act.STOP_TRIGGER, Act.LIST})
_NOT_SPOT: Final = _ALGO | {Act.FORCE_CLOSE, Act.REDUCE_ONLY, Act.AMEND, Act.MARGIN}
_NOT_FUTURES: Final = _WAITING | {Act.SHRINK, Act.QUOTE}
# FTX modifies by a new order, and has neither FOK nor quote-sized orders nor a rule against self-trades.
_NOT_FTX: Final = (
    _ALGO | _WAITING | {Act.TERMS, Act.MARGIN} | {Act.FORCE_CLOSE, Act.AMEND, Act.SHRINK, Act.QUOTE, Act.FOK}
)


def _without(acts: frozenset[Act]) -> tuple[Act, ...]:
    return tuple(act for act in LIVELY if act not in acts)


_RULES: Final = {
    "binance-spot": _Rules(_without(_NOT_SPOT), USUAL),
    "binance-futures": _Rules(_without(_NOT_FUTURES), tuple(mode for mode in USUAL if not mode.shrinks)),
    "ftx": _Rules(_without(_NOT_FTX), (SelfTrade.NONE,)),
}
VENUES: Final = tuple(_RULES)


def actions(acts: Sequence[Act] = LIVELY, self_trades: Sequence[SelfTrade] = USUAL) -> st.SearchStrategy[Action]:
    """Return actions of these kinds; time may stand still between two of them (equal timestamps)."""
    return st.builds(
        Action,
        act=st.sampled_from(acts),
        who=st.integers(0, 3),
        where=st.integers(0, 1),
        which=st.integers(0, 7),
        side=st.sampled_from(Side),
        offset=st.integers(-NEAR, NEAR),
        size=st.integers(1, 9),
        self_trade=st.sampled_from(self_trades),
        flag=st.booleans(),
        after_ns=st.sampled_from((0, 1_000_000, 250_000_000)),
    )


def stories(each: st.SearchStrategy[Action], most: int) -> st.SearchStrategy[list[Action]]:
    """Return lists of actions, half of them long: Hypothesis alone makes mostly lists of about five."""
    return st.lists(each, max_size=most // 3) | st.lists(each, min_size=most // 2, max_size=most)


@st.composite
def histories(
    draw: st.DrawFn, venue: str, *, reorder: bool = False, repeats: bool = False, most: int = MOST_ACTIONS
) -> History:
    """Return a history that the venue could have had.

    As it stands, one connection in good health: each frame once, in the venue's order. ``reorder`` also mixes the types
    of frames as a venue may (FTX: orders and fills; Binance: between types), each type in its own order. ``repeats``
    tells some frames again later, at once or stale, as two overlapping connections do.
    """
    rules = _RULES[venue]
    stage = Stage(venue, seed=draw(st.integers(0, 3)))
    link = stage.listen()
    frames: list[str] = []
    for action in draw(stories(actions(rules.acts, rules.self_trades), most)):
        stage.play(action)
        frames.extend(heard(link))
    if reorder:
        frames = draw(_mixed(frames))
    if repeats:
        frames = draw(_repeated(frames))
    truth = stage.truth()
    return History(
        venue=venue,
        orders=tuple(TrueOrder(*(row[name] for name in TrueOrder._fields)) for row in truth["orders"]),
        fills=tuple(TrueFill(*(row[name] for name in TrueFill._fields)) for row in truth["fills"]),
        frames=tuple(frames),
    )


@st.composite
def _mixed(draw: st.DrawFn, frames: list[str]) -> list[str]:
    """Return frames in another order in which each type still comes in its own order; shrinks to the given one."""
    queues: dict[str, list[tuple[int, str]]] = {}
    for index, frame in enumerate(frames):
        queues.setdefault(type_of(frame), []).append((index, frame))
    picks = draw(st.lists(st.integers(0, 3), min_size=len(frames), max_size=len(frames)))
    mixed = []
    for pick in picks:
        waiting = sorted((queue for queue in queues.values() if queue), key=lambda queue: queue[0][0])
        mixed.append(waiting[min(pick, len(waiting) - 1)].pop(0)[1])
    return mixed


@st.composite
def _repeated(draw: st.DrawFn, frames: list[str]) -> list[str]:
    """Return frames with some of them told again later."""
    told = list(frames)
    for _ in range(draw(st.integers(0, MOST_REPEATS)) if told else 0):
        index = draw(st.integers(0, len(told) - 1))
        told.insert(draw(st.integers(index + 1, len(told))), told[index])
    return told


def type_of(frame: str) -> str:
    """Return the type of a private frame: its event type (Binance) or channel (FTX)."""
    message = json.loads(frame)
    event = message.get("event", message)
    return str(event.get("e") or event.get("channel"))


# -- text that is not legal -------------------------------------------------------------------------------------------

_NUMBERS: Final = ("NaN", "Infinity", "-1", "1e999", "1e-999", "9" * 400, "0x10", "1_000", "١٢", "", " 1", "1,5")

_SCALARS: Final = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(max_size=20)
    | st.sampled_from(_NUMBERS)
)


def json_values() -> st.SearchStrategy[Any]:
    """Return any JSON value, NaN and infinities (which Python writes and no venue should) included."""
    return st.recursive(
        _SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=10,
    )


def arbitrary_json() -> st.SearchStrategy[str]:
    """Return any JSON text."""
    return json_values().map(json.dumps)


@st.composite
def bent(draw: st.DrawFn, frame: str) -> str:
    """Return a frame that is still JSON, with one to three of its values replaced by another, removed or added."""
    message: Any = json.loads(frame)
    for _ in range(draw(st.integers(1, 3))):
        change = draw(st.sampled_from((_replace, _remove, _add)))
        message = change(draw, message)
    return json.dumps(message, ensure_ascii=draw(st.booleans()))


@st.composite
def damaged(draw: st.DrawFn, frame: str) -> str | bytes:
    """Return a frame that was hurt on its way: cut, spliced, not UTF-8, nested too deep, or another thing."""
    how = draw(st.sampled_from(("cut", "splice", "nest", "bytes", "html", "empty", "twice", "deep")))
    at = draw(st.integers(0, max(0, len(frame) - 1)))
    match how:
        case "cut":
            return frame[:at]
        case "splice":
            return frame[:at] + draw(st.text(min_size=1, max_size=5)) + frame[at:]
        case "nest":
            return f"[{frame}]"
        case "bytes":
            return frame[:at].encode() + b"\xff\xfe" + frame[at:].encode()
        case "html":
            return "<html><head><title>502 Bad Gateway</title></head></html>"
        case "empty":
            return draw(st.sampled_from(("", " ", "null", "0", '""', "[]", "{}")))
        case "twice":
            return frame + frame
        case _:
            return "[" * 100_000


Change = Callable[[st.DrawFn, Any], Any]


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the way to every value inside a JSON value."""
    found = [path] if path else []
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    for key, child in children:
        found.extend(_paths(child, (*path, key)))
    return found


def _parent(message: Any, path: tuple[str | int, ...]) -> Any:
    for key in path[:-1]:
        message = message[key]
    return message


def _replace(draw: st.DrawFn, message: Any) -> Any:
    paths = _paths(message)
    if not paths:
        return draw(json_values())
    path = draw(st.sampled_from(paths))
    _parent(message, path)[path[-1]] = draw(json_values())
    return message


def _remove(draw: st.DrawFn, message: Any) -> Any:
    paths = _paths(message)
    if not paths:
        return None
    path = draw(st.sampled_from(paths))
    del _parent(message, path)[path[-1]]
    return message


def _add(draw: st.DrawFn, message: Any) -> Any:
    inside = (_parent(message, path) for path in _paths(message))
    objects = [value for value in (message, *inside) if isinstance(value, dict)]
    if objects:
        draw(st.sampled_from(objects))[draw(st.text(max_size=8))] = draw(json_values())
    return message
