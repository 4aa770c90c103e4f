// The open orders, and what can be done to them.

import { $, cells, keep, make } from "./dom.js";
import { market } from "./market.js";
import { choice, perform } from "./session.js";
import { part } from "./units.js";

const SHOWN = 100;
const shown = new Map(); // the newest row of each order that is shown

const path = ({ venue, symbol, order_id }, verb) => (
  `/orders/${venue}/${encodeURIComponent(symbol)}/${order_id}/${verb}`
);

const fill = (how, id) => {
  const order = shown.get(id), { step, lot } = market(order.venue, order.symbol);
  const quantity = how === "all" ? undefined : part(how, order.quantity, order.filled_quantity, step, lot);
  return perform(path(order, "fill"), quantity === undefined ? {} : { quantity }, {
    said: `filled ${quantity ?? "the rest"} of order ${id}`,
    order,
    step: (name) => ({ fill: { order: name, qty: quantity ?? "rest" } }),
    python: (name) => `${name}.fill(${quantity === undefined ? "" : JSON.stringify(quantity)})`,
  });
};

const end = (verb, id) => perform(path(shown.get(id), verb), {}, {
  said: `${verb === "cancel" ? "cancelled" : "let expire"} order ${id}`,
  order: shown.get(id),
  step: (name) => ({ [verb]: name }),
  python: (name) => `${name}.${verb}()`,
});

const BUTTONS = {
  "fill one": (id) => fill("one", id),
  half: (id) => fill("half", id),
  all: (id) => fill("all", id),
  cancel: (id) => end("cancel", id),
  expire: (id) => end("expire", id),
};

const build = ({ order_id: id }) => {
  const row = make("tr", "", {}, ...Array.from({ length: 8 }, () => make("td")));
  for (const place of [3, 4, 5]) row.cells[place].className = "number";
  for (const [name, act] of Object.entries(BUTTONS)) {
    const label = name === "half" || name === "all" ? `fill ${name}` : name;
    const button = make("button", name, { "aria-label": `${label} of order ${id}`, "data-act": label });
    button.addEventListener("click", () => act(id));
    row.cells[7].append(button);
  }
  row.cells[7].className = "buttons";
  return row;
};

const change = (row, order) => {
  row.cells[2].className = order.side === "BUY" ? "buy" : "sell";
  cells(row, [
    order.order_id, order.symbol, order.side, order.price ?? order.type, order.filled_quantity, order.quantity,
    order.status.toLowerCase().replaceAll("_", " "),
  ]);
};

export const showOrders = ({ orders }) => {
  shown.clear();
  for (const order of orders) shown.set(order.order_id, order);
  keep($("orders").querySelector("tbody"), orders.toReversed(), (order) => order.order_id, build, change);
};

export const query = () => ({ world: choice.world, venue: choice.venue, account: choice.account, limit: SHOWN });
