// The page: what is chosen, what is asked for when there is news, and the two texts to copy.

import { follow, get } from "./api.js";
import { showChecks } from "./checks.js";
import { showClock } from "./clock.js";
import { showConnections } from "./connections.js";
import { $, options, say, setText } from "./dom.js";
import { begin as beginFaults, showFaults } from "./faults.js";
import { hear } from "./journal.js";
import { load } from "./letters.js";
import { known, showMarket, symbols } from "./market.js";
import { query, showOrders } from "./orders.js";
import { beginScenarios, lookAgain } from "./scenarios.js";
import { acts, choice, whenChanged } from "./session.js";
import { pytest, scenario } from "./texts.js";

const EVERY_MS = 1000, CHECKS_EVERY_MS = 2000;
let worlds = [], checksDue = true, checkedAt = 0;

const choose = () => {
  const at = new URLSearchParams(location.hash.slice(1));
  const wished = (name) => $(name).value || at.get(name) || "";
  choice.world = options($("world"), worlds.map((each) => each.world), wished("world"));
  const { accounts } = worlds.find((each) => each.world === choice.world);
  choice.venue = options($("venue"), Object.keys(accounts), wished("venue"));
  choice.account = options($("account"), accounts[choice.venue], wished("account"));
  choice.market = options($("market"), symbols(choice.venue), wished("market"));
  const now = new URLSearchParams(choice).toString();
  if (now !== at.toString()) history.replaceState(null, "", `#${now}`);
};

const ask = async () => {
  const { world, venue, account, market } = choice;
  const [all, clock, faults, connections, orders, book] = await Promise.all([
    get("/worlds"),
    get("/clock", { world, limit: 20 }),
    get("/faults", { world }),
    get("/connections", { world }),
    account ? get("/orders", query()) : { orders: [] },
    get(`/market/${encodeURIComponent(market)}`, { world, venue }),
  ]);
  if (world !== choice.world || venue !== choice.venue || market !== choice.market) return;
  ({ worlds } = all);
  choose();
  showClock(clock);
  showFaults(faults);
  showConnections(connections);
  if (account === choice.account) showOrders(orders);
  showMarket(book);
  if (account && (checksDue || acts.length) && Date.now() - checkedAt > CHECKS_EVERY_MS) {
    [checksDue, checkedAt] = [false, Date.now()];
    showChecks(await get("/checks", { world, venue, account }));
  }
};

// One question at a time; whoever wants another while one is out gets it right behind.
let asking = false, again = false;
const refresh = async () => {
  again = asking;
  if (asking) return;
  asking = true;
  try {
    await ask();
  } catch (error) {
    say(`cannot show all: ${error.message}`, true);
    await start().catch(() => {});
  }
  asking = false;
  if (again) refresh();
};

const start = async () => {
  const [all, { markets }] = await Promise.all([get("/worlds"), get("/market")]);
  ({ worlds } = all);
  known(markets);
  choose();
};

const copy = async (title, body) => {
  $("text-title").textContent = title;
  $("text-body").value = body;
  $("text").showModal();
  $("text-body").select();
  try {
    await navigator.clipboard.writeText(body);
    $("copied").textContent = "Copied.";
  } catch {
    $("copied").textContent = "Press Ctrl-C to copy it.";
  }
};

const changedChoice = (event) => {
  const later = ["world", "venue", "account", "market"];
  for (const name of later.slice(later.indexOf(event.target.id) + 1)) {
    if (name !== "account" || event.target.id === "world") $(name).replaceChildren();
  }
  checksDue = true;
  checkedAt = 0;
  choose();
  refresh();
  if (event.target.id === "world") lookAgain().catch((error) => say(error.message, true));
};

await Promise.all([load(), start()]);
await beginFaults();
await beginScenarios();
whenChanged(() => {
  checksDue = true;
  refresh();
});
$("choice").addEventListener("change", changedChoice);
$("choice").addEventListener("submit", (event) => event.preventDefault());
$("copy-pytest").addEventListener("click", () => copy("As a pytest", pytest()));
$("copy-scenario").addEventListener("click", () => copy("As a scenario", scenario()));
$("text-close").addEventListener("click", () => $("text").close());
setInterval(() => { if (!document.hidden) refresh(); }, EVERY_MS);
follow(() => choice.world, (entries, fresh) => {
  hear(entries, fresh);
  checksDue = true;
  refresh();
}, (wrong) => {
  $("state").className = wrong ? "wrong" : "";
  setText($("state"), wrong ? `No answer: ${wrong}` : "Live");
});
refresh();
