"""The deliberate bugs: each is a text of the shipped code and what stands there instead.

A text must occur exactly once, so that a refactoring that moves or changes it fails loudly (`test_mutants.py`).
Nothing is run here.
"""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen
class Mutant:
    """One bug: in `file`, `after` stands where `before` did; `why` says which promise is broken by it."""

    name: str
    file: str
    before: str
    after: str
    why: str

    def of(self, source: str) -> str:
        """The source with the bug in it.  Raises ValueError where its place is not found, or found twice."""
        found = source.count(self.before)
        if found != 1:
            raise ValueError(f"{self.name}: its place occurs {found} times in {self.file}, and not once")
        return source.replace(self.before, self.after)


LOOKBACK: Final = "exchstream/core/lookback.py"
SESSION: Final = "exchstream/core/session.py"
BINANCE_PAGES: Final = "exchstream/venues/binance/paging.py"
STORE: Final = "exchstream/journal/store.py"
TELLER: Final = "exchstream/core/teller.py"

MUTANTS: Final = (
    Mutant(
        "no-overlap-of-passes",
        LOOKBACK,
        "max(asked.wall_ns - 2 * self.lag_ns, since_ns)",
        "max(asked.wall_ns, since_ns)",
        "the second pass lists only from the first one on, and REST lags",
    ),
    Mutant(
        "gap-from-the-notice",
        SESSION,
        "since_ns = min(self.good_ns, now.wall_ns) if self._beginning.over else self.good_ns",
        "since_ns = now.wall_ns if self._beginning.over else self.good_ns",
        "a gap begins when it is noticed, and not at the last good instant",
    ),
    Mutant(
        "paging-by-time",
        BINANCE_PAGES,
        'return Place(at.book, "i", last if again else last + 1)',
        'return Place(at.book, "t", max(row.time_ms or 0 for row in rows) + 1)',
        "the next page begins after the time of the last row, and others have it (no venue can be asked by offset)",
    ),
    Mutant(
        "short-page-is-the-last",
        BINANCE_PAGES,
        "if not any(_is_late(row, question) for row in rows):",
        "if len(rows) >= book.limit and not any(_is_late(row, question) for row in rows):",
        "a venue that gives fewer rows than were asked for has no more",
    ),
    Mutant(
        "first-page-only",
        "exchstream/venues/ftx/rest.py",
        "return not envelope.has_more_data",
        "return True",
        "every page is taken for the last one, whatever the venue says",
    ),
    Mutant(
        "no-questions-by-id",
        LOOKBACK,
        "if key in self.ledger.open and snapshot is not None and key not in snapshot:",
        "if False and key in self.ledger.open and snapshot is not None and key not in snapshot:",
        "an order that is not open any more is not asked for",
    ),
    Mutant(
        "no-double-entry",
        LOOKBACK,
        "if self.plan.tells_fills:\n            for key, difference in self._compared():",
        "if False:\n            for key, difference in self._compared():",
        "the fills of an order that does not balance are not asked for",
    ),
    Mutant(
        "closes-on-an-empty-answer",
        SESSION,
        "            self._owed(asked.purpose).discard(asked.question)\n        else:",
        "            self._owed(asked.purpose).discard(asked.question)\n"
        "            if not meanings:\n"
        "                self._owed(asked.purpose).clear()\n"
        "        else:",
        "an answer without a row is taken for the word that nothing happened",
    ),
    Mutant(
        "no-lag-allowance",
        LOOKBACK,
        "asked, until_ns = self._asked, self._asked.wall_ns - self.lag_ns",
        "asked, until_ns = self._asked, self._asked.wall_ns",
        "the verdict reaches to the moment of the questions, and REST lags",
    ),
    Mutant(
        "too-young-is-gone",
        LOOKBACK,
        "return not self._after_proof(self._asked) or changed_ns > seen_ns",
        "return False",
        "an order that REST does not know yet is let go",
    ),
    Mutant(
        "balances-say-nothing",
        LOOKBACK,
        "return self.sheet.unexplained(self._holdings)",
        "return {}",
        "a trade on a symbol that nobody named leaves its trace in the balances alone",
    ),
    Mutant(
        "never-audits",
        SESSION,
        "self._audit.restart(self.good_ns, now.mono_ns + self._beat_ns())",
        "self._audit.restart(self.good_ns, None)",
        "a connection that tells nothing is never noticed",
    ),
    Mutant(
        "stale-view-accepted",
        "exchstream/model.py",
        "cumulative=a.cumulative if a.cumulative.rank >= b.cumulative.rank else b.cumulative,",
        "cumulative=b.cumulative,",
        "the view that came last wins over the one that knows more",
    ),
    Mutant(
        "key-of-an-order",
        "exchstream/model.py",
        "return FillKey(self.venue_symbol, self.trade_id, self.order_id)",
        "return FillKey(self.venue_symbol, self.order_id, self.order_id)",
        "the second fill of an order passes for a repeat of the first",
    ),
    Mutant(
        "key-without-the-order",
        "exchstream/core/ledger.py",
        "known = key in self.fills",
        "known = any((o.venue_symbol, o.trade_id) == (key.venue_symbol, key.trade_id) for o in self.fills)",
        "the second side of a self-trade passes for a repeat of the first",
    ),
    Mutant(
        "tells-the-past",
        "exchstream/core/ledger.py",
        "return live or execution.time_ns >= self.floor_of(key.venue_symbol)",
        "return True",
        "what happened before the stream began is told",
    ),
    Mutant(
        "remaining-size",
        "exchstream/venues/ftx/wire.py",
        "size, filled, strange = not_negative(row.size), not_negative(row.filled_size), list[str]()",
        "size, strange = not_negative(row.size), list[str]()\n"
        '    filled = size - Decimal(str(msgspec.json.decode(raw)["remainingSize"]))',
        "FTX sets `remainingSize` to 0 on every closed order, cancelled ones too",
    ),
    Mutant(
        "trade-lite-counted",
        "exchstream/venues/binance/futures.py",
        "return trade_lite(event)",
        """from exchstream.core.venue import FillView
                    from exchstream.model import Execution, Side

                    import msgspec

                    from exchstream.venues.numbers import exact

                    row = msgspec.json.decode(frame)
                    side, price, quantity = Side(row["S"].lower()), exact(row["L"]), exact(row["l"])
                    key = {"venue_symbol": row["s"], "trade_id": str(row["t"]), "order_id": str(row["i"])}
                    told = Execution(**key, side=side, price=price, quantity=quantity, time_ns=row["T"] * 1_000_000)
                    return [FillView(told, frame)]""",
        "TRADE_LITE is told as a fill, and the full report with its fee is then a repeat",
    ),
    Mutant(
        "old-signature",
        "exchstream/venues/binance/account.py",
        "    def _signed(self, path: str, params: Params, weight: int, now_ns: int) -> Request:\n"
        '        """A question about the account."""\n',
        "    def _signed(\n"
        "        self, path: str, params: Params, weight: int, now_ns: int, kept: dict[str, int] = {}\n"  # one for all
        "    ) -> Request:\n"
        "        now_ns = kept.setdefault(f'{path}?{params}', now_ns)\n",
        "a request that is asked again goes out with its old time and signature",
    ),
    Mutant(
        "retry-after-ignored",
        SESSION,
        "yield Obey(meaning)",
        "pass",
        "the venue says for how long to stay away, and is asked on",
    ),
    Mutant(
        "no-backoff",
        "exchstream/core/backoff.py",
        "return (0, min(self.cap_ns, self.base_ns << min(failures - 1, _MAX_DOUBLINGS)))",
        "return (0, 0)",
        "what fails is tried again at once, for ever",
    ),
    Mutant(
        "failure-is-an-answer",
        SESSION,
        "yield self._asks.again(asked, Range(*self.backoff.delay(asked.tries)))",
        "self._owed(asked.purpose).discard(asked.question)\n            yield from ()",
        "a question that failed counts as answered",
    ),
    Mutant(
        "overflow-untold",
        SESSION,
        "yield from self._end_link(link, GapReason.OVERFLOW, why, now)\n"
        "                    self._open_gap(GapReason.OVERFLOW, why, now)  # whatever another link may tell",
        "link.heard_ns = now.mono_ns",
        "what there was no room for is dropped without a word",
    ),
    Mutant(
        "restart-from-now",
        SESSION,
        "self.good_ns = self.ledger.floor_ns = self._beginning.begin(now)",
        "self.ledger.floor_ns = self._beginning.begin(now)\n        self.good_ns = now.wall_ns",
        "a new process does not go on where the former one was proven",
    ),
    Mutant(
        "open-orders-forgotten",
        SESSION,
        "self.ledger.restore(restored.orders, restored.entries)",
        "self.ledger.restore((), restored.entries)",
        "a new process does not know which orders were open",
    ),
    Mutant(
        "checkpoint-lost",
        STORE,
        "for name, checkpoint in batch.checkpoints.items():\n            self._write_checkpoint(ids[name], checkpoint)",
        "for name, checkpoint in batch.checkpoints.items():\n"
        "            if ids[name] not in self._good_ns:\n"
        "                self._write_checkpoint(ids[name], checkpoint)",
        "of every process only the first checkpoint is kept",
    ),
    Mutant(
        "shown-before-kept",
        "exchstream/journal/pending.py",
        "if self.relaxed and not self._new:",
        "if not self._new:",
        "readers see events, and may act on them, before they are in the file",
    ),
    Mutant(
        "positions-again",
        STORE,
        "self.last = last if boot and boot == self._boot else max(last, reserved)",
        "self.last = last",
        "after a power cut positions that somebody has seen are given again",
    ),
    Mutant(
        "secrets-shown",
        TELLER,
        'return scrub_cut(text.encode(errors="replace"), self._secrets).decode(errors="replace")',
        "return text",
        "what a venue says of a request is told with the key and the signature in it",
    ),
)
