// ftx-api: `subscribe(['fills', 'orders'])` on its `WebsocketClient`.

streams.on('update', ({ channel, data }) => {
  if (channel === 'orders') order(data.id, data.status, data.filledSize);
  if (channel === 'fills') fill(data.id, data.orderId, data.size);
});
streams.on('error', (error) => console.error('error', error));
streams.subscribe(['fills', 'orders']);
await ready('ftx-api');
await obey(
  async (side, quantity, price) => {
    const wanted = { market: 'BTC/USD', type: 'limit', side: side.toLowerCase() };
    return (await client.placeOrder({ ...wanted, size: Number(quantity), price: Number(price) })).result.id;
  },
  (id) => client.cancelOrder(id),
);
