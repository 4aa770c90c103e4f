"""`check_venue`: what every venue must do, whatever its exchange speaks.  For authors of venues.

    def test_my_venue():
        check_venue(MyVenue(api_key="key-1234", api_secret="secret-1234"), Samples(...))

Nothing is dialled or asked: the suite hands the venue samples that its author has recorded, the same samples damaged
in many ways, and plain garbage.  It raises AssertionError that begins with the rule that was broken: one of `RULES`.

What it cannot know, and so does not check: whether a sample means what the exchange meant by it, whether a signature
is right, whether paging loses a row.  Those are tests of the venue's own, with values from its documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, Final

import attrs
import msgspec

from exchstream.core.limits import HostLimits, HttpLimits, LinkLimits, SessionLimits
from exchstream.core.venue import (
    SECOND,
    Accepted,
    Address,
    Balances,
    Clock,
    CredentialIs,
    Fills,
    FillView,
    Holdings,
    Lane,
    MarketList,
    Markets,
    Meaning,
    Memory,
    More,
    NewCredential,
    OpenOrders,
    OrderById,
    OrderFills,
    Orders,
    OrderView,
    Proof,
    Question,
    Refusal,
    Refused,
    RenewCredential,
    Reply,
    Request,
    ServerTime,
    Snapshot,
    Strange,
    Traced,
    Traces,
    Venue,
)
from exchstream.events import DownReason
from exchstream.model import OrderKey, OrderKind

__all__ = ["RULES", "Samples", "check_venue"]

Frame = str | bytes

RULES: Final[Mapping[str, str]] = {
    "V01": "name, account, environment and identity are texts that stay the same, and the identity shows no key",
    "V02": "there are lanes with names of their own, which beat before they count as silent; something is told",
    "V03": "an audit waits at least as long as REST lags, and notices a silent lane within the stated bound",
    "V04": "every request and dial is paid from a bucket that exists, and weighs no more than it holds",
    "V05": "the answers to what `needs` asks for end the needs",
    "V06": "every lane has a ws:// or wss:// address",
    "V07": "every question that the plan can lead to has a request, with a path that begins with /",
    "V08": "requests only read: GET, or POST and PUT where a key is made or the author names the path",
    "V09": "a lane that is proven by ACK greets, and its acceptance carries each tag of the greeting",
    "V10": "samples are understood: nothing strange or refused, and the answer has the meaning that was asked for",
    "V11": "a page leads to another page, never to itself",
    "V12": "`read` raises nothing, and what it cannot read is told as strange, raw as it came",
    "V13": "`answer` raises nothing, and an unreadable answer is refused for now: no fact, no verdict on the key",
    "V14": "numbers are Decimals, finite, of a sane size, quantities not negative; otherwise there is no fact",
    "V15": "the venue is pure: it says the same again, whatever came between, and leaves the memory alone",
    "V16": "no secret and no credential is in a repr of venue, request, address or memory",
    "V17": "link_limits, http_limits, session_limits and host_limits are there, each of its own class",
}

NOT_JSON: Final = (
    b"", b" ", b"no json", b"<html><body>502 Bad Gateway</body></html>", b'{"e":', b"[" * 10_000, b"\xff\xfe\x00",
)  # fmt: skip
NO_EVENT: Final = (b"null", b"42", b'"text"', b"[]", b"{}", b"[[]]", b'{"brandNew":{"e":[],"type":7}}')
BAD_VALUES: Final = (
    b"null", b'"NaN"', b"NaN", b"1e999", b'"1e999"', b"-1", b'"-1"', b'"' + b"9" * 80 + b'"', b"{}", b"true",
)  # fmt: skip
MOST_VALUES: Final = 60  # of one sample that are damaged one after the other; market lists are long
MAX_MAGNITUDE: Final = 100  # no market trades 1e100 of anything
_VALUE: Final = re.compile(rb'(?<=[:\[,])\s*("(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null)(?=\s*[,}\]])')
_GET: Final = frozenset({"GET"})
_KEYS: Final = frozenset({"GET", "POST", "PUT"})  # DELETE ends the key of every other process too


@attrs.frozen(kw_only=True)
class Samples:
    """What the author has recorded.

    `frames` by the lane's name, each with a meaning; `answers` to questions, at least to those of `needs`, as the
    body of a 200; `accept` gives the frames by which the exchange accepts the greeting of a tag (None where no lane
    is proven by ACK); `symbol` is a venue symbol; `noticed_ns` is the bound within which the venue's page promises
    that a silent lane is noticed; `posts` are paths at which a POST or PUT only reads.
    """

    frames: Mapping[str, Sequence[Frame]]
    answers: Sequence[tuple[Question, bytes]]
    symbol: str
    noticed_ns: int
    accept: Callable[[str], Sequence[Frame]] | None = None
    posts: frozenset[str] = frozenset()
    now_ns: int = 1_795_000_000 * SECOND


def check_venue(venue: Venue, samples: Samples) -> None:
    """Hold the venue against every rule, in order.  Raises AssertionError that names the first that is broken.

    The keys of `venue` should be made up and long, so that they stand in no sample by chance.
    """
    suite = _Suite(venue, samples)
    suite.names()
    suite.limits()
    suite.plan()
    suite.needs()
    suite.lanes()
    suite.requests()
    suite.samples_understood()
    suite.reading()
    suite.answering()
    suite.purity()
    suite.secrecy()


class _Rule:
    """A block in which whatever is raised breaks this rule."""

    def __init__(self, rule: str, what: str) -> None:
        self._text = f"{rule} ({RULES[rule]}): {what}"

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, Exception) and not isinstance(error, AssertionError):
            raise AssertionError(f"{self._text} raised {type(error).__name__}: {error}") from error


def _hold(true: object, rule: str, text: str) -> None:
    if not true:
        raise AssertionError(f"{rule} ({RULES[rule]}): {text}")


class _Suite:
    """The rules, over one venue and its samples; `memory` is what the needs have left."""

    def __init__(self, venue: Venue, samples: Samples) -> None:
        self.venue = venue
        self.samples = samples
        self.memory = Memory()
        self.needed: list[Question] = []

    # -------------------------------------------------------------------------------------------- what it is

    def names(self) -> None:
        """V01."""
        for field in ("name", "account", "environment", "identity"):
            text = getattr(self.venue, field)
            _hold(isinstance(text, str) and text, "V01", f"{field} is {text!r}")
            _hold(getattr(self.venue, field) == text, "V01", f"{field} changes from call to call")
        shown = [secret for secret in self.venue.secrets if secret.reveal() in self.venue.identity]
        _hold(not shown, "V01", "the identity holds a secret: use a digest")

    def limits(self) -> None:
        """V17."""
        for field, kind in _LIMITS.items():
            _hold(isinstance(getattr(self.venue, field, None), kind), "V17", f"{field} is no {kind.__name__}")

    def plan(self) -> None:
        """V02, V03 and the buckets of V04."""
        plan, lanes = self.venue.plan, self.venue.plan.lanes
        names = [lane.name for lane in lanes]
        _hold(names and all(names) and len(set(names)) == len(names), "V02", f"lanes named {names}")
        for lane in lanes:
            times = (lane.heartbeat_ns, lane.silence_ns, lane.ack_ns)
            _hold(min(times) > 0 and lane.heartbeat_ns < lane.silence_ns, "V02", f"times of lane {lane.name!r}")
        _hold(plan.kinds and (plan.tells_orders or plan.tells_fills), "V02", "neither orders nor fills are told")
        audit = plan.audit
        _hold(0 < audit.fast_ns <= audit.every_ns, "V03", "fast_ns is not within (0, every_ns]")
        _hold(audit.grace_ns >= plan.lag_ns >= 0, "V03", "grace_ns is shorter than lag_ns")
        bound_ns = audit.every_ns + audit.grace_ns
        _hold(bound_ns <= self.samples.noticed_ns, "V03", f"every_ns + grace_ns is {bound_ns / SECOND:g} s")
        buckets = [bucket.name for bucket in self.venue.buckets]
        _hold(buckets and len(set(buckets)) == len(buckets), "V04", f"buckets named {buckets}")
        _hold(all(b.limit > 0 and b.per_ns > 0 for b in self.venue.buckets), "V04", "a bucket that holds nothing")

    # -------------------------------------------------------------------------------------------- what it says

    def needs(self) -> None:
        """V05: fill the memory as a session would."""
        answers = dict(self.samples.answers)
        for _ in range(10):
            with _Rule("V05", "needs"):
                needs = list(self.venue.needs(self.memory, self.samples.now_ns))
            for question in needs:
                self.needed.append(question)
                _hold(question in answers, "V05", f"there is no sample answer to {question}")
                for meaning in self._answered(question, answers[question], "V05"):
                    if isinstance(meaning, CredentialIs):
                        self.memory.credential = meaning
                    elif isinstance(meaning, MarketList):
                        self.memory.markets = meaning.markets
            if not needs:
                return
        _hold(False, "V05", "after ten rounds of answers it still needs something")

    def lanes(self) -> None:
        """V06 and V09."""
        for lane in self.venue.plan.lanes:
            with _Rule("V06", f"dial of lane {lane.name!r}"):
                address = self.venue.dial(lane, self.memory)
            _hold(address.url.startswith(("ws://", "wss://")), "V06", f"lane {lane.name!r}")
            if address.bucket is not None:
                self._paid(address.bucket, address.weight, f"dial of lane {lane.name!r}")
            with _Rule("V09", f"greeting of lane {lane.name!r}"):
                tags = list(dict.fromkeys(tag for tag, _ in self._greet(lane)))
            if lane.proof is Proof.OPEN:
                continue
            accept = self.samples.accept or (lambda tag: ())
            _hold(tags, "V09", f"lane {lane.name!r} says nothing that could be accepted")
            for tag in tags:
                told = self._read(lane, list(map(_bytes, accept(tag))), "V09")
                _hold(Accepted(tag) in told, "V09", f"the acceptance of tag {tag!r} means {_kinds(told)}")

    def requests(self) -> None:
        """V07, V08 and the costs of V04."""
        for question in self.questions():
            with _Rule("V07", f"request for {question}"):
                request = self._request(question)
            path = request.target.partition("?")[0]
            _hold(path.startswith("/"), "V07", f"the path for {type(question).__name__}")
            keys = isinstance(question, NewCredential | RenewCredential) or path in self.samples.posts
            _hold(request.method in (_KEYS if keys else _GET), "V08", f"{request.method} for {type(question).__name__}")
            self._paid(request.bucket, request.weight, f"request for {type(question).__name__}")

    def questions(self) -> list[Question]:
        """Every kind of question that the plan can lead to."""
        plan, samples = self.venue.plan, self.samples
        span = (samples.now_ns - 60 * SECOND, samples.now_ns)
        asked: list[Question] = [Clock(), Markets(), *self.needed]
        if any(isinstance(question, NewCredential) for question in self.needed):
            asked.append(RenewCredential())
        if plan.tells_orders:
            asked += [OpenOrders(kind) for kind in plan.kinds]
            asked += [OrderById(OrderKey(samples.symbol, "1", kind)) for kind in plan.kinds]
            asked.append(Orders(samples.symbol if plan.orders.by_symbol else None, *span))
        if plan.tells_fills:
            asked.append(Fills(samples.symbol if plan.fills.by_symbol else None, *span))
        if plan.tells_orders and plan.tells_fills:
            asked.append(OrderFills(OrderKey(samples.symbol, "1", OrderKind.ORDER)))
        if plan.balances:
            asked.append(Balances())
        if plan.traces_reach_ns is not None:
            asked.append(Traces(*span))
        return list(dict.fromkeys([*asked, *(question for question, _ in samples.answers)]))

    # -------------------------------------------------------------------------------------------- what it hears

    def samples_understood(self) -> None:
        """V10, V11 and V14, of the samples as they are."""
        for lane, frame in self._frames():
            told = self._read(lane, [frame], "V10")
            strange = [meaning.what for meaning in told if isinstance(meaning, Strange)]
            _hold(told and not strange, "V10", f"{_head(frame)} means {strange or 'nothing'}")
            self._exact(told, frame)
        for question, body in self.samples.answers:
            told = self._answered(question, body, "V10")
            bad = [meaning for meaning in told if isinstance(meaning, Strange | Refused)]
            _hold(not bad, "V10", f"the answer to {question} means {bad}")
            due = _DUE.get(type(question))
            _hold(due is None or any(isinstance(m, due) for m in told), "V10", f"no {due} in the answer to {question}")
            onward = [meaning.question for meaning in told if isinstance(meaning, More)]
            _hold(question not in onward, "V11", f"{question}")
            self._exact(told, body)

    def reading(self) -> None:
        """V12 and V14, of garbage and of damaged samples."""
        for lane in self.venue.plan.lanes:
            for frame in (*NOT_JSON, *NO_EVENT):
                told = self._read(lane, [frame], "V12")
                raws = [meaning.raw for meaning in told if isinstance(meaning, Strange)]
                _hold(raws, "V12", f"{_head(frame)} means {_kinds(told) or 'nothing'}")
                _hold(raws == [frame], "V12", f"the raw of {_head(frame)} is {_head(raws[0])}")
        for lane, frame in self._frames():
            for damaged in _damaged(frame):
                self._exact(self._read(lane, [damaged], "V12"), damaged)

    def answering(self) -> None:
        """V13 and V14, of garbage and of damaged samples."""
        for question in self.questions():
            for frame in (*NOT_JSON, *NO_EVENT):
                for status in (200, 502):
                    told = self._answered(question, frame, "V13", status)
                    if frame in NOT_JSON or status != 200:
                        self._refused_for_now(question, told, f"{status} with {_head(frame)}")
        for question, body in self.samples.answers:
            for damaged in _damaged(body):
                self._exact(self._answered(question, damaged, "V13"), damaged)

    def _refused_for_now(self, question: Question, told: Sequence[Meaning], what: str) -> None:
        facts = OrderView | FillView | Snapshot | Holdings | ServerTime | MarketList | CredentialIs
        _hold(not any(isinstance(m, facts) for m in told), "V13", f"{what} to {question} has meanings {_kinds(told)}")
        refused = [meaning for meaning in told if isinstance(meaning, Refused)]
        _hold(refused or isinstance(question, Clock), "V13", f"{what} to {question} is taken for an answer")
        for refusal in refused:
            # A page where a key was due may say that the venue has retired the way: that is no verdict on the key.
            passing = refusal.how is Refusal.TRANSIENT or refusal.down is DownReason.RETIRED
            _hold(passing, "V13", f"{what} to {question} is {refusal.how}")

    # -------------------------------------------------------------------------------------------- how it is made

    def purity(self) -> None:
        """V15."""
        first = list(self._everything())
        for lane in self.venue.plan.lanes:
            self.venue.read(lane, [*NOT_JSON, *NO_EVENT], self.memory)
        for (what, once), (_, again) in zip(first, self._everything(), strict=True):
            _hold(once == again, "V15", f"{what} differs the second time")

    def _everything(self) -> Iterator[tuple[str, object]]:
        """All that the venue says and understands, each with a name."""
        venue, memory, now_ns = self.venue, self.memory, self.samples.now_ns
        yield "plan", venue.plan
        yield "needs", [list(venue.needs(Memory(), now_ns)), list(venue.needs(memory, now_ns))]
        for lane in venue.plan.lanes:
            yield f"dial of {lane.name}", venue.dial(lane, memory)
            yield f"greeting of {lane.name}", list(self._greet(lane))
        for question in self.questions():
            yield f"request for {type(question).__name__}", self._request(question)
        for lane, frame in self._frames():
            yield f"meaning of {_head(frame)}", venue.read(lane, [frame], memory)
        for question, body in self.samples.answers:
            yield f"answer to {type(question).__name__}", self._answered(question, body, "V15")

    def secrecy(self) -> None:
        """V16."""
        secrets = [secret.reveal() for secret in self.venue.secrets]
        _hold(secrets and all(secrets), "V16", "`secrets` must list every key")
        if self.memory.credential is not None:
            secrets.append(self.memory.credential.value.reveal())
        shown: list[Venue | Memory | Address | Request | Reply] = [self.venue, self.memory]
        shown += [self.venue.dial(lane, self.memory) for lane in self.venue.plan.lanes]
        shown += [self._request(question) for question in self.questions()]
        for thing in shown:
            found = any(secret in text for secret in secrets for text in (repr(thing), str(thing)))
            _hold(not found, "V16", f"the repr of a {type(thing).__name__} shows one")

    # -------------------------------------------------------------------------------------------- helpers

    def _frames(self) -> Iterator[tuple[Lane, bytes]]:
        for lane in self.venue.plan.lanes:
            for frame in self.samples.frames.get(lane.name, ()):
                yield lane, _bytes(frame)

    def _greet(self, lane: Lane) -> Sequence[tuple[str, str]]:
        return self.venue.greet(lane, self.memory, self.samples.now_ns)

    def _request(self, question: Question) -> Request:
        return self.venue.request(question, self.memory, self.samples.now_ns)

    def _read(self, lane: Lane, frames: Sequence[bytes], rule: str) -> list[Meaning]:
        before = attrs.evolve(self.memory)
        with _Rule(rule, f"read of {', '.join(map(_head, frames))}"):
            told = self.venue.read(lane, frames, self.memory)
        _hold(self.memory == before, "V15", "`read` has changed the memory")
        return told

    def _answered(self, question: Question, body: bytes, rule: str, status: int = 200) -> list[Meaning]:
        before = attrs.evolve(self.memory)
        with _Rule(rule, f"answer to {question} with {_head(body)}"):
            told = self.venue.answer(question, Reply(status, {}, body, self.samples.now_ns), self.memory)
        _hold(self.memory == before, "V15", "`answer` has changed the memory")
        return told

    def _paid(self, name: str, weight: int, what: str) -> None:
        bucket = next((bucket for bucket in self.venue.buckets if bucket.name == name), None)
        if bucket is None:
            raise AssertionError(f"V04 ({RULES['V04']}): {what} is paid from {name!r}")
        _hold(0 <= weight <= bucket.limit, "V04", f"{what} weighs {weight}, {name!r} holds {bucket.limit}")

    def _exact(self, told: Iterable[Meaning], source: bytes) -> None:
        for meaning in told:
            for value in _leaves(meaning):
                _hold(not isinstance(value, float), "V14", f"{value!r} in {type(meaning).__name__} of {_head(source)}")
                if isinstance(value, Decimal):
                    sane = value.is_finite() and abs(value.adjusted()) <= MAX_MAGNITUDE
                    _hold(sane, "V14", f"{value} in {type(meaning).__name__} of {_head(source)}")
            if isinstance(meaning, FillView):
                _hold(meaning.execution.quantity >= 0, "V14", f"a negative fill of {_head(source)}")
            elif isinstance(meaning, OrderView):
                _hold(meaning.state.cumulative.filled >= 0, "V14", f"a negative filled quantity of {_head(source)}")


_LIMITS: Final[Mapping[str, type]] = {
    "link_limits": LinkLimits,
    "http_limits": HttpLimits,
    "session_limits": SessionLimits,
    "host_limits": HostLimits,
}
_DUE: Final[Mapping[type[Any], type[Any]]] = {
    Clock: ServerTime,
    Markets: MarketList,
    NewCredential: CredentialIs,
    OpenOrders: Snapshot,
    OrderById: OrderView,
    Balances: Holdings,
    Traces: Traced,
}


def _damaged(sample: bytes) -> Iterator[bytes]:
    """The sample cut short, and with each of its values replaced by a bad one."""
    yield sample[: len(sample) // 2]
    for found in list(_VALUE.finditer(sample))[:MOST_VALUES]:
        for bad in BAD_VALUES:
            yield sample[: found.start(1)] + bad + sample[found.end(1) :]


def _leaves(value: Any) -> Iterator[object]:
    """Every plain value inside a meaning."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _leaves(getattr(value, name))
    elif attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            yield from _leaves(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from (*_leaves(key), *_leaves(inner))
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _bytes(frame: Frame) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame


def _head(frame: bytes) -> str:
    return repr(frame if len(frame) <= 80 else frame[:80])


def _kinds(told: Iterable[Meaning]) -> str:
    return ", ".join(type(meaning).__name__ for meaning in told)
