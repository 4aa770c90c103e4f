// Which request of a client placed which order, read from the journal, so that a scenario can wait for it.

const REST = /^POST (?:\/(?:binance-spot|binance-futures|ftx))?(\/api\/v3\/order|\/fapi\/v1\/order|\/api\/orders)(?:[? ]|$)/;
const ORDER = /"(?:orderId|id)": ?"?(\d+)"?/;

const asked = new Map(); // of a request, by its number in the journal or its connection and id: how it is waited for
export const placements = new Map(); // order id -> { seq, wait }

export const forget = () => {
  asked.clear();
  placements.clear();
};

const found = (key, answer) => {
  const request = asked.get(key), id = ORDER.exec(answer)?.[1];
  if (request === undefined) return;
  asked.delete(key);
  if (id !== undefined) placements.set(id, request);
};

export const read = ({ seq, kind, connection, of, text }) => {
  if (kind === "rest-in") {
    const path = REST.exec(text)?.[1];
    if (path) asked.set(seq, { seq, wait: { request: `POST ${path}` } });
  } else if (kind === "rest-out" && text.startsWith("200")) {
    found(of, text.replace(/^200 /, ""));
  } else if (kind === "ws-in" && /"method": ?"(?:v3\/)?order\.place"/.test(text)) {
    const id = /"id": ?("[^"]*"|\d+)/.exec(text)?.[1];
    asked.set(`${connection} ${id}`, { seq, wait: { ws: "order.place" } });
  } else if (kind === "ws-out" && text.includes('"status"')) {
    const id = /"id": ?("[^"]*"|\d+)/.exec(text)?.[1];
    if (asked.has(`${connection} ${id}`)) found(`${connection} ${id}`, text.slice(text.indexOf('"result"')));
  }
};
