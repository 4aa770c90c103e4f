// npm binance: a signed subscription of its `WebsocketAPIClient` at spot, a listen key of its `WebsocketClient` at USD-M.

streams.on('message', (message) => report(message.event ?? message.data ?? message));
streams.on('exception', (error) => console.error('exception', error));
if (VENUE === 'binance-spot') await api.subscribeUserDataStream('mainWSAPI');
else await streams.subscribeUsdFuturesUserDataStream();
await ready('binance');
await obey(
  async (side, quantity, price) => {
    const wanted = { symbol: 'BTCUSDT', type: 'LIMIT', timeInForce: 'GTC', side, quantity, price };
    return (await client.submitNewOrder(wanted)).orderId;
  },
  (id) => client.cancelOrder({ symbol: 'BTCUSDT', orderId: Number(id) }),
);
