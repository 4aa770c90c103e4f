"""What a client is given: variables, files of trust, keys; and what of it is there when the run has ended."""

from __future__ import annotations

import ssl
import stat
import sys
from pathlib import Path

import pytest

from mockserver import command as mock_command
from mockserver.attach.authority import Authority, NoAuthority
from mockserver.attach.command import Keys, main
from mockserver.attach.environment import PROXIES, attached, told
from mockserver.attach.isolation import covers
from mockserver.attach.papers import Papers, bundles_of, trusted_before
from mockserver.server import Listening


@pytest.fixture(scope="module")
def authority() -> Authority:
    """One for all tests here."""
    return Authority()


def environment_of(prefix: Path) -> Path:
    """A virtual environment with a program and certifi's bundle; the bundle."""
    bundle = prefix / "lib" / "python3.11" / "site-packages" / "certifi" / "cacert.pem"
    for path in (bundle, prefix / "bin" / "bot"):
        path.parent.mkdir(parents=True)
        path.write_text("# theirs\n")
        path.chmod(0o755)
    return bundle.resolve()


def test_the_variables_of_a_proxied_client() -> None:
    """Every spelling of a proxy, the bundles, and no trace of the proxy that was there before."""
    before = {"https_proxy": "http://elsewhere:1", "NO_PROXY": "api.binance.com", "HOME": "/home/me"}
    made = attached(before, proxy="http://127.0.0.1:7", certificate="/r/ca.pem", bundle="/r/bundle.pem")

    assert {made[name] for name in PROXIES} == {made[name.lower()] for name in PROXIES} == {"http://127.0.0.1:7"}
    assert made["NO_PROXY"] == made["no_proxy"] == "127.0.0.1,localhost,::1"
    assert (made["SSL_CERT_FILE"], made["REQUESTS_CA_BUNDLE"]) == ("/r/bundle.pem", "/r/bundle.pem")
    assert (made["NODE_EXTRA_CA_CERTS"], made["NODE_USE_ENV_PROXY"], made["HOME"]) == ("/r/ca.pem", "1", "/home/me")
    assert before["https_proxy"] == "http://elsewhere:1"


def test_an_isolated_client_has_no_proxy() -> None:
    """One that was set outside could not be reached from inside."""
    made = attached({"ALL_PROXY": "socks5://x"}, proxy=None, certificate="c", bundle="b")
    assert not [name for name in made if "proxy" in name.lower()]
    assert made["SSL_CERT_FILE"] == "b"


def test_keys_and_addresses_are_told() -> None:
    """A bot that reads its keys from the environment finds them there; one key is good at both Binance venues."""
    worlds = mock_command.build(mock_command.parser().parse_args(["--liquidity", "manual"]))
    made = told(mock_command.readiness(worlds, Listening("127.0.0.1", 9)), "/r/ca.pem")
    assert made["MOCKSERVER_FTX_KEY"].startswith("demoFtxApiKey")
    assert (made["MOCKSERVER_HTTP"], made["MOCKSERVER_CA"]) == ("http://127.0.0.1:9", "/r/ca.pem")

    given = Keys.parse("binance=K,S").open(worlds)
    found = [worlds.find_key(venue, given["K"]) for venue in ("binance-spot", "binance-futures")]
    assert [each and each[1].secret for each in found] == [given["S"], given["S"]]
    assert Keys.parse("ftx=A,B").open(worlds) == {"A": made["MOCKSERVER_FTX_KEY"], "B": made["MOCKSERVER_FTX_SECRET"]}


def test_the_papers_go_when_the_run_ends(authority: Authority, tmp_path: Path) -> None:
    """They are for our eyes, hold what was trusted before, and hold no key."""
    before = tmp_path / "before.pem"
    before.write_bytes(authority.pem.replace(b"-----BEGIN", b"# before\n-----BEGIN"))
    with Papers(authority, {"SSL_CERT_FILE": str(before)}) as papers:
        assert stat.S_IMODE(papers.folder.stat().st_mode) == 0o700
        assert b"# before" in papers.bundle.read_bytes()
        assert papers.certificate.read_bytes() == authority.pem
        assert not [path for path in papers.folder.iterdir() if b"PRIVATE" in path.read_bytes()]
        ssl.create_default_context(cafile=str(papers.bundle))
    assert not papers.folder.exists()


def test_papers_in_a_given_folder_stay(authority: Authority, tmp_path: Path) -> None:
    """Another container reads them there."""
    with Papers(authority, {}, tmp_path / "new" / "folder"):
        pass
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {"ca.pem", "bundle.pem"}


def test_the_bundle_that_was_trusted_before(tmp_path: Path) -> None:
    """What the environment names comes first; a name of nothing is passed over."""
    named = tmp_path / "named.pem"
    named.touch()
    assert trusted_before({"SSL_CERT_FILE": str(tmp_path / "none"), "REQUESTS_CA_BUNDLE": str(named)}) == named
    assert trusted_before({}) != named


def test_the_bundles_of_a_clients_environment_are_found(tmp_path: Path) -> None:
    """Beside the program, in the environment that is active, on PYTHONPATH."""
    beside, active = environment_of(tmp_path / "beside"), environment_of(tmp_path / "active")
    on_path = environment_of(tmp_path / "other")
    environ = {
        "PATH": str(tmp_path / "beside" / "bin"),
        "VIRTUAL_ENV": str(tmp_path / "active"),
        "PYTHONPATH": str(on_path.parents[1]),
        "HOME": str(tmp_path),
    }
    assert {beside, active, on_path} <= set(bundles_of("bot", environ))
    assert bundles_of(str(tmp_path / "none"), {"HOME": str(tmp_path)}) == bundles_of("x", {"HOME": str(tmp_path)})


def test_what_a_cell_covers(authority: Authority, tmp_path: Path) -> None:
    """Names lead to the mock and to nothing else, and each bundle holds ours behind its own."""
    bundle, extra = environment_of(tmp_path / "env"), tmp_path / "extra.pem"
    extra.write_text("# extra\n")
    with Papers(authority, {}) as papers:
        made = covers(str(tmp_path / "env" / "bin" / "bot"), {"HOME": str(tmp_path)}, papers, [extra])
        hosts = made[Path("/etc/hosts").resolve()].read_text().splitlines()
        assert "127.0.0.1 api.binance.com" in hosts
        assert "127.0.0.1 fstream.binance.com" in hosts
        for path, start in ((bundle, b"# theirs"), (extra, b"# extra")):
            content = made[path].read_bytes()
            assert content.startswith(start)
            assert content.endswith(authority.pem)
        assert bundle.read_text() == "# theirs\n"


@pytest.mark.parametrize(
    ("argv", "code", "part"),
    [
        ([], 2, "what is to be run? Put it behind --"),
        (["--"], 2, "what is to be run? Put it behind --"),
        (["--port", "70000", "--", "true"], 2, "70000 is not a port"),
        (["--keys", "kraken=A,B", "--", "true"], 2, "is not VENUE=KEY_VARIABLE,SECRET_VARIABLE"),
        (["--keys", "ftx=A", "--", "true"], 2, "is not VENUE=KEY_VARIABLE,SECRET_VARIABLE"),
        (["--egress", "some", "--", "true"], 2, "allow"),
        (["--isolate", "--egress", "allow", "--", "true"], 2, "there is no way out"),
        (["--isolate", "--ca-bundle", "/no/such", "--", "true"], 2, "there is no file /no/such"),
        (["--liquidity", "deep", "--", "true"], 2, "manual"),
        (["--", "/no/such/program"], 127, "there is no such program"),
        (["--", "/"], 126, "it is no program"),
    ],
)
def test_wrong_arguments(argv: list[str], code: int, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is started, and a line says what is right."""
    try:
        ended: object = main(argv)
    except SystemExit as left:
        ended = left.code
    assert ended == code
    assert part in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["exec", "--", "true"], ["--tls", "--port", "0"]])
def test_the_extra_is_named_where_it_is_absent(
    argv: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything else works without it."""
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(NoAuthority):
        Authority()
    assert mock_command.main(argv) == 2
    assert "TLS needs trustme, which comes with an extra: pip install 'exchstream[test]'" in capsys.readouterr().err
