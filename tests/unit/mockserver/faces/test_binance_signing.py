"""Signatures: the venue's own vectors, every kind of key, and which bytes are signed."""

import base64
import json
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from mockserver.faces.base import HttpRequest
from mockserver.faces.binance import params, signing
from tests.unit.mockserver.faces.binance_client import Client

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
ORDER = {"side": "SELL", "symbol": "BTCUSDT", "timeInForce": "GTC", "type": "LIMIT", "timestamp": 1645423376532}
REST_REST = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"


@pytest.mark.parametrize(
    ("sent", "signature"),
    [
        (
            {**ORDER, "quantity": "0.01000000", "price": "52000.00", "recvWindow": 100},
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            {
                **ORDER,
                "side": "BUY",
                "symbol": "１２３４５６",
                "quantity": "1.00000000",
                "price": "0.10000000",
                "recvWindow": 5000,
            },
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
        ({"timestamp": 1747385641636}, "681110a6057ad58657af22f5640fab9dd17418834cdfccdc81be8b0f7b2cde3e"),
        (
            {"timestamp": 1747385641636, "recvWindow": 5000},
            "49601ffc5b0122c3c7ee3ea85ef7d6cd76256f5191a57c976418faa32e917653",
        ),
    ],
)
def test_websocket_vectors(sent: dict[str, object], signature: str) -> None:
    """The WebSocket API's vectors verify: sorted by name, with the key, without percent-encoding."""
    read = params.from_json({**sent, "apiKey": KEY, "signature": signature})
    assert signing.hmac_check(SECRET)(signature, read.signed)


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (f"symbol=LTCBTC&{REST_REST}", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (
            f"symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&{REST_REST}",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
    ],
)
def test_rest_vectors_wherever_they_are_sent(payload: str, signature: str) -> None:
    """REST's vectors verify in the query, in the body, and split between them, the signature in any place."""
    check = signing.hmac_check(SECRET)
    head, tail = payload[: payload.index("quantity")], payload[payload.index("quantity") :]
    requests = [
        HttpRequest("POST", f"/api/v3/order?{payload}&signature={signature}"),
        HttpRequest("POST", f"/api/v3/order?signature={signature}&{payload}"),
        HttpRequest("POST", "/api/v3/order", body=f"{payload}&signature={signature}".encode()),
        HttpRequest("POST", f"/api/v3/order?{head}", body=f"{tail}&signature={signature.upper()}".encode()),
    ]
    for request in requests[:3]:
        assert params.from_http(request).signed == payload.encode()
        assert check(signature, params.from_http(request).signed)
    # Put together without a separator: the text ends with "&" here, so it is the vector's again.
    split = params.from_http(requests[3])
    assert split.signed == payload.encode()
    assert check(signature.upper(), split.signed)


def public_pem(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
    """The public half as PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def test_ed25519_and_rsa_keys_sign_rest_requests() -> None:
    """A request signed with a private key, its base64 percent-encoded, is accepted; a changed one is refused."""
    ed, rsa_key = ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)
    client = Client()
    ways = [
        ("ed25519", public_pem(ed), ed.sign),
        ("rsa", public_pem(rsa_key), lambda data: rsa_key.sign(data, padding.PKCS1v15(), hashes.SHA256())),
    ]
    for kind, pem, sign in ways:
        account = client.worlds.open_account(client.spot, kind, key_type=kind, public_key_pem=pem)  # type: ignore[arg-type]
        query = f"timestamp={client.stamp()}"
        signature = quote(base64.b64encode(sign(query.encode())).decode(), safe="")
        headers = {"X-MBX-APIKEY": account.api_key}
        good = client.raw("GET", f"/api/v3/account?{query}&signature={signature}", headers)
        assert (200, kind) == (good.status, kind)
        changed = client.raw("GET", f"/api/v3/account?omitZeroBalances=true&{query}&signature={signature}", headers)
        assert json.loads(changed.body)["code"] == -1022
        garbage = client.raw("GET", f"/api/v3/account?{query}&signature=%25%25", headers)
        assert json.loads(garbage.body)["code"] == -1022


def test_keys_that_cannot_be_verified_are_refused_at_registration() -> None:
    """A text that is no public key, and a key that is too short, never become an account."""
    short = public_pem(rsa.generate_private_key(65537, 1024))
    client = Client()
    for pem in ("not a key", short):
        with pytest.raises(signing.KeyRefused):
            client.worlds.open_account(client.spot, "mallory", key_type="rsa", public_key_pem=pem)
    assert client.spot.account("mallory") is None


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `cryptography` a public key is refused with the name of the extra to install."""
    monkeypatch.setitem(__import__("sys").modules, "cryptography.exceptions", None)
    with pytest.raises(signing.KeyRefused, match=r"exchstream\[keys\]"):
        signing.public_key_check("any")
