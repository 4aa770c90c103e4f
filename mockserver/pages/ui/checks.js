// The checkers: what is so, what is not, and what nobody knows before the client reports.

import { $, keep, make, setText } from "./dom.js";

const build = () => make("li", "", {}, make("span", "", { className: "mark" }), make("span"), make("ul", "", { className: "wrongs" }));

const change = (line, { name, about, unknown, wrong }) => {
  const state = unknown ? "unknown" : wrong.length ? "red" : "green";
  line.className = state;
  setText(line.children[0], { unknown: "? unknown", red: "✗ broken", green: "✓ holds" }[state]);
  setText(line.children[1], ` ${name}: ${about}`);
  const shown = unknown ? [] : wrong.slice(0, 3);
  if (line.children[2].textContent !== shown.join("")) {
    line.children[2].replaceChildren(...shown.map((text) => make("li", text)));
  }
};

export const showChecks = ({ reported, checks }) => {
  setText($("reported"), reported
    ? `The client has reported ${reported} times.`
    : "The client has reported nothing (POST /__mock/report), so what it heard is unknown.");
  keep($("checks").querySelector("ul"), checks, ({ name }) => name, build, change);
};
