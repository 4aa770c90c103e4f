"""The machine of a scenario, without a world: what comes next, and what is said when it does not come."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from mockserver.heard import Heard, read_entry
from mockserver.player.machine import Machine, StepError
from mockserver.player.verbs import STEPS
from mockserver.recorder import Entry
from mockserver.story import Step, parse

S = 1_000_000_000


class Hands:
    """Writes down what it should do; what is called `bad` cannot be done."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.all_delivered = False

    def act(self, step: Step, captured: dict[str, Any]) -> Generator[object, None, str]:
        if step.what == "advance":
            yield None
        if step.arg == "bad":
            raise StepError("it is bad")
        self.done.append(f"{step.what} {step.arg}")
        return "done"

    def capture(self, heard: Heard) -> Any:
        return heard.params["symbol"]

    def delivered(self) -> bool:
        return self.all_delivered


class Play:
    """A machine, its hands, and a journal that is written by hand."""

    def __init__(self, steps: str, **more: Any) -> None:
        story = parse(f"mock: 1\nvenue: ftx\nsteps:\n{steps}\n", STEPS)
        self.hands = Hands()
        self.machine = Machine(story.steps, self.hands, now_ns=0, **more)
        self.seq = 0
        self.now_ns = 0
        self.machine.go(0)

    def hear(self, kind: Any, text: str, *, at: float = 0) -> None:
        self.seq += 1
        self.now_ns = round(at * S)
        self.machine.feed([read_entry(Entry(self.seq, self.now_ns, kind, text))])
        self.machine.go(self.now_ns)

    def pass_to(self, seconds: float) -> None:
        self.now_ns = round(seconds * S)
        self.machine.go(self.now_ns)

    @property
    def failed(self) -> str:
        assert self.machine.failed is not None
        return "\n".join((self.machine.failed.step, *self.machine.failed.lines))


SUBSCRIBED = ("client", "subscribed ftx demo")
ORDER = ("rest-in", "POST /api/orders?symbol=BTC")


def test_steps_one_after_another() -> None:
    """Acts are done at once, in order, up to what is waited for; then on."""
    play = Play("- send: a\n- send: b\n- wait: {client: subscribed}\n- send: c")
    assert play.hands.done == ["send a", "send b"]
    assert not play.machine.over
    play.hear(*SUBSCRIBED)
    assert play.hands.done == ["send a", "send b", "send c"]
    assert play.machine.over
    assert play.machine.failed is None
    assert [each.step for each in play.machine.log][2:] == ["step 3 (wait: {client: subscribed})", "step 4 (send: c)"]


def test_time_passes() -> None:
    """A wait for a duration goes on when it is over, and says when that is."""
    play = Play("- wait: 2s\n- send: a")
    assert play.machine.next_ns == 2 * S
    play.pass_to(1.9)
    assert play.hands.done == []
    play.pass_to(2)
    assert play.hands.done == ["send a"]


def test_wait_takes_what_came_before_and_expect_does_not() -> None:
    """Behind the last thing that was waited for; behind the step before."""
    play = Play("- wait: {client: subscribed}\n- wait: 1s\n- wait: {request: POST /api/orders}\n- send: a")
    play.hear(*SUBSCRIBED)
    play.hear(*ORDER)  # while the second step still waits
    play.pass_to(1)
    assert play.hands.done == ["send a"]
    play = Play("- wait: {client: subscribed}\n- wait: 1s\n- expect: {request: POST /api/orders}\n- send: a")
    play.hear(*SUBSCRIBED)
    play.hear(*ORDER)
    play.pass_to(1)
    assert play.hands.done == []
    play.hear(*ORDER, at=2)
    assert play.hands.done == ["send a"]


def test_each_is_taken_once() -> None:
    """Two waits for the same want two; so does one with times."""
    for steps in ("- wait: {request: POST /.*}\n- wait: {request: POST /.*}", "- wait: {request: POST /.*, times: 2}"):
        play = Play(steps)
        play.hear(*ORDER)
        assert not play.machine.over
        play.hear(*ORDER)
        assert play.machine.over


def test_a_capture() -> None:
    """By its name."""
    play = Play("- wait: {request: POST /.*, as: o}")
    play.hear(*ORDER)
    assert play.machine.captured == {"o": "BTC"}


def test_in_vain() -> None:
    """Which step waited for what, for how long; the nearest miss; what came instead."""
    play = Play("- send: a\n- expect: {request: POST /api/orders, params: {symbol: ETH}, within: 2s}")
    play.hear(*ORDER, at=1)
    assert play.machine.failed is None
    play.pass_to(2)
    assert play.failed.splitlines() == [
        "step 2 (expect: {request: POST /api/orders, params: {symbol: ETH}, within: 2s})",
        "waited 2s for request POST /api/orders with symbol ETH, in vain",
        "  nearest: 1 rest-in     POST /api/orders?symbol=BTC",
        "    request  POST /api/orders",
        "    symbol   BTC   (wanted ETH)",
        "  what came last:",
        "        1 rest-in     POST /api/orders?symbol=BTC",
    ]
    play = Play("- wait: {client: gone}", patience_ns=3 * S)
    play.pass_to(3)
    assert "waited 3s for client gone, in vain\n  nothing at all came" in play.failed


def test_too_few() -> None:
    """How many came is said."""
    play = Play("- wait: {request: POST /.*, times: 3}", patience_ns=S)
    play.hear(*ORDER)
    play.pass_to(1)
    assert "it came 1 times" in play.failed


def test_delivery_is_looked_for() -> None:
    """No journal tells it, so it says that it polls."""
    play = Play("- wait: {delivered: all}")
    assert play.machine.polls
    play.hands.all_delivered = True
    play.pass_to(0.1)
    assert play.machine.over
    assert not play.machine.polls


def test_never_for_a_while() -> None:
    """It waits for so long, and fails if the thing came; what came before does not count."""
    steps = "- wait: {client: subscribed}\n- never: {request: POST /.*, within: 2s}\n- send: a"
    for late, ok in ((False, False), (True, True)):
        play = Play(steps)
        play.hear(*ORDER)
        play.hear(*SUBSCRIBED)
        if not late:
            play.hear(*ORDER, at=1)
        play.pass_to(2)
        assert play.machine.over
        assert (play.machine.failed is None, play.hands.done == ["send a"]) == (ok, ok)
    play = Play(steps)
    play.hear(*SUBSCRIBED)
    play.hear(*ORDER, at=1)
    play.pass_to(2)
    assert "never request POST /.*: it came once" in play.failed


def test_never_to_the_end() -> None:
    """Judged when asked, from the step on."""
    play = Play("- wait: {client: subscribed}\n- never: {request: POST /.*, rate: '>1/s'}")
    for at in (0.1, 0.2):
        play.hear(*ORDER, at=at)
    play.hear(*SUBSCRIBED, at=0.3)
    assert play.machine.over
    play.hear(*ORDER, at=0.4)
    assert play.machine.forbidden() == []
    play.hear(*ORDER, at=0.5)
    (broken,) = play.machine.forbidden()
    assert broken.step.startswith("step 2 (never:")
    assert "it came 2 times, 2 within 100ms" in broken.lines[0]


def test_the_wire_catches_up() -> None:
    """In the middle of a step; nothing goes on before."""
    play = Play("- advance: 1h\n- send: a")
    assert play.machine.behind
    play.pass_to(1)
    assert play.hands.done == []
    play.machine.caught_up()
    play.pass_to(1)
    assert play.hands.done == [f"advance {3600 * S}", "send a"]
    assert not play.machine.behind


def test_side_by_side() -> None:
    """Whatever comes first; each branch from where the story stood; then on together."""
    steps = """\
- wait: 1s
- parallel:
  - [{wait: {client: subscribed}}, {send: a}]
  - [{wait: {request: POST /.*}}, {send: b}]
- send: c"""
    play = Play(steps)
    play.hear(*ORDER)
    play.pass_to(1)
    assert play.hands.done == ["send b"]
    assert play.machine.waiting == "step 2.1.1 (wait: {client: subscribed})"
    play.hear(*SUBSCRIBED, at=2)
    assert play.hands.done == ["send b", "send a", "send c"]
    assert play.machine.over


def test_again_and_again() -> None:
    """So often, also nested, with the number of the turn in the step's name."""
    play = Play("- repeat: {times: 2, steps: [{repeat: {times: 2, steps: [{send: a}]}}, {send: b}]}")
    assert play.hands.done == ["send a", "send a", "send b"] * 2
    assert play.machine.log[-2].step == "step 1.2.1.2.1 (send: a)"


def test_back_to_a_label() -> None:
    """So often at most, and then on; inside a branch as outside of it."""
    jump = "{label: back}, {send: a}, {goto: {label: back, max: 2}}, {send: b}"
    play = Play(f"- repeat: {{times: 2, steps: [{jump}]}}")
    assert play.hands.done == ["send a", "send a", "send a", "send b"] * 2
    play = Play("- label: back\n- send: a\n- wait: 1s\n- goto: {label: back, max: 1}")
    assert play.hands.done == ["send a"]
    play.pass_to(1)
    assert play.hands.done == ["send a", "send a"]
    assert not play.machine.over
    play.pass_to(2)
    assert play.machine.over


def test_so_many_steps_as_are_allowed() -> None:
    """Of the whole; what a step has inside is done with it."""
    play = Play("- wait: 1s\n- repeat: {times: 2, steps: [{send: a}]}\n- send: b")
    play.machine.allowed = 1
    play.pass_to(1)
    assert (play.hands.done, play.machine.reached, play.machine.waiting) == ([], 1, "")
    play.machine.allowed = 2
    play.pass_to(1)
    assert (play.hands.done, play.machine.reached) == (["send a", "send a"], 2)
    play.machine.allowed = None
    play.pass_to(1)
    assert play.machine.over


def test_a_trade_that_takes_its_time() -> None:
    """It comes when its time is over."""
    play = Play("- trade: {act: limit, after: 250ms}")
    assert play.hands.done == []
    play.pass_to(0.25)
    assert len(play.hands.done) == 1


def test_what_cannot_be_done() -> None:
    """Ends the story with the step and the reason, also inside a branch."""
    assert Play("- send: bad\n- send: a").failed == "step 1 (send: bad)\nit is bad"
    play = Play("- parallel: [[{wait: 1s}], [{send: bad}]]\n- send: a")
    assert play.failed == "step 1.2.1 (send: bad)\nit is bad"
    assert play.hands.done == []


def test_the_client_has_gone() -> None:
    """What is waited for cannot come; time may still pass."""
    play = Play("- wait: {client: subscribed}")
    play.machine.end("the command ended")
    assert play.failed.splitlines()[:2] == ["step 1 (wait: {client: subscribed})", "the command ended"]
    play = Play("- wait: 1s")
    play.machine.end("the command ended")
    assert play.machine.failed is None


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("wait: 1", "it takes a duration, such as 250ms, 2s or 1h, not 1"),
        ("wait: [1]", "what is asked for is a mapping, not"),
        ("wait: {delivered: some}", "delivered is 'all', not 'some'"),
        ("wait: {delivered: all, withn: 1s}", "wait for delivery has no 'withn'; did you mean 'within'?"),
        ("wait: {client: here}", "a client is never 'here'"),
        ("wait: {request: GET /x, times: 0}", "times is a whole number, 1 or above, not 0"),
        ("wait: {request: GET /x, as: O}", "'as' is a name in small letters"),
        ("wait: {request: GET /x, within: 1}", "within: it takes a duration"),
        ("never: {request: GET /x, rate: 5}", "a rate is such as"),
        ("fill: {order: o}", r"an order is \$o, as it was captured"),
        ("fill: {qty: all}", "qty is 'rest', a share such as '30%', or an amount in quotes, such as '0.5', not 'all'"),
        ("fill: {qty: 0.5}", "or an amount in quotes"),
        ("fill: {as: both}", "'as' is maker or taker"),
        ("price: high", " is an amount in quotes"),
        ("close: {code: x}", "code is a whole number"),
        ("control: {PUT /x: {}}", "a route is such as"),
        ("control: {POST /x: {}, POST /y: {}}", "control is one route"),
        ("parallel: [[]]", "two or more lists"),
        ("parallel: [[], [{wiat: 1s}]]", "no verb 'wiat'"),
        ("repeat: {times: 0, steps: []}", "times is a whole number from 1"),
        ("repeat: {times: 2}", "steps is a list, not None"),
        ("repeat: {times: 2, steps: [{goto: {label: x, max: 1}}]}", "no label 'x' before it in steps of repeat"),
        ("parallel: [[], [{label: x}, {label: x}]]", "the label 'x' stands twice in each of parallel"),
        ("label: 5", "a label is a name in small letters, not 5"),
        ("goto: {label: x}", "max is a whole number from 1"),
        ("book: {bids: [['1']]}", r"bids are a list of \[price, amount\]"),
        ("book: {bids: [['2', '1']], asks: [['1', '1']]}", "the best bid is below the best ask"),
        ("book: {bid: []}", "book has no 'bid'; did you mean 'bids'?"),
    ],
)
def test_what_cannot_be_meant(step: str, words: str) -> None:
    """Is refused when the file is read, with its line."""
    with pytest.raises(ValueError, match=f"line 4: .*{words}"):
        parse(f"mock: 1\nvenue: ftx\nsteps:\n- {step}\n", STEPS)
