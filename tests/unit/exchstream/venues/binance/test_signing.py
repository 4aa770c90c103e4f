"""Signatures against the documentation's vectors and against the openssl program."""

import base64
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from exchstream.core.venue import Secret
from exchstream.errors import ConfigError, MissingExtra
from exchstream.venues.binance.signing import (
    HmacSigner,
    Signer,
    encoded,
    private_key_signer,
    signed_params,
    signed_query,
    sorted_payload,
)

# The keys that Binance's documentation prints.
API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = HmacSigner(Secret("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"))
WIDE = "１２３４５６"
WS_LIMIT: dict[str, str | int] = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01000000",
    "price": "52000.00",
    "recvWindow": 100,
    "timestamp": 1645423376532,
    "apiKey": API_KEY,
}
REST_LIMIT: dict[str, str | int] = {
    "symbol": "LTCBTC",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "1",
    "price": "0.1",
    "recvWindow": 5000,
    "timestamp": 1499827319559,
}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (WS_LIMIT, "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"),
        (
            {
                **WS_LIMIT,
                "price": "0.10000000",
                "quantity": "1.00000000",
                "recvWindow": 5000,
                "side": "BUY",
                "symbol": WIDE,
            },
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
        (
            {"timestamp": 1747385641636, "apiKey": API_KEY},
            "681110a6057ad58657af22f5640fab9dd17418834cdfccdc81be8b0f7b2cde3e",
        ),
        (
            {"timestamp": 1747385641636, "recvWindow": 5000, "apiKey": API_KEY},
            "49601ffc5b0122c3c7ee3ea85ef7d6cd76256f5191a57c976418faa32e917653",
        ),
    ],
)
def test_websocket_vectors(params: dict[str, str | int], expected: str) -> None:
    """The WebSocket API's payload is sorted and not encoded."""
    assert {**params, "signature": expected} == signed_params(params, SECRET)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (REST_LIMIT, "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        ({**REST_LIMIT, "symbol": WIDE}, "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
    ],
)
def test_rest_vectors(params: dict[str, str | int], expected: str) -> None:
    """REST's query keeps its order and is percent-encoded before it is signed."""
    assert f"{encoded(params)}&signature={expected}" == signed_query(params, SECRET)


def openssl(*arguments: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True).stdout


@pytest.fixture(scope="module", params=["RSA", "ED25519"])
def key(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    folder = tmp_path_factory.mktemp("keys")
    private, public = folder / "private.pem", folder / "public.pem"
    bits = ["-pkeyopt", "rsa_keygen_bits:2048"] if request.param == "RSA" else []
    openssl("genpkey", "-algorithm", request.param, *bits, "-out", str(private))
    openssl("pkey", "-in", str(private), "-pubout", "-out", str(public))
    return request.param, private, public


def by_openssl(kind: str, *arguments: str) -> list[str]:
    hashing = ["-digest", "sha256", "-rawin"] if kind == "RSA" else ["-rawin"]
    return ["pkeyutl", *hashing, *arguments]


def test_openssl_accepts_our_signature(key: tuple[str, Path, Path], tmp_path: Path) -> None:
    """What we sign, the openssl program verifies with the public key, in REST and in WebSocket form."""
    kind, private, public = key
    signer = private_key_signer(Secret(private.read_text()))
    query, _, signature = signed_query({**REST_LIMIT, "symbol": WIDE}, signer).rpartition("&signature=")
    frame = signed_params(WS_LIMIT, signer)
    assert (kind == "ED25519") == signer.is_ed25519
    assert not set("+/=") & set(signature)
    for payload, text in ((query, unquote(signature)), (sorted_payload(WS_LIMIT), str(frame["signature"]))):
        (tmp_path / "payload").write_bytes(payload.encode())
        (tmp_path / "signature").write_bytes(base64.b64decode(text, validate=True))
        files = ("-in", str(tmp_path / "payload"), "-sigfile", str(tmp_path / "signature"))
        said = openssl(*by_openssl(kind, "-verify", "-pubin", "-inkey", str(public), *files))
        assert b"Verified Successfully" in said


def test_our_signature_is_the_one_openssl_makes(key: tuple[str, Path, Path], tmp_path: Path) -> None:
    """Both algorithms are deterministic: the openssl program signs the same bytes to the same signature."""
    kind, private, _ = key
    (tmp_path / "payload").write_bytes(b"symbol=LTCBTC&timestamp=1")
    made = openssl(*by_openssl(kind, "-sign", "-inkey", str(private), "-in", str(tmp_path / "payload")))
    signer: Signer = private_key_signer(Secret(private.read_text().replace("\n", "\\n")))
    assert base64.b64encode(made).decode() == signer.sign(b"symbol=LTCBTC&timestamp=1")


def test_other_keys_are_refused() -> None:
    """A text that is no key, a protected key and a key of another kind are a ConfigError that shows nothing of them."""
    curve = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256").decode()
    locked = openssl("genpkey", "-algorithm", "ED25519", "-aes-256-cbc", "-pass", "pass:hunter2").decode()
    for pem, words in (("hunter2", "PEM"), (curve, "RSA or an Ed25519"), (locked, "password")):
        with pytest.raises(ConfigError, match=words) as caught:
            private_key_signer(Secret(pem))
        assert "hunter2" not in str(caught.value)


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the cryptography library a private key raises MissingExtra with the command that installs it."""
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(MissingExtra, match=r"exchstream\[keys\]"):
        private_key_signer(Secret("-----BEGIN PRIVATE KEY-----"))
