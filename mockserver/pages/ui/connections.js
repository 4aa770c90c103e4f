// The open WebSockets of the world, and what can befall them.

import { $, cells, keep, make } from "./dom.js";
import { perform } from "./session.js";

const BUTTONS = { drop: "drop", mute: "silence", "half-open": "half_open", resume: "resume" };

// When it is played again the numbers are others: it befalls every connection there is then.
const act = (name, verb, { id }) => perform(`/connections/${id}/${verb}`, {}, {
  said: `connection ${id}: ${name}`,
  step: () => ({ control: { [`POST /connections/${verb}`]: {} } }),
  python: () => `mock_exchange.connections.${verb}()`,
});

const build = (link) => {
  const row = make("tr", "", {}, ...Array.from({ length: 6 }, () => make("td")));
  row.cells[5].className = "buttons";
  for (const [name, verb] of Object.entries(BUTTONS)) {
    const button = make("button", name, { "aria-label": `${name} connection ${link.id}`, "data-act": name });
    button.addEventListener("click", () => act(name, verb, row.link));
    row.cells[5].append(button);
  }
  return row;
};

const state = ({ open, silence, half_open: held, backlog }) => [
  open ? "open" : "closing", silence && `muted (${silence})`, held && "half-open", backlog > 0 && `${backlog} waiting`,
].filter(Boolean).join(", ");

const change = (row, link) => {
  row.link = link;
  cells(row, [`${link.id}`, link.venue, link.path.split("?")[0], link.accounts.join(", ") || "none", state(link)]);
};

export const showConnections = ({ connections }) => {
  keep($("connections").querySelector("tbody"), connections, (link) => link.id, build, change);
};
