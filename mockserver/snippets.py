"""Lines to copy: how each client is pointed at a running mock, and what it needs to come by a proxy.

One table for everything that shows such lines: what a mock says when it is ready, ``python -m mockserver clients``, and
the tests that execute them. Text only; nothing is imported from any client. A venue without lines here (a toy, a new
one) gets its URLs and its key shown, and no more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Template
from typing import Final, Literal

import attrs

from mockserver.hosts import host_of

SPOT, FUTURES, FTX = "binance-spot", "binance-futures", "ftx"


@attrs.frozen(slots=True, kw_only=True)
class Client:
    """One client and its lines; ``$http``, ``$ws``, ``$wss``, ``$host``, ``$key`` and ``$secret`` stand in them."""

    name: str
    package: str
    """Where it is from, and under what name."""
    tried: str | None
    """The version with which the lines were executed; None: they were read out of its source and not executed."""
    language: Literal["python", "javascript", "json", "text"] = "python"
    lines: Mapping[str, str]
    """By venue."""
    proxy: str
    """What it needs under ``exec`` without ``--isolate``."""
    shown_at_start: bool = False

    def snippet(self, venue: str, values: Mapping[str, str]) -> str:
        """Its lines for one venue."""
        return Template(self.lines[venue]).substitute(values)


_CCXT: Final = """\
import re, ccxt.pro
def attach(ex):  # every Binance URL -> the mock; ccxt itself is not touched
    def walk(o):
        for k, v in o.items():
            if isinstance(v, dict): walk(v)
            elif isinstance(v, str):
                v = re.sub(r"^https://[^/]*binance\\.com(:\\d+)?", "$http", v)
                o[k] = re.sub(r"^wss://[^/]*binance\\.com(:\\d+)?", "$ws", v)
    walk(ex.urls["api"]); return ex
ex = attach(ccxt.pro.CLASS({"apiKey": "$key", "secret": "$secret"}))"""

_CCXT_FTX: Final = """\
import ccxt.pro  # ccxt 2.1.74, the last with FTX; aiohttp 3.10.11
ex = ccxt.pro.ftx({"apiKey": "$key", "secret": "$secret", "urls": {"api":
    {"public": "$http", "private": "$http", "ws": "$ws/ws"}}})"""

_CCXT_NPM: Final = """\
const { default: ccxt } = await import('ccxt');
const ex = new ccxt.pro.CLASS({ apiKey: '$key', secret: '$secret' });
const walk = (o) => Object.entries(o).forEach(([k, v]) => { if (typeof v === 'object' && v) walk(v);
  else if (typeof v === 'string') o[k] = v.replace(/^https:..[^/]*binance\\.com(:\\d+)?/, '$http')
    .replace(/^wss:..[^/]*binance\\.com(:\\d+)?/, '$ws'); });
walk(ex.urls.api); await ex.loadHttpProxyAgent();  // without it ccxt opens no ws:// address"""

_PYTHON_BINANCE: Final = """\
from binance import AsyncClient, BinanceSocketManager
class MockClient(AsyncClient):
    API_URL, MARGIN_API_URL, FUTURES_URL = "$http/api", "$http/sapi", "$http/fapi"
    WS_API_URL, WS_FUTURES_URL = "$ws/ws-api/v3", "$ws/ws-fapi/v1"
class MockSockets(BinanceSocketManager):
    STREAM_URL = FSTREAM_URL = "$ws/"
async def connect():
    client = await MockClient.create("$key", "$secret")
    return client, MockSockets(client)"""

_UNICORN: Final = """\
from unicorn_binance_websocket_api import BinanceWebSocketApiManager
manager = BinanceWebSocketApiManager(exchange="binance.com", websocket_base_uri="$ws/",
    websocket_api_base_uri="$ws/ws-api/v3", warn_on_update=False)
account = {"api_key": "$key", "api_secret": "$secret", "stream_buffer_name": True}
events = manager.create_stream("arr", "!userData", **account)
orders = manager.create_stream(api=True, **account)  # for manager.api.spot.create_order
# futures: its own REST part goes to api.binance.com whatever it is told; use exec"""

_SDK: Final = """\
from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketAPI, ConfigurationWebSocketStreams
from PACKAGE import CLASS
client = CLASS(
    config_rest_api=ConfigurationRestAPI(api_key="$key", api_secret="$secret", base_path="$http"),
    config_ws_api=ConfigurationWebSocketAPI(api_key="$key", api_secret="$secret", stream_url="$ws/WS_API"),
    config_ws_streams=ConfigurationWebSocketStreams(stream_url="$ws"))"""

_PYBOTTERS: Final = """\
import pybotters
from pybotters.auth import Auth, Hosts, Item
from pybotters.ws import MessageSign, MessageSignHosts
Hosts.items["$host"] = Item("binance", Auth.binance)  # it signs by the name of the host
MessageSignHosts.items["$host"] = Item("binance", MessageSign.binance)
ws_url = "$ws/WS_PATH"
def connect():  # inside a running loop
    return pybotters.Client(apis={"binance": ["$key", "$secret"]}, base_url="$http")"""

_CONNECTOR: Final = """\
# python -m mockserver --profile binance-2024: it knows the streams of before 2026 alone, which are silent since then
from binance.PACKAGE import CLASS
from binance.websocket.SOCKET import STREAMS
client = CLASS("$key", "$secret", base_url="$http")
def open_streams(hear):
    return STREAMS(stream_url="$ws/NAME", on_message=hear)  # /ws alone is FTX"""

_CRYPTOFEED: Final = """\
# python -m mockserver --tls; SSL_CERT_FILE and REQUESTS_CA_BUNDLE name the bundle it tells: cryptofeed insists on wss
from dataclasses import replace
from cryptofeed.exchanges import CLASS
class Mock(CLASS):
    api = "$https/API"
    rest_endpoints = [replace(each, address="$https") for each in CLASS.rest_endpoints]
    websocket_endpoints = [replace(each, address="$wss") for each in CLASS.websocket_endpoints]"""

_CRYPTOFEED_FTX: Final = """\
# cryptofeed 2.3.1, websockets 10.4, Python 3.11; python -m mockserver --tls, SSL_CERT_FILE names the bundle it tells
from dataclasses import replace
from cryptofeed.exchanges import FTX
class Mock(FTX):
    api = "$https/api"
    rest_endpoints = [replace(each, address="$https") for each in FTX.rest_endpoints]
    websocket_endpoints = [replace(each, address="$wss/ws/") for each in FTX.websocket_endpoints]
config = {"ftx": {"key_id": "$key", "key_secret": "$secret"}}"""

_FREQTRADE: Final = """\
{"exchange": {"name": "binance", "key": "$key", "secret": "$secret", "ccxt_config": {"urls": {"api": {
  "public": "$http/api/v3", "private": "$http/api/v3", "v1": "$http/api/v1",
  "sapi": "$http/sapi/v1", "sapiV2": "$http/sapi/v2", "sapiV3": "$http/sapi/v3", "sapiV4": "$http/sapi/v4",
  "fapiPublic": "$http/fapi/v1", "fapiPublicV2": "$http/fapi/v2", "fapiPublicV3": "$http/fapi/v3",
  "fapiPrivate": "$http/fapi/v1", "fapiPrivateV2": "$http/fapi/v2", "fapiPrivateV3": "$http/fapi/v3",
  "fapiData": "$http/futures/data", "dapiPublic": "$http/dapi/v1", "dapiPrivate": "$http/dapi/v1"}}},
  "enable_ws": false}}"""

_NAUTILUS: Final = """\
from nautilus_trader.adapters.binance import BinanceAccountType, BinanceExecClientConfig
config = BinanceExecClientConfig(api_key="$key", api_secret="$secret", account_type=BinanceAccountType.TYPE,
    base_url_http="$http", base_url_ws="$ws/WS_API", base_url_ws_stream="$ws")"""

_HUMMINGBOT: Final = """\
no setting: the hosts are constants of its connectors, and it ignores proxies.
python -m mockserver exec --isolate --keys binance=KEY,SECRET -- bin/hummingbot_quickstart.py"""

_EXCHSTREAM: Final[dict[str, str]] = {
    SPOT: 'BinanceSpot(name="demo", api_key="$key", api_secret="$secret", environment="mock", '
    'rest_url="$http", ws_url="$ws/ws-api/v3", stream_url="$ws")',
    FUTURES: 'BinanceFutures(name="demo", api_key="$key", api_secret="$secret", environment="mock", '
    'rest_url="$http", ws_url="$ws")',
    FTX: 'Ftx(name="demo", api_key="$key", api_secret="$secret", rest_url="$http", ws_url="$ws/ws/")',
}

_NODE_BINANCE_API: Final = """\
const { default: Binance } = await import('node-binance-api');
const client = new Binance({ APIKEY: '$key', APISECRET: '$secret', urls: { base: '$http/api/', sapi: '$http/sapi/',
  fapi: '$http/fapi/' } });
client.wsApi = '$ws/ws-api/v3';  // the futures streams' host cannot be set: use exec"""

_SIEBLY: Final = """\
const { USDMClient, WebsocketClient } = await import('binance');
const client = new USDMClient({ api_key: '$key', api_secret: '$secret', baseUrl: '$http' });
const streams = new WebsocketClient({ api_key: '$key', api_secret: '$secret', wsUrl: '$ws',
  restOptions: { baseUrl: '$http' } });"""

_SIEBLY_SPOT: Final = """\
const { MainClient, WebsocketAPIClient } = await import('binance');
const client = new MainClient({ api_key: '$key', api_secret: '$secret', baseUrl: '$http' });
const api = new WebsocketAPIClient({ api_key: '$key', api_secret: '$secret', wsUrl: '$ws',
  restOptions: { baseUrl: '$http' }, attachEventListeners: false });
const streams = api.getWSClient();"""

_FTX_API: Final = """\
const { RestClient, WebsocketClient } = await import('ftx-api');
const client = new RestClient('$key', '$secret', { baseUrl: '$http/api' });
const streams = new WebsocketClient({ key: '$key', secret: '$secret', wsUrl: '$ws/ws' });"""


def _with(lines: str, **words: str) -> str:
    """The lines with these words of theirs replaced."""
    return re.sub("|".join(words), lambda found: words[found[0]], lines)


NOTHING: Final = "nothing"
_CCXT_BY_PROXY: Final = (
    '{"httpsProxy": os.environ["HTTPS_PROXY"], "wssProxy": os.environ["HTTPS_PROXY"], '
    '"cafile": os.environ["SSL_CERT_FILE"]}, or {"aiohttp_trust_env": True, "cafile": …}; '
    'without asyncio (import ccxt): {"requests_trust_env": True}'
)

CLIENTS: Final[tuple[Client, ...]] = (
    Client(
        name="exchstream",
        package="this package",
        tried="0.1.0",
        lines=_EXCHSTREAM,
        proxy="does not use a proxy: --isolate, or the lines above",
        shown_at_start=True,
    ),
    Client(
        name="ccxt",
        package="PyPI ccxt (FTX: ccxt==2.1.74)",
        tried="4.5.90",
        lines={SPOT: _with(_CCXT, CLASS="binance"), FUTURES: _with(_CCXT, CLASS="binanceusdm"), FTX: _CCXT_FTX},
        proxy=_CCXT_BY_PROXY,
        shown_at_start=True,
    ),
    Client(
        name="ccxt-npm",
        package="npm ccxt",
        tried="4.5.84",
        language="javascript",
        lines={SPOT: _with(_CCXT_NPM, CLASS="binance"), FUTURES: _with(_CCXT_NPM, CLASS="binanceusdm")},
        proxy="{ httpsProxy: process.env.HTTPS_PROXY, wssProxy: process.env.HTTPS_PROXY }; streams also "
        "npm i https-proxy-agent",
    ),
    Client(
        name="python-binance",
        package="PyPI python-binance",
        tried="1.0.37",
        lines={SPOT: _PYTHON_BINANCE, FUTURES: _PYTHON_BINANCE},
        proxy='AsyncClient(…, session_params={"trust_env": True}); Client: nothing',
    ),
    Client(
        name="unicorn-binance-websocket-api",
        package="PyPI unicorn-binance-websocket-api",
        tried="2.16.1",
        lines={SPOT: _UNICORN},
        proxy=NOTHING,
    ),
    Client(
        name="binance-sdk-spot",
        package="PyPI binance-sdk-spot",
        tried="13.3.0",
        lines={SPOT: _with(_SDK, PACKAGE="binance_sdk_spot.spot", CLASS="Spot", WS_API="ws-api/v3")},
        proxy='proxy={"protocol": "http", "host": …, "port": …} in each configuration; REST alone: nothing',
    ),
    Client(
        name="binance-sdk-derivatives-trading-usds-futures",
        package="PyPI binance-sdk-derivatives-trading-usds-futures",
        tried="18.1.0",
        lines={
            FUTURES: _with(
                _SDK,
                PACKAGE="binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures",
                CLASS="DerivativesTradingUsdsFutures",
                WS_API="ws-fapi/v1",
            )
        },
        proxy="as binance-sdk-spot",
    ),
    Client(
        name="binance-connector",
        package="PyPI binance-connector, binance-futures-connector",
        tried="3.13.0, 4.2.0",
        lines={
            SPOT: _with(
                _CONNECTOR,
                PACKAGE="spot",
                CLASS="Spot",
                SOCKET="spot.websocket_stream",
                STREAMS="SpotWebsocketStreamClient",
                NAME=SPOT,
            ),
            FUTURES: _with(
                _CONNECTOR,
                PACKAGE="um_futures",
                CLASS="UMFutures",
                SOCKET="um_futures.websocket_client",
                STREAMS="UMFuturesWebsocketClient",
                NAME=FUTURES,
            ),
        },
        proxy=NOTHING,
    ),
    Client(
        name="pybotters",
        package="PyPI pybotters",
        tried="1.11.2",
        lines={
            SPOT: _with(_PYBOTTERS, WS_PATH="ws-api/v3"),
            FUTURES: _with(_PYBOTTERS, WS_PATH="private/ws"),  # ?listenKey=
        },
        proxy="Client(…, trust_env=True)",
    ),
    Client(
        name="cryptofeed",
        package="PyPI cryptofeed (FTX: cryptofeed==2.3.1)",
        tried="2.5.0",
        lines={
            SPOT: _with(_CRYPTOFEED, CLASS="Binance", API="api/v3/"),
            FUTURES: _with(_CRYPTOFEED, CLASS="BinanceFutures", API="fapi/v1/"),
            FTX: _CRYPTOFEED_FTX,
        },
        proxy="REST by aiohttp ignores it: --isolate",
    ),
    Client(
        name="freqtrade",
        package="PyPI freqtrade",
        tried="2026.9",
        language="json",
        lines={SPOT: _FREQTRADE},
        proxy='as ccxt, in "ccxt_config"',
    ),
    Client(
        name="hummingbot",
        package="github.com/hummingbot/hummingbot",
        tried=None,
        language="text",
        lines={SPOT: _HUMMINGBOT, FUTURES: _HUMMINGBOT},
        proxy="ignores it: --isolate",
    ),
    Client(
        name="nautilus-trader",
        package="PyPI nautilus_trader",
        tried=None,
        lines={
            SPOT: _with(_NAUTILUS, TYPE="SPOT", WS_API="ws-api/v3"),
            FUTURES: _with(_NAUTILUS, TYPE="USDT_FUTURES", WS_API="ws-fapi/v1"),
        },
        proxy="ignores it: --isolate, or the lines above",
    ),
    Client(
        name="node-binance-api",
        package="npm node-binance-api",
        tried="1.0.33",
        language="javascript",
        lines={SPOT: _NODE_BINANCE_API, FUTURES: _NODE_BINANCE_API},
        proxy=NOTHING,
    ),
    Client(
        name="binance",
        package="npm binance",
        tried="3.6.5",
        language="javascript",
        lines={SPOT: _SIEBLY_SPOT, FUTURES: _SIEBLY},
        proxy="REST: nothing; streams: wsOptions: { agent: new HttpsProxyAgent(process.env.HTTPS_PROXY) }",
    ),
    Client(
        name="ftx-api",
        package="npm ftx-api",
        tried="1.1.14",
        language="javascript",
        lines={FTX: _FTX_API},
        proxy="REST: nothing; streams ignore it: --isolate",
    ),
    Client(
        name="ftx",
        package="PyPI ftx",
        tried="1.2.0",
        lines={FTX: 'import ftx\nclient = ftx.FtxClient(api_key="$key", api_secret="$secret", base_url="$http/api/")'},
        proxy="heeds it, but trusts certifi's bundle alone: --isolate",
    ),
)


def values_of(*, http: str, ws: str, key: str, secret: str) -> dict[str, str]:
    """What stands for the names in the lines."""
    return {
        "http": http,
        "ws": ws,
        "https": re.sub("^http:", "https:", http),
        "wss": re.sub("^ws:", "wss:", ws),
        "host": host_of(http.partition("://")[2]),
        "key": key,
        "secret": secret,
    }


def snippets(venue: str, *, http: str, ws: str, key: str, secret: str) -> dict[str, str]:
    """Client -> lines to copy, for one venue: those of the few clients that are shown at the start."""
    values = values_of(http=http, ws=ws, key=key, secret=secret)
    return {each.name: each.snippet(venue, values) for each in CLIENTS if each.shown_at_start and venue in each.lines}
