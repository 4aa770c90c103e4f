// A bot that knows nothing of the mock: Node's own fetch, and its older https.
import https from 'node:https';

const time = await (await fetch('https://api.binance.com/api/v3/time')).json();
https.get('https://fapi.binance.com/fapi/v1/time', (answer) => {
  let text = '';
  answer.on('data', (part) => { text += part; });
  answer.on('end', () => console.log(JSON.stringify([Object.keys(time), Object.keys(JSON.parse(text))])));
});
