// ccxt of npm: `watchOrders` and `watchMyTrades` in two loops, as its manual has them.

const SYMBOL = { 'binance-spot': 'BTC/USDT', 'binance-futures': 'BTC/USDT:USDT' }[VENUE];

async function watchOrders() {
  for (;;) for (const row of await ex.watchOrders()) order(row.id, row.status, row.filled);
}

async function watchMyTrades() {
  for (;;) for (const row of await ex.watchMyTrades()) fill(row.id, row.order, row.amount);
}

await ex.loadMarkets();
watchOrders();
watchMyTrades();
await ready('ccxt');
await obey(
  async (side, quantity, price) =>
    (await ex.createOrder(SYMBOL, 'limit', side.toLowerCase(), Number(quantity), Number(price))).id,
  (id) => ex.cancelOrder(id, SYMBOL),
);
