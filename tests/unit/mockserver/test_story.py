"""Stories as text: what was written is read again exactly, and what cannot be meant names its line."""

from __future__ import annotations

import builtins
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.actions import Act, Action
from mockserver.engine.types import SelfTrade, Side
from mockserver.faults import Disconnect, Fault, HalfOpen, Match
from mockserver.plain_yaml import dump_flow, load
from mockserver.story import Step, Story, StoryError, dump, parse
from mockserver.strategies import actions
from mockserver.verbs import COUNT, FATES, OF_A_SYMBOL, QUESTIONS, VERBS, WORD, Verb, optional, pair

S = 1_000_000_000

TEXT = """\
# found by chance
# fill lost
mock: 1
name: a fill on a connection that dies
venue: binance-spot
seed: 7
account: {USDT: '10000', BTC: '0.5'}
setup: {page_cap: 2, symbols: [BTCUSDT], limits: {MAX_OPEN: 3}}
before:
- trade: limit
steps:
- wait: 250ms
- trade: {act: fill, side: sell, size: 9, self_trade: expire_maker, after: 1ms}
- fault: {disconnect: {code: 1006}, match: {event: executionReport, nth: 3}, name: cut}
- fault: half_open
- advance: 1h
- clear: cut
- clear
- restart: [kill, 1.5s]
"""
STORY = Story(
    name="a fill on a connection that dies",
    venue="binance-spot",
    seed=7,
    account={"USDT": Decimal(10000), "BTC": Decimal("0.5")},
    setup={"page_cap": 2, "symbols": ["BTCUSDT"], "limits": {"MAX_OPEN": 3}},
    before=(Step("trade", Action(Act.LIMIT)),),
    steps=(
        Step("wait", S // 4),
        Step(
            "trade",
            Action(Act.FILL, side=Side.SELL, size=9, self_trade=SelfTrade.EXPIRE_MAKER, after_ns=1_000_000),
        ),
        Step("fault", Fault(kind=Disconnect(code=1006), match=Match(event="executionReport", nth=3), name="cut")),
        Step("fault", Fault(kind=HalfOpen())),
        Step("advance", 3600 * S),
        Step("clear", "cut"),
        Step("clear"),
        Step("restart", ("kill", 3 * S // 2)),
    ),
)


def test_a_story_as_text() -> None:
    """One step on each line, and nothing that has its default."""
    assert parse(TEXT) == STORY
    assert dump(STORY, comment="found by chance\nfill lost") == TEXT


def test_a_story_written_by_hand() -> None:
    """Blocks, quotes and comments as one likes; a step without an argument may be a word or null."""
    text = """
steps:
  - fault:
      stall: {for: "1.5s"}   # a while
      match:
        nth: 2
  - clear:
  - {trade: {act: "market"}}
venue: "ftx"
mock: 1
"""
    story = parse(text)
    assert [step.what for step in story.steps] == ["fault", "clear", "trade"]
    assert (story.venue, story.seed, story.account, story.setup, story.before) == ("ftx", None, None, {}, ())
    assert story.steps[0].arg.kind.for_ns == 3 * S // 2
    assert parse(dump(story)) == story


# ------------------------------------------------------------------------------------------------ whatever there is

OF_A_PLAYER: dict[str, Verb] = {
    **VERBS,
    "knock": COUNT,
    "call": optional(pair(WORD, WORD)),
}
LOOKS: tuple[str, ...] = ("", "1", "1e5", "-3.", "0x10", "yes", "null", "~", "true", "12:30", "2026-09-22", "=", "<<")
LOOKS += ("a: b", "# x", "- a", "*a", "!x", "&a", "'", '"', "\n", "\x85", "\u2028", "\ufeff", "%x", "---", "...", "500")
texts = st.text(max_size=12) | st.sampled_from(LOOKS)
spans = st.integers(0, 10**15) | st.integers(0, 500).map(lambda number: number * S)
wholes = st.integers(-(10**20), 10**20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
plain: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | wholes | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
faults = st.builds(
    Fault,
    kind=st.builds(Disconnect, code=st.none() | st.integers(1000, 4999), reason=texts),
    match=st.builds(Match, symbol=st.none() | texts, after=st.integers(0, 9), lasts_ns=st.none() | spans),
    probability=st.floats(0, 1),
    name=texts,
)
questions = st.sampled_from(QUESTIONS) | st.builds("{}:{}".format, st.sampled_from(OF_A_SYMBOL), st.text(min_size=1))
arguments: dict[str, st.SearchStrategy[Any]] = {
    "trade": actions(),
    "wait": spans,
    "advance": spans,
    "fault": faults,
    "clear": st.none() | texts,
    "restart": st.tuples(st.sampled_from(("exit", "kill", "power")), spans),
    "drop": st.sampled_from(("reset", "half", "late", "close")),
    "mute": st.sampled_from(("events", "all")),
    "dials": st.sampled_from(("ok", "refused", "hang", "mixed")),
    "fate": st.sampled_from(("ok", "mixed", *FATES)),
    "away": st.none() | st.tuples(questions, st.sampled_from(FATES)),
    "interleaving": st.sampled_from(("orders_first", "fills_first", "mixed")),
    "heal": st.none() | st.just("but_away"),
    "shutdown": st.booleans(),
    "replay": st.tuples(wholes, spans),
    "ban": st.tuples(spans, wholes),
    **dict.fromkeys(("stall", "lag", "slow", "measure", "clock"), spans),
    **dict.fromkeys(("expire_key", "shutdowns", "terminates", "delist", "knock"), wholes),
    **dict.fromkeys(("doubled", "broken"), numbers),
    **dict.fromkeys(("unmute", "rekey", "terminate", "since", "overflow"), st.none()),
    "call": st.none() | st.tuples(texts, texts),
}
steps = st.sampled_from(sorted(arguments)).flatmap(lambda what: st.builds(Step, st.just(what), arguments[what]))
several = st.lists(steps, max_size=6).map(tuple)
stories = st.builds(
    Story,
    name=texts,
    about=texts,
    must=texts,
    source=texts,
    liquidity=texts,
    venue=texts,
    seed=st.none() | wholes,
    account=st.none() | st.dictionaries(texts, st.decimals(allow_nan=False, allow_infinity=False), max_size=3),
    setup=st.dictionaries(texts, plain, max_size=3),
    before=several,
    steps=several,
    ending=several,
)


@given(stories, texts)
@settings(deadline=None)
def test_what_was_written_is_read_again(story: Story, comment: str) -> None:
    """Exactly, also the digits of an amount, and whatever stands above it."""
    read = parse(dump(story, OF_A_PLAYER, comment=comment), OF_A_PLAYER)
    assert read == story
    assert repr(read) == repr(story)


@given(plain)
@settings(deadline=None)
def test_plain_data(value: Any) -> None:
    """Every text stays one, whatever it looks like."""
    text = dump_flow(value)
    assert "\n" not in text
    assert load(text) == value


def test_every_verb_is_tried_above() -> None:
    """A new one needs an argument of its own."""
    assert arguments.keys() == OF_A_PLAYER.keys() >= VERBS.keys()


# ------------------------------------------------------------------------------------------------ what cannot be meant

GOOD = "mock: 1\nvenue: ftx\nsteps:\n- wait: 1s\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: a story begins with 'mock: 1', not None"),
        ("- wait: 1s", "line 1: a story begins with 'mock: 1', not"),
        ("venue: ftx\nsteps: []", "line 1: a story is of version 1, and says so: 'mock: 1'"),
        ("venue: ftx\nmock: 2\nsteps: []", "line 2: a story is of version 1, not 2"),
        ("mock: true\nvenue: ftx\nsteps: []", "line 1: a story is of version 1, not True"),
        ("mock: 1\nsteps: []", "line 1: a story needs 'venue'"),
        ("mock: 1\nvenue: ftx", "line 1: a story needs 'steps'"),
        ("mock: 1\nvenu: ftx\nsteps: []", "line 2: a story has no 'venu'; did you mean 'venue'?"),
        ("mock: 1\nvenue: 7\nsteps: []", "line 2: venue is a text, not 7"),
        (f"{GOOD}seed: x", "line 5: seed is a whole number, not 'x'"),
        (f"{GOOD}account: [1]", "line 5: account is a mapping, not"),
        (
            f"{GOOD}account:\n  USDT: 1\n  BTC: 0.5",
            "line 7: BTC of account is an amount in quotes, .*, not 0.5",
        ),
        (f"{GOOD}account: {{USDT: many}}", "line 5: USDT of account is an amount in quotes"),
        (f"{GOOD}setup: 7", "line 5: setup is a mapping, not 7"),
        ("mock: 1\nvenue: ftx\nsteps: 7", "line 3: steps is a list, not 7"),
        (f"{GOOD}- 7", "line 5: a step is one verb and what it takes, not 7"),
        (f"{GOOD}- {{wait: 1s, trade: limit}}", "line 5: a step is one verb and what it takes"),
        (f"{GOOD}- wiat: 1s", "line 5: no verb 'wiat'; did you mean 'wait'?"),
        (f"{GOOD}- zzz", "line 5: no verb 'zzz'; there are advance, away, ban, broken, clear, clock, delist"),
        (f"{GOOD}- wait", "line 5: wait: it takes a duration, such as 250ms, 2s or 1h, not None"),
        (f"{GOOD}- wait: 5", "line 5: wait: it takes a duration, such as 250ms, 2s or 1h, not 5"),
        (f"{GOOD}- wait: -1s", "line 5: wait: time does not go back: '-1s'"),
        (f"{GOOD}- advance: -1h", "line 5: advance: time does not go back"),
        (f"{GOOD}- wait: soon", "line 5: wait: 'soon' is no duration; write 250ms"),
        (f"{GOOD}- restart: kill", "line 5: restart: it takes .exit, kill or power, a duration, .*, not 'kill'"),
        (f"{GOOD}- drop: rest", "line 5: drop: it takes reset, half, late or close, not 'rest'; did you mean 'reset'?"),
        (
            f"{GOOD}- away: [filsl, lost]",
            "line 5: away: it takes one of openorders, .*, not 'filsl'; did you mean 'fills'",
        ),
        (f"{GOOD}- away: [clock:BTCUSDT, lost]", "line 5: away: it takes one of openorders"),
        (f"{GOOD}- restart: [kill, 5]", "line 5: restart: it takes a duration"),
        (f"{GOOD}- clear: 5", "line 5: clear: it takes a word, not 5"),
        (f"{GOOD}- trade: limitt", "line 5: trade: act of trade: no 'limitt'; did you mean 'limit'?"),
        (f"{GOOD}- trade:\n    act: limit\n    size: big", "line 7: trade: size of trade: 'big' is not a whole number"),
        (f"{GOOD}- trade:\n    size: 3", "line 6: trade: trade needs act"),
        (
            f"{GOOD}- fault:\n    disconnect:\n      code: 1006\n      raeson: x",
            "line 8: fault: disconnect has no 'raeson'",
        ),
        (f"{GOOD}- fault:\n    dup:\n    match: {{nth: 0}}", "line 7: fault: match: 'nth' must be >= 1"),
        (f"{GOOD}- fault: dupp", "line 5: fault: no fault 'dupp'; did you mean 'dup'?"),
        (f"{GOOD}- wait: [1s", "line 5: this is no YAML: expected ',' or ']'"),
        (f"{GOOD}venue: ftx", "line 5: 'venue' is given twice"),
        (f"{GOOD}? [a]\n: b", "line 5: a key is a word"),
        (f"{GOOD}- trade: &a limit\n- trade: *a", "line 6: an alias .* cannot be used here"),
        (f"{GOOD}- wait: !!int 5", "line 5: a tag .* cannot be used here"),
        (f"{GOOD}---\nmock: 1", "line 5: this is no YAML: but found another document"),
        (f"{GOOD}- \x00", "line 1: this is no YAML: unacceptable character"),
    ],
)
def test_what_cannot_be_meant_names_its_line(text: str, says: str) -> None:
    """And what was probably meant."""
    with pytest.raises(StoryError, match=says):
        parse(text)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_what_is_too_deep_or_too_long_is_refused_at_once(opening: str) -> None:
    """Before it costs anything."""
    with pytest.raises(StoryError, match="line 1: it is nested more than 50 deep"):
        parse(opening * 20_000)
    with pytest.raises(StoryError, match="line 1: more than 4194304 characters"):
        parse("x" * ((4 << 20) + 1))


@given(st.text(max_size=60) | st.text("-:{}[] \n'\"#&*!|>mockvenuesteps123", max_size=60))
@settings(deadline=None)
def test_no_text_does_worse_than_a_story_error(text: str) -> None:
    """Whatever it is, below a head or alone."""
    for whole in (text, GOOD + text):
        line = 1
        try:
            parse(whole)
        except StoryError as error:
            line = error.line
        assert 1 <= line <= len(whole.splitlines()) + 1


def test_a_verb_that_nobody_knows_is_not_written() -> None:
    """A player passes its own."""
    story = Story(venue="ftx", steps=(Step("knock", "twice"),))
    with pytest.raises(ValueError, match="no verb 'knock'"):
        dump(story)
    assert dump(story, {"knock": WORD}).endswith("- knock: twice\n")


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra's name."""
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "yaml":
            raise ModuleNotFoundError("No module named 'yaml'", name="yaml")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    for call in (lambda: parse(GOOD), lambda: dump(STORY)):
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'exchstream\[test\]'"):
            call()


def test_the_text_of_the_module_is_a_story() -> None:
    """The example above the code."""
    import mockserver.story

    source = Path(mockserver.story.__file__).read_text()
    example = source.split("for all.\n")[1].split("``parse``")[0]
    lines = [line[4:] for line in example.splitlines()]
    assert len(parse("\n".join(lines)).steps) == 4
