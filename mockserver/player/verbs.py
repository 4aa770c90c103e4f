"""The verbs of a scenario: those of any story, and those that wait, expect, act on orders and connections, and judge.

    VERBS["wait"].read({"request": "POST /api/v3/order", "as": "o"})

What is read keeps how it was written, so that a step can be shown and dumped as it stood. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import attrs

from mockserver import verify
from mockserver.forms import FormError, expect_mapping, nearest, shown
from mockserver.heard import ASKED, CLIENT_WORDS, SHORT_FORM, Pattern, read_pattern
from mockserver.plain_yaml import LineError, Listed, Mapped, line_of
from mockserver.player.checks import CHECKS
from mockserver.story import Step, bare, read_steps, write_step
from mockserver.verbs import CLIENTS, COMMON, ONWARD, SPAN, WEATHER, WORD, Verb

NEWEST: Final = "$newest"
"""The newest order of the client that is open."""
OF_AN_ORDER: Final = ("fill", "cancel", "expire")
MAX_REPEATS: Final = 10_000
_CAPTURE: Final = re.compile(r"[a-z][a-z0-9_]*")
_ORDER: Final = re.compile(r"\$[a-z][a-z0-9_]*")
_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?)%")


@attrs.frozen(slots=True)
class Awaited:
    """Something that must come: so many of a pattern, or (None) that all that was said is delivered."""

    pattern: Pattern | None
    times: int = 1
    within_ns: int | None = None
    capture: str | None = None
    written: Any = attrs.field(default=None, eq=False)

    def __str__(self) -> str:
        what = "everything to be delivered" if self.pattern is None else str(self.pattern)
        return what if self.times == 1 else f"{what}, {self.times} times"


@attrs.frozen(slots=True)
class Forbidden:
    """Something that must not come: for a while in which nothing else happens, or (None) from here to the end."""

    never: verify.Never
    within_ns: int | None = None
    written: Any = attrs.field(default=None, eq=False)


@attrs.frozen(slots=True)
class Filling:
    """A fill of an order: a share of its quantity, an amount, or (None) the rest."""

    order: str = NEWEST
    share: Decimal | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    maker: bool = True
    written: Any = attrs.field(default=None, eq=False)


@attrs.frozen(slots=True)
class Levels:
    """What the house has in the book of one market (None: the first): prices and amounts."""

    symbol: str | None
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    written: Any = attrs.field(default=None, eq=False)


@attrs.frozen(slots=True)
class Jump:
    """Back to a label of the same list, so many times at most; then on."""

    label: str
    most: int


@attrs.frozen(slots=True)
class Branches:
    """Steps: several lists at one time, or one list several times."""

    lists: tuple[tuple[Step, ...], ...]
    times: int = 1


@attrs.frozen(slots=True)
class Written:
    """Something read, and how it was written."""

    value: Any
    written: Any = attrs.field(default=None, eq=False)


def _keys(given: object, what: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    mapping = expect_mapping(given, what)
    if unknown := [key for key in mapping if key not in known]:
        raise FormError(f"{what} has no {shown(unknown[0])}; {nearest(unknown[0], known)}", mapping, unknown[0])
    return mapping


def _span(mapping: Mapping[str, Any], key: str) -> int | None:
    if key not in mapping:
        return None
    try:
        return int(ONWARD.read(mapping[key]))
    except FormError as error:
        raise FormError(f"{key}: {error.text}", mapping, key) from None


def _read_awaited(given: Any) -> Awaited:
    if isinstance(given, Mapping) and "delivered" in given:
        mapping = _keys(given, "wait for delivery", ("delivered", "within"))
        if mapping["delivered"] != "all":
            raise FormError(f"delivered is 'all', not {shown(mapping['delivered'])}", mapping, "delivered")
        return Awaited(None, within_ns=_span(mapping, "within"), written=given)
    pattern = read_pattern(given, beside=("times", "within", "as"))
    if isinstance(given, str):
        return Awaited(pattern, written=given)
    times, name = given.get("times", 1), given.get("as")
    if type(times) is not int or times < 1:
        raise FormError(f"times is a whole number, 1 or above, not {shown(times)}", given, "times")
    if name is not None and (not isinstance(name, str) or not _CAPTURE.fullmatch(name)):
        raise FormError(f"'as' is a name in small letters, not {shown(name)}", given, "as")
    return Awaited(pattern, times, _span(given, "within"), name, given)


def _read_wait(given: Any) -> int | Awaited:
    if isinstance(given, int | float | Decimal) or (isinstance(given, str) and given[:1].isdigit()):
        return int(ONWARD.read(given))  # a number without a unit was meant for a duration, and is refused as one
    return _read_awaited(given)


def _write_wait(held: int | Awaited) -> Any:
    return SPAN.write(held) if isinstance(held, int) else bare(held.written)


def _read_forbidden(given: Any) -> Forbidden:
    within_ns = _span(given, "within") if isinstance(given, Mapping) else None
    asked = {key: value for key, value in given.items() if key != "within"} if isinstance(given, Mapping) else given
    return Forbidden(verify.read_never(asked), within_ns, given)


def _read_filling(given: Any) -> Filling:
    if isinstance(given, str):
        return Filling(order=_order(given, None), written=given)
    mapping = _keys({} if given is None else given, "fill", ("order", "qty", "price", "as"))
    share = quantity = price = None
    qty = mapping.get("qty", "rest")
    if isinstance(qty, str) and (found := _SHARE.fullmatch(qty)):
        share = Decimal(found[1])
    elif qty != "rest":
        quantity = _amount(mapping, "qty", "'rest', a share such as '30%', or ")
    if mapping.get("price", "limit") != "limit":
        price = _amount(mapping, "price")
    role = mapping.get("as", "maker")
    if role not in ("maker", "taker"):
        raise FormError(f"'as' is maker or taker, not {shown(role)}", mapping, "as")
    return Filling(_order(mapping.get("order", NEWEST), mapping), share, quantity, price, role == "maker", given)


def _order(given: object, at: object) -> str:
    if not isinstance(given, str) or not _ORDER.fullmatch(given):
        raise FormError(f"an order is $o, as it was captured, or {NEWEST}, not {shown(given)}", at, "order")
    return given


def _amount(mapping: Mapping[str, Any], key: str, or_else: str = "") -> Decimal:
    given = mapping[key]
    try:
        amount = Decimal(given) if type(given) in (str, int) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount <= 0:
        raise FormError(f"{key} is {or_else}an amount in quotes, such as '0.5', not {shown(given)}", mapping, key)
    return amount


def _read_prices(given: Any) -> Written:
    mapping = given if isinstance(given, Mapping) else {"": given}
    return Written({str(symbol): _amount(mapping, symbol) for symbol in mapping}, given)


def _read_book(given: Any) -> Levels:
    mapping = _keys(given, "book", ("symbol", "bids", "asks"))
    symbol = mapping.get("symbol")
    if symbol is not None and not isinstance(symbol, str):
        raise FormError(f"symbol is a text, not {shown(symbol)}", mapping, "symbol")
    bids, asks = (_levels(mapping, side) for side in ("bids", "asks"))
    if bids and asks and max(bids)[0] >= min(asks)[0]:
        raise FormError("the best bid is below the best ask", mapping)
    return Levels(symbol, bids, asks, given)


def _levels(mapping: Mapping[str, Any], side: str) -> tuple[tuple[Decimal, Decimal], ...]:
    rows = mapping.get(side, [])
    if not isinstance(rows, list) or any(not isinstance(row, list) or len(row) != 2 for row in rows):
        raise FormError(f"{side} are a list of [price, amount]", mapping, side)
    return tuple((_amount({side: price}, side), _amount({side: amount}, side)) for price, amount in rows)


def _read_label(given: Any) -> str:
    if not isinstance(given, str) or not _CAPTURE.fullmatch(given):
        raise FormError(f"a label is a name in small letters, not {shown(given)}")
    return given


def _read_goto(given: Any) -> Jump:
    mapping = _keys(given, "goto", ("label", "max"))
    most = mapping.get("max")
    if type(most) is not int or not 1 <= most <= MAX_REPEATS:
        raise FormError(f"max is a whole number from 1 to {MAX_REPEATS}, not {shown(most)}", mapping, "max")
    return Jump(_read_label(mapping.get("label")), most)


def check_jumps(steps: Sequence[Step], what: str = "steps") -> None:
    """FormError: a ``goto`` of this list, or of one inside, has no label before it, or a label stands twice."""
    labels: set[str] = set()
    for step in steps:
        if step.what == "label":
            if step.arg in labels:
                raise FormError(f"the label {step.arg!r} stands twice in {what}")
            labels.add(step.arg)
        if isinstance(step.arg, Jump) and step.arg.label not in labels:
            raise FormError(f"goto: no label {step.arg.label!r} before it in {what}")


def check_captures(steps: Sequence[Step], known: Set[str] = frozenset()) -> Set[str]:
    """The names of the orders that are captured when all of this is done, beside those that were before.

    LineError: a step is about an order that none before it has captured. Of lists that go on side by side any may have.
    """
    for step in steps:
        match step.arg:
            case Awaited(capture=str(name)):
                known |= {f"${name}"}
            case Branches(lists=lists):
                beside = known | {name for each in lists if len(lists) > 1 for name in _captures(each)}
                known = beside | {name for each in lists for name in check_captures(each, beside)}
            case Filling(order=order) | str(order) if step.what in OF_AN_ORDER and order not in {NEWEST, *known}:
                hint = f"; {nearest(order, known)}" if known else ""
                text = f"{step.what}: nothing before it captures {order}; a wait or an expect 'as: {order[1:]}' does"
                written = getattr(step.arg, "written", None)
                raise LineError(f"{text}{hint}", line_of(FormError(text, written, "order"), written, step.line))
    return known


def _captures(steps: Sequence[Step]) -> Set[str]:
    """The names of all orders that these steps capture."""
    own = {f"${step.arg.capture}" for step in steps if isinstance(step.arg, Awaited) and step.arg.capture is not None}
    inner = (each for step in steps if isinstance(step.arg, Branches) for each in step.arg.lists)
    return own.union(*map(_captures, inner))


def _read_close(given: Any) -> Written:
    mapping = _keys({} if given is None else given, "close", ("code", "reason"))
    if type(mapping.get("code", 1000)) is not int:
        raise FormError(f"code is a whole number, not {shown(mapping['code'])}", mapping, "code")
    return Written(dict(mapping), given)


def _read_control(given: Any) -> Written:
    mapping = expect_mapping(given, "control")
    if len(mapping) != 1:
        raise FormError("control is one route and what it takes: {POST /listen_keys/expire: {notices: 2}}", mapping)
    ((route, body),) = mapping.items()
    method, _, path = str(route).partition(" ")
    if method not in ("GET", "POST") or not path.startswith("/"):
        raise FormError(f"a route is such as 'POST /listen_keys/expire', not {shown(route)}", mapping, route)
    return Written((method, path, dict(expect_mapping({} if body is None else body, "what it takes"))), given)


def _read_checks(given: Any) -> tuple[str, ...]:
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not names:
        raise FormError(f"check is a list of names, not {shown(given)}")
    for name in names:
        if name not in CHECKS:
            raise FormError(f"no check {shown(name)}; {nearest(name, CHECKS)}")
    return tuple(names)


def _read_parallel(given: Any) -> Branches:
    if not isinstance(given, Listed) or len(given) < 2:
        raise FormError("parallel is a list of two or more lists of steps")
    pairs = zip(given, given.lines, strict=True)
    lists = tuple(read_steps(each, "each of parallel", STEPS, line) for each, line in pairs)
    for steps in lists:
        check_jumps(steps, "each of parallel")
    return Branches(lists)


def _read_repeat(given: Any) -> Branches:
    mapping = _keys(given, "repeat", ("times", "steps"))
    times = mapping.get("times")
    if type(times) is not int or not 1 <= times <= MAX_REPEATS:
        raise FormError(f"times is a whole number from 1 to {MAX_REPEATS}, not {shown(times)}", mapping, "times")
    line = mapping.lines.get("steps", mapping.line) if isinstance(mapping, Mapped) else 1
    steps = read_steps(mapping.get("steps"), "steps", STEPS, line)
    check_jumps(steps, "steps of repeat")
    return Branches((steps,), times)


def _write_steps(steps: tuple[Step, ...]) -> list[Any]:
    return [write_step(step, STEPS) for step in steps]


# ------------------------------------------------------------------------------------------------ schemas

_TEXT: Final = {"type": "string"}
_SHORT: Final = {"type": "string", "pattern": SHORT_FORM}
_ORDER_NAME: Final = {"type": "string", "pattern": r"^\$[a-z][a-z0-9_]*$"}
_STEPS: Final = {"type": "array", "items": {"$ref": "#/$defs/step"}}
_LEVELS: Final = {"type": "array", "items": {"type": "array", "minItems": 2, "maxItems": 2}}
_SCALAR: Final = {"type": ["string", "number", "boolean", "null"]}
_PATTERN: Final = {
    **dict.fromkeys(ASKED, _TEXT),
    "client": {"enum": list(CLIENT_WORDS)},
    "params": {"type": "object", "additionalProperties": _SCALAR},
}


def _object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})


def _one_of_words(**more: Any) -> dict[str, Any]:
    return _object({**_PATTERN, **more}) | {"oneOf": [{"required": [word]} for word in ASKED]}


_WITHIN: Final = {"within": SPAN.schema}
_AWAITED: Final = _one_of_words(**_WITHIN, times={"type": "integer", "minimum": 1}, **{"as": _TEXT})
_DELIVERED: Final = _object({"delivered": {"const": "all"}, **_WITHIN}, "delivered")
_NEVER: Final = _one_of_words(**_WITHIN, rate=_TEXT)
_FILL: Final = _object(
    {
        "order": _ORDER_NAME,
        "qty": {"type": ["string", "integer"]},
        "price": {"type": ["string", "integer"]},
        "as": {"enum": ["maker", "taker"]},
    }
)
_EXPECTATION: Final = {
    "anyOf": [
        _SHORT,
        _one_of_words(within=_TEXT, times={"type": ["string", "integer"]}),
        {
            "type": "object",
            "required": ["never"],
            "properties": {"never": {"anyOf": [_SHORT, _one_of_words(rate=_TEXT)]}},
        },
        {"type": "object", "required": ["order"], "properties": {"order": {"type": "array", "minItems": 2}}},
        {
            "type": "object",
            "required": ["after", "expect", "within"],
            "properties": {"after": {}, "expect": {}, "within": SPAN.schema, "backoff": _TEXT},
            "additionalProperties": False,
        },
    ]
}


def _verb(takes: str, read: Callable[[Any], Any], *schemas: Mapping[str, Any]) -> Verb:
    return Verb(
        takes, read, lambda held: bare(held.written), schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}
    )


STEPS: Final[Mapping[str, Verb]] = {
    **COMMON,
    "wait": Verb(
        "a duration, or what must come before the story goes on",
        _read_wait,
        _write_wait,
        {"anyOf": [SPAN.schema, _SHORT, _AWAITED, _DELIVERED]},
    ),
    "expect": _verb("what the client must do now, and how soon", _read_awaited, _SHORT, _AWAITED, _DELIVERED),
    "never": _verb("what the client must not do from here on, or for a while", _read_forbidden, _SHORT, _NEVER),
    "fill": _verb("an order, and how much of it", _read_filling, {"type": "null"}, _ORDER_NAME, _FILL),
    "cancel": Verb("an order", lambda given: _order(given, None), str, _ORDER_NAME),
    "expire": Verb("an order", lambda given: _order(given, None), str, _ORDER_NAME),
    "price": _verb("where the market goes, for one symbol or several", _read_prices, _TEXT, {"type": "object"}),
    "book": _verb(
        "what the house has in the book, in place of what it had",
        _read_book,
        _object({"symbol": _TEXT, "bids": _LEVELS, "asks": _LEVELS}),
    ),
    "send": WORD,
    "close": _verb(
        "a code and a reason, or nothing: the client's connections end",
        _read_close,
        {"type": "null"},
        _object({"code": {"type": "integer"}, "reason": _TEXT}),
    ),
    "control": _verb(
        "a route of the control API, and what it takes",
        _read_control,
        {"type": "object", "minProperties": 1, "maxProperties": 1},
    ),
    "parallel": Verb(
        "lists of steps that go on side by side",
        _read_parallel,
        lambda held: [_write_steps(steps) for steps in held.lists],
        {"type": "array", "minItems": 2, "items": _STEPS},
    ),
    "repeat": Verb(
        "how often, and which steps",
        _read_repeat,
        lambda held: {"times": held.times, "steps": _write_steps(held.lists[0])},
        _object(
            {"times": {"type": "integer", "minimum": 1, "maximum": MAX_REPEATS}, "steps": _STEPS}, "times", "steps"
        ),
    ),
    "label": Verb("a name for this place", _read_label, str, {"type": "string", "pattern": r"^[a-z][a-z0-9_]*$"}),
    "goto": Verb(
        "a label before it, and how often at most; then it goes on",
        _read_goto,
        lambda held: {"label": held.label, "max": held.most},
        _object({"label": _TEXT, "max": {"type": "integer", "minimum": 1, "maximum": MAX_REPEATS}}, "label", "max"),
    ),
    **WEATHER,
    **CLIENTS,
}
ENDINGS: Final[Mapping[str, Verb]] = {
    "check": Verb(
        "names of checks",
        _read_checks,
        list,
        {"type": "array", "items": {"enum": list(CHECKS)}, "minItems": 1},
    ),
    "verify": _verb(
        "expectations over the journal",
        lambda given: Written(tuple(verify.read_expectations(given)), given),
        {"type": "array", "items": _EXPECTATION, "minItems": 1},
    ),
}
VERBS: Final[Mapping[str, Verb]] = {**STEPS, **ENDINGS}
