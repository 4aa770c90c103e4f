"""Stories: what happens, step by step, as a file that can be read, kept and played again. One format for all.

    mock: 1
    name: a fill on a connection that dies
    venue: binance-spot
    seed: 7
    account: {USDT: '10000', BTC: '1'}
    steps:
    - trade: limit
    - wait: 2s
    - fault: {disconnect: {code: 1006}, match: {nth: 1}}
    - trade: {act: fill, size: 9}

``parse`` and ``dump`` turn text into values and back, and what was dumped is parsed as the same values. What a step may
be is in ``mockserver.verbs``; whoever plays stories may have more verbs. This module plays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import attrs

from mockserver.forms import FormError, nearest, shown
from mockserver.plain_yaml import LineError, Listed, Mapped, dump_flow, line_of, load
from mockserver.verbs import VERBS, Verb

VERSION: Final = 1
TEXTS: Final = ("name", "about", "must", "source")
HEAD: Final = ("mock", *TEXTS, "venue", "seed", "account", "liquidity", "setup", "before", "steps", "finally")

StoryError = LineError
"""What is wrong with a text, and on which line."""


@attrs.frozen(slots=True)
class Step:
    """One thing that happens, and what about it: nothing, a number, a word, a pair, an action or a fault."""

    what: str
    arg: Any = None
    line: int = attrs.field(default=0, eq=False, repr=False)
    """Where it stands, if it was read: for those who find later that it cannot be meant."""


@attrs.frozen(slots=True, kw_only=True)
class Story:
    """What a run is decided by."""

    venue: str
    steps: tuple[Step, ...]
    name: str = ""
    about: str = ""
    """What happens, in plain words."""
    must: str = ""
    """What a client must do then."""
    source: str = ""
    """Who says that it happens at the real venue."""
    seed: int | None = None
    """All chance comes from it; None: the player takes one."""
    account: Mapping[str, Decimal] | None = None
    """The balances of the account; None: those of the venue's demo account."""
    liquidity: str = ""
    """Who trades with the client; nothing: whoever the player takes."""
    setup: Mapping[str, Any] = attrs.field(factory=dict)
    """Whatever else the player needs to know, in plain data; its own to check."""
    before: tuple[Step, ...] = ()
    """What happens before the client begins."""
    ending: tuple[Step, ...] = ()
    """What must be true when all is over: the ``finally`` of the text."""


def parse(
    text: str,
    verbs: Mapping[str, Verb] = VERBS,
    endings: Mapping[str, Verb] | None = None,
    check: Callable[[Sequence[Step]], None] = lambda steps: None,
    check_venue: Callable[[str], object] = lambda venue: None,
) -> Story:
    """The story of this text; ``endings`` are the verbs of ``finally`` (None: the same).

    ``check`` raises a FormError for steps that do not go together, ``check_venue`` for a venue that there is not.
    StoryError says what cannot be meant, and on which line.
    """
    head = load(text)
    if not isinstance(head, Mapped):
        raise StoryError(f"a story begins with 'mock: {VERSION}', not {shown(head)}", 1)
    for key in head:
        if key not in HEAD:
            raise StoryError(f"a story has no {key!r}; {nearest(key, HEAD)}", head.lines[key])
    if head.get("mock") != VERSION or isinstance(head["mock"], bool):
        said = f"not {shown(head['mock'])}" if "mock" in head else "and says so: 'mock: 1'"
        raise StoryError(f"a story is of version {VERSION}, {said}", head.lines.get("mock", head.line))
    for key in ("venue", "steps"):
        if key not in head:
            raise StoryError(f"a story needs {key!r}", head.line)
    try:
        check_venue(_text(head, "venue"))
    except FormError as error:
        raise StoryError(error.text, head.lines["venue"]) from None
    return Story(
        venue=_text(head, "venue"),
        **{key: _text(head, key) for key in (*TEXTS, "liquidity") if key in head},
        seed=_whole(head, "seed") if "seed" in head else None,
        account=None if head.get("account") is None else _balances(_mapping(head, "account")),
        setup=bare(_mapping(head, "setup")) if "setup" in head else {},
        before=_steps(head, "before", verbs, check) if "before" in head else (),
        steps=_steps(head, "steps", verbs, check),
        ending=_steps(head, "finally", verbs if endings is None else endings) if "finally" in head else (),
    )


def dump(story: Story, verbs: Mapping[str, Verb] = VERBS, *, comment: str = "") -> str:
    """The text of this story, one step on each line, below the lines of a comment."""
    above = ("".join(each if each.isprintable() else "?" for each in line) for line in comment.splitlines())
    lines = [f"# {line}".rstrip() for line in above]
    lines += [f"mock: {VERSION}"]
    lines += [f"{key}: {dump_flow(getattr(story, key))}" for key in TEXTS if getattr(story, key)]
    lines += [f"venue: {dump_flow(story.venue)}"]
    lines += [] if story.seed is None else [f"seed: {story.seed}"]
    if story.account is not None:
        lines.append(f"account: {dump_flow({asset: f'{amount}' for asset, amount in story.account.items()})}")
    if story.liquidity:
        lines.append(f"liquidity: {dump_flow(story.liquidity)}")
    if story.setup:
        lines.append(f"setup: {dump_flow(dict(story.setup))}")
    if story.before:
        lines += ["before:", *(_written(step, verbs) for step in story.before)]
    lines += ["steps:", *(_written(step, verbs) for step in story.steps)] if story.steps else ["steps: []"]
    if story.ending:
        lines += ["finally:", *(_written(step, verbs) for step in story.ending)]
    return "\n".join(lines) + "\n"


def _written(step: Step, verbs: Mapping[str, Verb]) -> str:
    written = write_step(step, verbs)
    return f"- {written}" if isinstance(written, str) else f"- {step.what}: {dump_flow(written[step.what])}"


def write_step(step: Step, verbs: Mapping[str, Verb]) -> str | dict[str, Any]:
    """A step as plain data: a word, or a mapping of it to what it takes."""
    if step.what not in verbs:
        raise ValueError(f"no verb {step.what!r}; {nearest(step.what, verbs)}")
    written = verbs[step.what].write(step.arg)
    return step.what if written is None else {step.what: written}


def _steps(
    head: Mapped, key: str, verbs: Mapping[str, Verb], check: Callable[[Sequence[Step]], None] = lambda steps: None
) -> tuple[Step, ...]:
    steps = read_steps(head[key], key, verbs, head.lines[key])
    try:
        check(steps)
    except FormError as error:
        raise StoryError(error.text, head.lines[key]) from None
    return steps


def read_steps(given: Any, what: str, verbs: Mapping[str, Verb], line: int = 1) -> tuple[Step, ...]:
    """Steps from a list of plain data; ``what`` the list is called in errors."""
    if not isinstance(given, Listed):
        raise StoryError(f"{what} is a list, not {shown(given)}", line)
    return tuple(_step(item, line, verbs) for item, line in zip(given, given.lines, strict=True))


def _step(given: Any, line: int, verbs: Mapping[str, Verb]) -> Step:
    if isinstance(given, str):
        what, arg = given, None
    elif isinstance(given, Mapped) and len(given) == 1:
        ((what, arg),) = given.items()
    else:
        raise StoryError(f"a step is one verb and what it takes, not {shown(given)}", line)
    if what not in verbs:
        raise StoryError(f"no verb {what!r}; {nearest(what, verbs)}", line)
    try:
        return Step(what, verbs[what].read(arg), line)
    except FormError as error:
        raise StoryError(f"{what}: {error.text}", line_of(error, arg, line)) from None


def _text(head: Mapped, key: str) -> str:
    if not isinstance(head[key], str):
        raise StoryError(f"{key} is a text, not {shown(head[key])}", head.lines[key])
    return str(head[key])


def _whole(head: Mapped, key: str) -> int:
    if type(head[key]) is not int:
        raise StoryError(f"{key} is a whole number, not {shown(head[key])}", head.lines[key])
    return int(head[key])


def _mapping(head: Mapped, key: str) -> Mapped:
    if not isinstance(head[key], Mapped):
        raise StoryError(f"{key} is a mapping, not {shown(head[key])}", head.lines[key])
    return head[key]  # type: ignore[no-any-return]


def _balances(given: Mapped) -> dict[str, Decimal]:
    balances = {}
    for asset, amount in given.items():
        try:
            balances[asset] = Decimal(amount) if type(amount) in (str, int) else Decimal("NaN")
        except InvalidOperation:
            balances[asset] = Decimal("NaN")
        if not balances[asset].is_finite():
            text = f"{asset} of account is an amount in quotes, such as '0.5', not {shown(amount)}"
            raise StoryError(text, given.lines[asset])
    return balances


def bare(value: Any) -> Any:
    """Plain data without its lines."""
    if isinstance(value, Mapping):
        return {key: bare(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [bare(item) for item in value]
    return value
