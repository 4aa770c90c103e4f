// The journal as it comes, the newest first: a line for each entry, which opens into its fields.

import { $, make } from "./dom.js";
import { explain } from "./letters.js";
import { forget, read } from "./placements.js";
import { heard } from "./session.js";

const KEPT = 1000, SHOWN = 150, LINE = 900;
const WORDS = {
  "rest-in": "request", "rest-out": "answer", "ws-in": "from client", "ws-out": "to client", "ws-muted": "kept from client",
  "ws-overflow": "overflow", client: "client", control: "control", timer: "timer", fault: "fault", warning: "warning",
};
let entries = [];
const open = new Set(); // numbers of the entries that are opened

const time = (ns) => new Date(ns / 1e6).toISOString().slice(11, 23);

// The text of a message with its letters marked, each with its meaning.
const marked = (text, told) => {
  const parts = [];
  let from = 0;
  for (const { at, length, means } of told?.fields ?? []) {
    if (means === undefined || at < from || at > LINE) continue;
    parts.push(text.slice(from, at), make("span", text.slice(at, at + length), { className: "letter", "data-means": means }));
    from = at + length;
  }
  return [...parts, text.slice(from, Math.max(from, LINE)), text.length > LINE ? "…" : ""].filter(Boolean);
};

const table = ({ name, fields }) => make("table", "", { "aria-label": name }, ...fields.map(({ path, name: key, value, means }) => make(
  "tr", "", {},
  make("th", "", { scope: "row" }, means ? make("button", key, { className: "letter", "data-means": means, type: "button" }) : key),
  make("td", means ?? ""), make("td", value, { className: "value" }),
)));

const build = (entry) => {
  const told = entry.kind === "ws-out" || entry.kind === "ws-muted" ? explain(entry.text) : null;
  const link = entry.connection === null ? "" : ` #${entry.connection}`;
  const head = make("summary", "", {},
    make("span", time(entry.time_ns), { className: "time" }),
    make("span", `${WORDS[entry.kind]}${link}`, { className: `kind ${entry.kind}` }),
    make("span", told ? told.name : "", { className: "event" }),
    make("code", "", {}, ...marked(entry.text, told)));
  const details = make("details", "", { className: told ? "explained" : "" }, head);
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) {
      details.append(told ? table(told) : make("pre", entry.text));
    }
    open[details.open ? "add" : "delete"](entry.seq);
  });
  details.open = open.has(entry.seq);
  const line = make("li", "", {}, details);
  line.dataset.seq = entry.seq;
  return line;
};

const wanted = ({ kind }) => $("shown").value === "" || $("shown").value.split(" ").includes(kind);

const show = (fresh) => {
  const lines = $("lines");
  for (const entry of fresh.filter(wanted).slice(-SHOWN)) lines.prepend(build(entry));
  for (const line of [...lines.children].slice(SHOWN)) {
    if (!line.contains(document.activeElement)) line.remove();
  }
  $("journal").querySelector(".empty").hidden = lines.children.length > 0;
};

const showAll = () => {
  $("lines").replaceChildren();
  show(entries);
};

export const hear = (news, fresh) => {
  if (fresh) {
    forget();
    entries = [];
  }
  for (const entry of news) read(entry);
  heard.seq = news.at(-1)?.seq ?? heard.seq;
  entries = [...entries, ...news].slice(-KEPT);
  if (fresh) showAll();
  else if (!$("hold").checked) show(news);
};

// A letter is explained beside it, for the mouse and for the keyboard.
const explained = (event) => {
  const letter = event.target.closest?.("[data-means]"), box = $("explained");
  box.hidden = !letter;
  if (!letter) return;
  box.textContent = `${letter.textContent.replaceAll('"', "")} → ${letter.dataset.means}`;
  letter.setAttribute("aria-describedby", "explained");
  const { left, bottom } = letter.getBoundingClientRect();
  box.style.left = `${Math.max(4, Math.min(left, innerWidth - box.offsetWidth - 8))}px`;
  box.style.top = `${bottom + 4 + box.offsetHeight > innerHeight ? bottom - 2 * box.offsetHeight : bottom + 4}px`;
};

for (const happens of ["mouseover", "focusin"]) document.addEventListener(happens, explained);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") $("explained").hidden = true;
});
$("shown").addEventListener("change", showAll);
$("hold").addEventListener("change", () => { if (!$("hold").checked) showAll(); });
$("filter").addEventListener("submit", (event) => event.preventDefault());
