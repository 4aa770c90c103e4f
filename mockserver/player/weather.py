"""The weather of a story: what befalls the network and the venue in one word, done with what the mock has.

    drop: late      fate: mixed      ban: [2m, 418]      away: [fills:BTCUSDT, '503']      heal

Most words are faults of the mock, armed under the word's own name; so the same word again replaces what it armed, and
``heal`` disarms them all. The rest are acts on the connections and on the venue. ``docs/mock/scenarios.md`` says what
each word means. Pure; what befalls the client's own process cannot be done here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from mockserver.exchange import Exchange
from mockserver.faces.base import VenueSpec
from mockserver.faults import (
    ClockSkew,
    Corrupt,
    DialHang,
    DialRefused,
    Dup,
    Fault,
    FrameDelay,
    HtmlBody,
    HttpError,
    Kind,
    Latency,
    Match,
    NoAnswer,
    TruncatedJson,
    delist,
)
from mockserver.heard import read_entry
from mockserver.link import Link
from mockserver.story import Step
from mockserver.verbs import WEATHER

SECOND: Final = 1_000_000_000
LATEST_NS: Final = 20 * SECOND
"""A client hears of an end that comes late (``drop: late``) no later than this."""
FACTS: Final = ("executionReport", "ORDER_TRADE_UPDATE", "TRADE_LITE", "ALGO_UPDATE", "orders", "fills")
"""Events that may come again: those of orders and fills."""

FATES: Final[Mapping[str, Kind]] = {
    "lost": NoAnswer(accepted=False),
    "unheard": NoAnswer(),
    "cut": TruncatedJson(),
    "500": HttpError(status=500),
    "503": HttpError(status=503, body=""),
    "429": HttpError(status=429, retry_after_s=7),
    "html": HtmlBody(),
    "odd": HttpError(status=400, code=-4108, text="Symbol is settling."),
}


def faults_of(step: Step, spec: VenueSpec) -> list[Fault] | None:
    """The faults that a word comes to at this venue, in place of those that it came to before; None: it is an act."""
    arg, venue = step.arg, spec.name
    at = Match(venue=venue)
    match step.what:
        case "fate":
            return _named("fate", _mixed("lost", "unheard", "500", "429", "html") if arg == "mixed" else _fate(arg), at)
        case "dials":
            return _named("dials", _dials(arg), at)
        case "away":
            return [] if arg is None else _away(arg[0], arg[1], spec)
        case "ban":
            span_ns, status = arg
            stay_s = -(-span_ns // SECOND)
            kinds = (
                HttpError(status=status, retry_after_s=stay_s),
                DialRefused(status=status, retry_after_s=stay_s),
            )
            return _named("ban", [(kind, 1.0) for kind in kinds], Match(venue=venue, lasts_ns=span_ns))
        case "slow":
            return _named("slow", [(kind, 1.0) for kind in _slow(arg)] if arg else [], at)
        case "measure":
            late = [(Latency(delay_ns=0, jitter_ns=arg), 1.0)] if arg else []
            _, path = spec.questions["clock"][0].split()
            return _named("measure", late, Match(venue=venue, path=path))
        case "clock":
            return _named("clock", [(ClockSkew(by_ns=-arg), 1.0)] if arg else [], at)
        case "doubled":
            return _named("doubled", [(Dup(), arg)] if arg else [], at)
        case "broken":
            return _named("broken", [(Corrupt(), arg)] if arg else [], at)
    return None


Likely = Sequence[tuple[Kind, float]]


def _named(word: str, kinds: Likely, match: Match) -> list[Fault]:
    return [
        Fault(kind=kind, probability=probability, match=match, name=word if number == 1 else f"{word} {number}")
        for number, (kind, probability) in enumerate(kinds, 1)
    ]


def _fate(word: str) -> Likely:
    return () if word == "ok" else ((FATES[word], 1.0),)


def _mixed(*words: str) -> Likely:
    """Each as likely as the others, and twice that for none: the first that happens prevails."""
    return [(FATES[word], 1 / (len(words) + 2 - place)) for place, word in enumerate(words)]


def _dials(word: str) -> Likely:
    refused, busy, hangs = DialRefused(status=503), DialRefused(retry_after_s=5), DialHang()
    return {
        "ok": (),
        "refused": ((refused, 1.0),),
        "hang": ((hangs, 1.0),),
        "mixed": ((refused, 1 / 4), (hangs, 1 / 3), (busy, 1 / 2)),
    }[word]


def _slow(way_ns: int) -> tuple[Kind, Kind]:
    return Latency(delay_ns=0, jitter_ns=way_ns), FrameDelay(delay_ns=0, jitter_ns=way_ns)


def _away(question: str, how: str, spec: VenueSpec) -> list[Fault]:
    kind, _, symbol = question.partition(":")
    routes = spec.questions["fills" if kind == "orderfills" else kind]  # which is the same route, of one order
    faults = []
    for number, route in enumerate(routes, 1):
        method, path = route.split()
        match = Match(venue=spec.name, method=method, path=path, symbol=symbol or None)
        faults.append(Fault(kind=FATES[how], match=match, name=f"away {question} {number}"))
    return faults


class Weather:
    """The weather of one venue. ``links`` are asked for anew at each step: they come and go."""

    def __init__(self, exchange: Exchange, links: Sequence[Link]) -> None:
        self.exchange = exchange
        self.links = links

    def befall(self, step: Step) -> str:
        """Let it happen; what was done, in words."""
        assert step.what in WEATHER
        faults = faults_of(step, self.exchange.spec)
        if faults is not None:
            return self._arm(step.what, faults, adds=step.what == "away" and step.arg is not None)
        match step.what:
            case "drop" | "mute" | "unmute" | "stall" | "terminate":
                return self._on_links(step)
            case "replay":
                return self._replay(*step.arg)
            case "terminates" | "shutdowns":
                return self._again(step)
            case "heal":
                return self._heal(but_away=step.arg is not None)
            case _:
                return self._on_venue(step)

    # -- faults ---------------------------------------------------------------------------------------------------

    def _arm(self, word: str, faults: Sequence[Fault], *, adds: bool = False) -> str:
        armed = self.exchange.world.faults
        names = {fault.name for fault in faults} if adds else {name for name in armed.hits if _is_of(name, word)}
        for name in names & armed.hits.keys():
            armed.disarm(name)
        for fault in faults:
            armed.arm(fault, self.exchange.clock.timeline_ns)
        return f"armed {', '.join(fault.name for fault in faults)}" if faults else f"{word} is well"

    def _heal(self, *, but_away: bool) -> str:
        """The faults of the weather end; what is done to a connection stays done, and REST keeps its lag."""
        for word in WEATHER:
            if not (but_away and word == "away"):
                self._arm(word, ())
        return "the weather is fair" + (", but for what is away" if but_away else "")

    # -- acts -----------------------------------------------------------------------------------------------------

    def _on_links(self, step: Step) -> str:
        for link in self.links:
            match step.what:
                case "drop":
                    self._drop(link, step.arg)
                case "mute":
                    link.mute(step.arg)
                case "unmute":  # what is held stays held
                    link.silence = None
                    link.note_sight()
                case "stall":
                    link.stall(step.arg)
                case _ if link.session is not None:
                    link.session.terminate()
        return f"{len(self.links)} connections"

    def _drop(self, link: Link, how: str) -> None:
        match how:
            case "reset":
                link.reset()
            case "half":  # nobody is told: each end finds out by its own means
                link.half_open()
            case "late":  # the server is deaf and dumb, and the client is told later
                link.half_open()
                late_ns = self.exchange.random(f"late end of connection {link.id}").randint(SECOND // 10, LATEST_NS)
                self.exchange.clock.after(late_ns, f"late end of connection {link.id}", link.reset, link=link.id)
            case _:
                link.close(1001)

    def _replay(self, count: int, within_ns: int) -> str:
        """Send what was sent lately again, on the connections of now."""
        recorder, since_ns = self.exchange.world.recorder, self.exchange.now_ns - within_ns
        heard = [read_entry(entry) for entry in recorder.entries() if entry.kind == "ws-out"]
        texts = [each.entry.text for each in heard if each.name in FACTS and each.time_ns >= since_ns][-count:]
        for link in self.links:
            for text in texts:
                link.tell(text)
        return f"{len(texts)} frames again, on {len(self.links)} connections"

    def _again(self, step: Step) -> str:
        """The same several times, a fifth or a tenth of a second apart."""
        one, every_ns = ("terminate", SECOND // 10) if step.what == "terminates" else ("shutdown", SECOND // 5)
        once = Step(one, False if one == "shutdown" else None)
        home = self.exchange.world

        def act() -> None:
            links = [link for link in home.worlds.links.values() if link.home is home]
            Weather(self.exchange, links).befall(once)

        act()
        for number in range(1, step.arg):
            self.exchange.clock.after(number * every_ns, f"{one} {number + 1} of {step.arg}", act)
        return f"{one}, {step.arg} times"

    def _on_venue(self, step: Step) -> str:
        face, settings = self.exchange.face, self.exchange.settings
        match step.what:
            case "lag":
                settings.rest_lag_ns = step.arg
                return "REST lags"
            case "expire_key":
                return f"{face.expire_listen_keys(None, notices=step.arg)} keys expired"
            case "rekey":
                return f"{face.replace_listen_keys(None)} keys replaced"
            case "shutdown":
                return f"told {face.shutdown_notice(close=step.arg)} connections"
            case "interleaving":
                settings.options["interleaving"] = step.arg
                return step.arg if self.exchange.venue == "ftx" else "nothing: FTX alone has two channels"
            case _:
                return self._delist(step.arg)

    def _delist(self, which: int) -> str:
        names = [name for name in self.exchange.engine.instruments if name not in self.exchange.rules.halted]
        if len(names) < 2:
            return "nothing: there is one market left"
        delist(self.exchange, names[which % len(names)])
        return names[which % len(names)]


def _is_of(name: str, word: str) -> bool:
    return name == word or name.startswith(f"{word} ")
