// Scenarios in the page's world: one is chosen, its steps are done one by one or all at once, and a verdict is shown.

import { get, post } from "./api.js";
import { $, make, options, say, setText } from "./dom.js";
import { choice } from "./session.js";

const PATIENCE_MS = 3000;
const MARKS = { done: "✓", now: "▶", failed: "✗", "to come": "·" };
let known = new Map(), playing = null, following = false;

const steps = (rows) => rows.map(({ step, state, words }) => {
  const line = make("li", "", { className: state.replace(" ", "-") }, make("span", `${MARKS[state]} ${state}`, { className: "mark" }), make("code", step));
  if (words) line.append(make("span", words, { className: "quiet" }));
  if (state === "now" || state === "failed") line.setAttribute("aria-current", "step");
  return line;
});

const stands = () => {
  if (playing === null) return "";
  if (!playing.over) return playing.waiting ? `It waits at ${playing.waiting}.` : "The next step waits for a word.";
  if (!playing.final) return playing.verdict.ok ? "Well so far." : "Not well yet; there is a little time left.";
  return playing.verdict.ok ? "✓ Well." : "✗ Failed.";
};

const show = () => {
  const list = playing === null ? (known.get($("scenario").value)?.steps ?? []).map((step) => ({ step, state: "to come", words: "" })) : playing.steps;
  const lines = steps(list);
  if ($("steps").innerHTML !== make("ol", "", {}, ...steps(list)).innerHTML) $("steps").replaceChildren(...lines);
  setText($("stands"), stands());
  $("stands").className = playing?.over ? (playing.verdict.ok ? "green" : "red") : "";
  const said = playing === null ? [] : [...playing.notes, ...(playing.final || playing.verdict?.failed ? playing.lines : [])];
  if ($("verdict").textContent !== said.map((line) => line.trim()).join("")) {
    $("verdict").replaceChildren(...said.map((line) => make("li", line.trim())));
  }
  for (const id of ["next-step", "all-steps"]) $(id).disabled = playing === null || playing.over;
  $("end-scenario").disabled = playing === null;
  if (document.activeElement.disabled) $("scenarios").focus();
};

// As long as something may come of it without another word, ask how it stands: that lets it go on.
const follow = async () => {
  if (following) return;
  following = true;
  try {
    while (playing?.moving) {
      const { world } = choice;
      const told = await get("/scenario", { world, wait_ms: PATIENCE_MS });
      if (world !== choice.world) break;
      playing = told.playing;
      show();
    }
  } catch (error) {
    say(`the scenario: ${error.message}`, true);
  }
  following = false;
};

const ask = async (path, body, said) => {
  try {
    ({ playing } = await post(path, { ...body, world: choice.world }));
    say(said);
    if (playing) $("scenario").value = playing.name;
    describe();
    follow();
  } catch (error) {
    say(`${said}: ${error.message}`, true);
  }
};

const describe = () => {
  const told = known.get($("scenario").value);
  setText($("scenario-about"), told ? `${told.venue}: ${told.about} What a client must do: ${told.must}` : "");
  show();
};

export const beginScenarios = async () => {
  const { scenarios, missing } = await get("/scenarios", { world: choice.world });
  known = new Map(scenarios.map((each) => [each.name, each]));
  options($("scenario"), scenarios.map((each) => each.name), "");
  $("missing").hidden = missing === null;
  setText($("missing"), missing ?? "");
  $("begin").hidden = missing !== null;
  await lookAgain();
};

export const lookAgain = async () => {
  ({ playing } = await get("/scenario", { world: choice.world }));
  if (playing) $("scenario").value = playing.name;
  describe();
  follow();
};

$("scenario").addEventListener("change", () => {
  if (playing?.over) playing = null;
  describe();
});
$("begin").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("scenario").value;
  ask(`/scenarios/${name}/begin`, { account: choice.account }, `began ${name}`);
});
$("next-step").addEventListener("click", () => ask("/scenario/play", { steps: 1 }, "next step"));
$("all-steps").addEventListener("click", () => ask("/scenario/play", { steps: null }, "all steps"));
$("end-scenario").addEventListener("click", () => ask("/scenario/end", {}, "ended the scenario"));
