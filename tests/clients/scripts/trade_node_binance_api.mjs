// node-binance-api: `userData` and `userFutureData` with the callback that gets every update.

if (VENUE === 'binance-spot') client.userData(report);
else client.userFutureData(report);
await ready('node-binance-api');
const rest = VENUE === 'binance-spot'
  ? [(...wanted) => client.order('LIMIT', ...wanted), client.cancel]
  : [(...wanted) => client.futuresOrder('LIMIT', ...wanted), client.futuresCancel];
await obey(
  async (side, quantity, price) => (await rest[0](side, 'BTCUSDT', Number(quantity), Number(price))).orderId,
  (id) => rest[1].call(client, 'BTCUSDT', id),
);
