// The acts of this session as a scenario, and as a pytest.

import { placements } from "./placements.js";
import { acts, choice } from "./session.js";

const LONGEST_WAIT_MS = 5000, SHORTEST_WAIT_MS = 300;

// YAML reads JSON; so does Python, but for three words.
const yaml = (value) => JSON.stringify(value);
export const python = (value) => {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${python(each)}`).join(", ")}}`;
};

// A scenario has one account, which is called so.
const terms = ({ symbol, side, price, quantity }) => ({ account: "demo", symbol, side, price, quantity });

// What has to come before an act on an order: the request that placed it, or, where no client did, its placing.
const bring = (order, names, steps, done) => {
  const placed = placements.get(order.order_id);
  if (names.has(order.order_id)) return;
  if (placed === undefined) {
    steps.push({ control: { "POST /orders": terms(order) } });
    names.set(order.order_id, "$newest");
    return;
  }
  const earlier = [...placements].filter(([id, each]) => each.seq > done.seq && each.seq <= placed.seq);
  for (const [id, each] of earlier.sort(([, one], [, other]) => one.seq - other.seq)) {
    names.set(id, `$o${names.size + 1}`);
    steps.push({ wait: { ...each.wait, as: names.get(id).slice(1) } });
    done.seq = each.seq;
  }
  if (!names.has(order.order_id)) names.set(order.order_id, "$newest"); // it was placed before the first act
};

export const scenario = () => {
  const here = acts.filter((act) => act.world === choice.world && (!act.order || act.order.venue === choice.venue));
  const steps = [], names = new Map();
  const done = { seq: 0 };
  const orders = new Set(here.filter((act) => act.order).map((act) => placements.get(act.order.order_id)?.seq));
  orders.delete(undefined);
  done.seq = orders.size ? Math.min(...orders) - 1 : 0; // orders before the first that matters are nobody's business
  let before;
  for (const act of here) {
    const waited = before === undefined ? 0 : Math.min(act.at - before, LONGEST_WAIT_MS);
    if (waited >= SHORTEST_WAIT_MS) steps.push({ wait: `${Math.round(waited / 100) * 100}ms` });
    before = act.at;
    if (act.order) bring(act.order, names, steps, done);
    steps.push(act.step(act.order && names.get(act.order.order_id)));
  }
  if (steps.length && !steps[0].wait) steps.unshift({ wait: { client: "subscribed" } }); // not before somebody listens
  return [
    "mock: 1",
    'name: "a session on the page"',
    `about: ${yaml(`What was clicked at ${choice.venue} for account ${choice.account}, as it was clicked.`)}`,
    `venue: ${yaml(choice.venue)}`,
    "seed: 1",
    "liquidity: manual",
    steps.length ? "steps:" : "steps: []",
    ...steps.map((step) => `- ${yaml(step)}`),
    "finally:",
    "- check: [no_fill_lost, no_fill_duplicated, no_fill_invented, right_at_end, listens]",
    "",
  ].join("\n");
};

export const pytest = () => {
  const here = acts.filter((act) => act.world === choice.world && (!act.order || act.order.venue === choice.venue));
  const lines = [], named = new Map();
  for (const act of here) {
    if (act.order && !named.has(act.order.order_id)) {
      named.set(act.order.order_id, `order_${named.size + 1}`);
      const { client_order_id: mine, order_id: id, side, quantity, symbol, price } = act.order;
      const made = placements.has(id)
        ? `order(${python(mine ?? id)})  # your bot has placed it: ${side} ${quantity} ${symbol} at ${price}`
        : `place(${[side, quantity, price].map(python).join(", ")}, symbol=${python(symbol)})`;
      lines.push(`${named.get(id)} = mock_exchange.${made}`);
    }
    lines.push(act.python(act.order && named.get(act.order.order_id)));
  }
  return [
    `"""What was clicked on the page of the mock exchange at ${choice.venue}, as a test."""`,
    "",
    "import pytest",
    "",
    "",
    `@pytest.mark.mock(venue=${python(choice.venue)})`,
    "def test_session(mock_exchange):",
    "    # start your bot here, with the keys of mock_exchange",
    ...lines.map((line) => `    ${line}`),
    "    # and say here what your bot must know now",
    "",
  ].join("\n");
};
