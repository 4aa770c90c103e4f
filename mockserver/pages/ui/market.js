// The book's best levels, and the slider that moves the price.

import { $, keep, make, setText } from "./dom.js";
import { choice, perform } from "./session.js";
import { text, units } from "./units.js";

const LEVELS = 8, STEPS = 400;
let markets = [];
let stride = 1n, centre = 0n; // the slider goes STEPS strides to each side of the centre

export const known = (rows) => { markets = rows; };
export const symbols = (venue) => markets.filter((each) => each.venue === venue).map((each) => each.symbol);
export const market = (venue, symbol) => markets.find((each) => each.venue === venue && each.symbol === symbol);

// About five per cent to each side, in whole ticks.
const place = (last) => {
  const tick = units(market(choice.venue, choice.market).tick), price = units(last);
  const ticks = price / tick / 20n / BigInt(STEPS);
  [stride, centre] = [tick * (ticks < 1n ? 1n : ticks), price];
  $("slider").min = -STEPS;
  $("slider").max = STEPS;
  while (centre - stride * BigInt(STEPS) <= 0n && Number($("slider").min) < 0) $("slider").min = Number($("slider").min) + 1;
};

const price = () => text(centre + stride * BigInt($("slider").value));
const mark = () => {
  $("exact").value = price();
  $("slider").setAttribute("aria-valuetext", price());
};

const move = (to) => perform(`/market/${encodeURIComponent(choice.market)}/price`, { venue: choice.venue, price: to }, {
  said: `moved ${choice.market} to ${to}`,
  step: ((symbol) => () => ({ price: { [symbol]: to } }))(choice.market),
  python: ((symbol) => () => `mock_exchange.price(${JSON.stringify(to)}, ${JSON.stringify(symbol)})`)(choice.market),
});

const level = (parent, rows, quantityFirst) => {
  const most = Math.max(...rows.map(([, quantity]) => Number(quantity)));
  keep(parent, rows, ([at]) => at, () => make("tr", "", {}, make("td", "", { className: "number" }), make("td", "", { className: "number" })), (row, [at, quantity]) => {
    const [one, other] = quantityFirst ? [quantity, at] : [at, quantity];
    setText(row.cells[0], one);
    setText(row.cells[1], other);
    row.style.setProperty("--share", `${Math.round((Number(quantity) / most) * 100)}%`);
  });
};

let of = "", last = "";
export const showMarket = (told) => {
  setText($("market-name"), `${told.symbol}: last ${told.last_price}`);
  const name = `${told.venue} ${told.symbol}`, busy = $("price").contains(document.activeElement);
  if (name !== of || (told.last_price !== last && !busy)) {
    [of, last] = [name, told.last_price];
    place(told.last_price);
    $("slider").value = 0;
    mark();
  }
  level($("bids"), told.bids.slice(0, LEVELS), true);
  level($("asks"), told.asks.slice(0, LEVELS), false);
  $("book").querySelector(".empty").hidden = told.bids.length + told.asks.length > 0;
};

$("slider").addEventListener("input", mark);
$("slider").addEventListener("change", () => move(price()));
$("price").addEventListener("submit", (event) => {
  event.preventDefault();
  move($("exact").value.trim());
});
