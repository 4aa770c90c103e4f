// The clock of the world: what it says, moving it on, and what fired on the way.

import { $, make, setText, span } from "./dom.js";
import { perform } from "./session.js";

const MOST_FIRED = 12;

const date = (ns) => new Date(Number(ns) / 1e6).toISOString().replace("T", " ").replace("Z", " UTC");

export const showClock = ({ clock, pending, pending_count: count }) => {
  setText($("told"), `${date(clock.now_ns)} (${clock.mode})`);
  setText($("ahead"), span(clock.ahead_ns));
  const first = pending.find(({ market }) => !market); // the button passes over the market's
  setText($("next"), first ? `${first.what}, in ${span(first.in_ns)} (${count} timers)` : "none");
};

// What fired, the same things in one line each, in the order in which they first came.
const showFired = (fired) => {
  const lines = new Map();
  for (const { what, account, connection } of fired) {
    const whose = [account, connection === null ? null : `connection ${connection}`].filter(Boolean).join(", ");
    const line = whose ? `${what} (${whose})` : what;
    lines.set(line, (lines.get(line) ?? 0) + 1);
  }
  const shown = [...lines].map(([line, times]) => (times > 1 ? `${line}, ${times} times` : line));
  const more = shown.length > MOST_FIRED ? [`and ${shown.length - MOST_FIRED} more`] : [];
  const all = shown.length ? [...shown.slice(0, MOST_FIRED), ...more] : ["nothing"];
  $("fired").replaceChildren(...all.map((line) => make("li", line)));
};

const AMOUNT = { m: "minutes", h: "hours" };
const advance = async (by) => {
  const wall = $("wall").checked, amount = Number.parseInt(by, 10), unit = AMOUNT[by.at(-1)];
  const answer = await perform("/clock/advance", { by, wall }, {
    said: `moved the clock on by ${by}`,
    step: () => (wall ? { control: { "POST /clock/advance": { by, wall } } } : { advance: by }),
    python: () => `mock_exchange.advance(${unit}=${amount}${wall ? ", wall=True" : ""})`,
  });
  if (answer) showFired(answer.fired);
};

const toNext = async () => {
  const wall = $("wall").checked;
  const answer = await perform("/clock/next", { wall }, {
    said: "moved the clock on to the next deadline",
    step: () => ({ control: { "POST /clock/next": wall ? { wall } : {} } }),
    python: () => `mock_exchange.control("POST", "/clock/next"${wall ? ", wall=True" : ""})`,
  });
  if (answer) showFired(answer.fired);
};

for (const button of $("clock").querySelectorAll("button[data-by]")) {
  button.addEventListener("click", () => advance(button.dataset.by));
}
$("next-deadline").addEventListener("click", toNext);
