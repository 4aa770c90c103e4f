// What every trader on Node does alike; it says and hears what `trading.py` describes. The client's lines and its
// script stand behind this in one program, which runs in the folder that has the client.

const { createInterface } = await import('node:readline');
const { readFile } = await import('node:fs/promises');
const VENUE = process.env.VENUE;

const say = (message) => process.stdout.write(JSON.stringify(message) + '\n');
const plain = (number) => String(Number(number));

/** The client was told to listen. */
async function ready(name) {
  const { version } = JSON.parse(await readFile(`node_modules/${name}/package.json`, 'utf8'));
  say({ ready: version, control: process.env.MOCKSERVER_CONTROL ?? null });
}

/** The stream told of an order. */
function order(id, status, filled) {
  say({ order: String(id), status: String(status), filled: plain(filled) });
}

/** The stream told of a fill. */
function fill(trade, id, quantity) {
  say({ fill: String(trade), order: String(id), quantity: plain(quantity) });
}

/** A message of Binance, spot or futures, as the client hands it over. */
function report(message) {
  if (!['executionReport', 'ORDER_TRADE_UPDATE'].includes(message.e)) return;
  const told = message.o && message.e === 'ORDER_TRADE_UPDATE' ? message.o : message;
  order(told.i, told.X, told.z);
  if (told.x === 'TRADE') fill(told.t, told.i, told.l);
}

/** Do what is asked until there is no more; `place(side, quantity, price)` gives the order's id. */
async function obey(place, cancel) {
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    if (request.place) {
      const { side, quantity, price } = request.place;
      say({ placed: String(await place(side, quantity, price)) });
    } else {
      await cancel(request.cancel);
      say({ cancelled: request.cancel });
    }
  }
  process.exit(0);
}
