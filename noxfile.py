"""What is checked, and how: ``nox`` runs the default sessions, ``nox -l`` lists them all.

The supported Pythons are the classifiers in pyproject.toml. A Python that is not installed is skipped, in CI too, but
at least one must have run: the ``coverage`` session fails where it finds nothing to report.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.11.12"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"  # "installed" means installed: uv would fetch what is missing
nox.options.error_on_external_run = True
nox.options.error_on_missing_interpreters = False  # nox's own default turns to True where CI is set
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "typing", "docs", "tests", "coverage", "clients", "simulation"]

HERE = Path(__file__).parent
PYPROJECT = nox.project.load_toml(HERE / "pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
PACKAGES = ("exchstream", "mockserver")
CHECKED = (*PACKAGES, "tests", "noxfile.py")
# Processes of pytest-xdist; 0 runs in one.  A third fills the time in which two wait for sockets and processes.
TEST_WORKERS = os.environ.get("EXCHSTREAM_TEST_WORKERS", "3")
# Minutes of processes and sockets, whose outcome hardly depends on the Python: the newest runs them for all.
ONCE = tuple(
    f"--ignore=tests/{name}"
    for name in (
        "crash",
        "docs",
        "gate",
        "integration/plugin",
        "integration/test_attach.py",
        "integration/test_bad_input.py",
        "integration/test_bounds.py",
        "integration/test_cli.py",
        "integration/test_every_fault.py",
        "integration/test_faulty_venue.py",
        "integration/test_record.py",
        "integration/test_run.py",
        "integration/test_virtual.py",
        "load",
        "mutants",
        "scenarios",
        "soak",
    )
)
# Stories without sockets take minutes under coverage: the oldest Python plays them, and whole days, without.
PLAYED = ("--ignore=tests/simulation",)
BETWEEN = ("tests/unit", "tests/conformance")  # what a Python that is neither the oldest nor the newest runs
OLDER = "python3.11"  # the newest for which cryptofeed 2.3.1 can be installed
CCXT_FTX = ("ccxt==2.1.74", "aiohttp==3.10.11", "setuptools<81")  # the last ccxt with FTX

PYPI_CLIENTS = {  # environment -> what is installed; the newest there is, where no version stands
    "ccxt": ("ccxt",),
    "ccxt-ftx": CCXT_FTX,
    "connector": ("binance-connector",),
    "cryptofeed": ("cryptofeed==2.3.1", "websockets==10.4"),  # the last with FTX, and what it was written for
    "futures-connector": ("binance-futures-connector",),
    "pybotters": ("pybotters",),
    "python-binance": ("python-binance",),
    "sdk-futures": ("binance-sdk-derivatives-trading-usds-futures",),
    "sdk-spot": ("binance-sdk-spot",),
    "unicorn": ("unicorn-binance-websocket-api",),
}
NPM_CLIENTS = ("binance", "ccxt", "ftx-api", "node-binance-api")


def group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(PYPROJECT, name))


@nox.session
def lint(session: nox.Session) -> None:
    """Format, ruff, flake8-async, and that the wheel holds both packages with their types."""
    session.install(*group("lint"))
    session.run("ruff", "format", "--check", "--diff", ".", silent=False)
    session.run("ruff", "check", ".")
    # flake8-async reads some hundred lines a second, and has nothing to say of a file without a word of async.
    files = [
        path for name in (*PACKAGES, "tests") for path in (HERE / name).rglob("*.py") if "async " in path.read_text()
    ]
    session.run(
        "flake8-async",
        "--startable-in-context-manager=serve,serve_on,compare_one,attend",
        *(str(path.relative_to(HERE)) for path in sorted(files)),
    )
    out = Path(session.create_tmp()) / "dist"
    shutil.rmtree(out, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(out), silent=True)
    (wheel,) = out.glob("*.whl")
    listing = session.run("python", "-m", "zipfile", "--list", str(wheel), silent=True)
    for name in PACKAGES:
        for wanted in (f"{name}/__init__.py", f"{name}/py.typed"):
            if wanted not in str(listing):
                session.error(f"the wheel lacks {wanted}")
    if "tests/" in str(listing):
        session.error("the wheel holds the tests")


@nox.session
def typing(session: nox.Session) -> None:
    """mypy --strict over both packages; the tests a little less strictly (pyproject.toml says how)."""
    session.install("-e", ".[keys,fast,metrics,redis,test]", *group("tests"), *group("typing"), "nox")
    session.run("mypy", "--strict", *PACKAGES)
    session.run("mypy", "tests", "noxfile.py")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, with every warning and every dangling reference an error."""
    session.install("-e", ".[keys,fast,metrics]", *group("docs"))
    session.run("sphinx-build", "-W", "-n", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests but the third-party clients, the benchmarks and the simulation on the newest Python, under coverage.

    The oldest one leaves out what is slow and depends on it least, those between run what is quick.
    """
    session.install("-e", ".[keys,fast,metrics,test]", *group("tests"))
    if session.posargs:
        session.run("python", "-m", "pytest", *session.posargs)
        return
    workers = ("-n", TEST_WORKERS) if TEST_WORKERS != "0" else ()
    found = [name for name in PYTHONS if runs(f"python{name}")] or [str(session.python)]
    if session.python != found[-1]:
        session.run("python", "-m", "pytest", *workers, *(ONCE if session.python == found[0] else BETWEEN))
        return
    data = HERE / f".coverage.py{session.python}"
    for stale in HERE.glob(f"{data.name}*"):
        stale.unlink()
    session.notify("coverage")
    played = PLAYED if len(found) > 1 else ()
    session.run("coverage", "run", "-m", "pytest", *workers, *played, env={"COVERAGE_FILE": str(data)})


@nox.session
def coverage(session: nox.Session) -> None:
    """What the tests covered, each package for itself; fails where no test has run."""
    session.install("coverage>=7.11")
    session.run("coverage", "combine", "-q")
    for name in PACKAGES:  # a well-tested package must not make up for the other
        session.run("coverage", "report", f"--include={name}/*")


def runs(python: str) -> bool:
    """Whether this interpreter is there and starts (a pyenv shim may be there and refuse)."""
    if shutil.which(python) is None:
        return False
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


def clients_python() -> str:
    """The newest Python for which aiohttp 3.10.11 has wheels, else the one that runs nox."""
    return next((name for name in ("python3.13", "python3.12", "python3.11") if runs(name)), sys.executable)


def client_venv(session: nox.Session, name: str, *requirements: str, made_by: str | None = None) -> str:
    """Make a virtual environment beside the session's own, by this Python of its own, and return its Python."""
    home = Path(session.virtualenv.location).parent / f"clients-{name}"
    python = home / "bin" / "python"
    if not (python.exists() and runs(str(python))):
        session.run(made_by or clients_python(), "-m", "venv", "--clear", str(home), external=True)
    session.run(str(python), "-m", "pip", "install", "-q", "--upgrade", *requirements, external=True)
    return str(python)


def clients_env(session: nox.Session) -> dict[str, str]:
    """Each third-party client in an environment of its own; the variables that name their Pythons."""
    session.install("-e", ".[keys,test]", *group("tests"))
    return {
        "EXCHSTREAM_CCXT_PYTHON": client_venv(session, "ccxt", "ccxt"),
        "EXCHSTREAM_CCXT_FTX_PYTHON": client_venv(session, "ccxt-ftx", *CCXT_FTX),
        "EXCHSTREAM_PYTHON_BINANCE_PYTHON": client_venv(session, "python-binance", "python-binance"),
    }


@nox.session
def clients(session: nox.Session) -> None:
    """Unmodified third-party clients trade on the mock and follow orders there, each in a process of its own.

    Four of them: ccxt (the newest, and the last with FTX), python-binance, and two of those of `clients_all`.
    """
    env = clients_env(session)
    for name in ("sdk-spot", "unicorn"):
        client_venv(session, name, *PYPI_CLIENTS[name])
    env["EXCHSTREAM_CLIENTS"] = str(Path(session.virtualenv.location).parent)
    two = ("tests/clients/test_all.py", "-k", "binance-sdk-spot or (unicorn and binance-spot)")
    others = ("tests/clients", "--ignore=tests/clients/test_all.py")
    for chosen in [tuple(session.posargs)] if session.posargs else [others, two]:
        session.run("python", "-m", "pytest", "--timeout=240", *chosen, env=env)


@nox.session
def clients_all(session: nox.Session) -> None:
    """Every client of tests/clients/table.py trades on the mock, and its own stream is held to the truth.

    Apart from the default: it installs a dozen clients from PyPI and npm, the newest versions, and needs Node.
    The page is written by `nox -s clients_all -- --write docs/mock/compatibility.md`.
    """
    session.install("-e", ".[keys,test]", *group("tests"))
    home = Path(session.virtualenv.location).parent
    for name, requirements in PYPI_CLIENTS.items():
        client_venv(session, name, *requirements, made_by=OLDER if name == "cryptofeed" else None)
    for name in NPM_CLIENTS:
        folder = home / f"clients-npm-{name}"
        folder.mkdir(exist_ok=True)
        session.run(
            *("npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"{name}@latest"), external=True
        )
    env = {"EXCHSTREAM_CLIENTS": str(home)}
    session.run("python", "-m", "pytest", "--timeout=180", "tests/clients/test_all.py", *session.posargs, env=env)


@nox.session
def soak(session: nox.Session) -> None:
    """Four accounts trade under faults for minutes on end: all is told once, and no memory, descriptor or task stays.

    Options: `nox -s soak -- --minutes 1` for a quick look, `--transport websockets` for the other transport.
    """
    session.install("-e", ".[fast,keys,test]", *group("tests"))
    session.run("python", "-m", "tests.soak", *session.posargs)


@nox.session
def load(session: nox.Session) -> None:
    """What one mock process carries: 200 clients in worlds of their own, 100 listeners of one account, memory.

    Options: `nox -s load -- --memory 0` for a quick look, `--write docs/mock/load.md` writes the page.
    """
    session.install("-e", ".", *group("tests"))
    session.run("python", "-m", "tests.load", *session.posargs)


@nox.session
def gate(session: nox.Session) -> None:
    """Instructions of the path of one message, under valgrind: 1 where it has become longer than what is stored.

    `nox -s gate -- --write` stores what it counts; say in the commit why it has changed.
    """
    session.install("-e", ".", *group("tests"))
    session.run("python", "-m", "tests.gate", *session.posargs)


@nox.session
def page(session: nox.Session) -> None:
    """The mock's page in a headless Chromium, by mouse and keyboard; skipped, with the reason, where there is none.

    `nox -s page -- screenshots` makes the documentation's pictures anew.
    """
    session.install("-e", ".[test]", *group("tests"), *group("page"))
    if session.posargs == ["screenshots"]:
        session.run("python", "-m", "tests.page.screenshots")
    else:
        session.run("python", "-m", "pytest", *(session.posargs or ["tests/page"]))


@nox.session
def contract(session: nox.Session) -> None:
    """The mock's control API under whatever its own OpenAPI document allows, and its port under noise: it stands both.

    Apart from the tests: schemathesis brings twenty packages, and takes some minutes.
    """
    session.install("-e", ".[metrics]", *group("contract"))
    session.run("python", "-m", "tests.contract", *session.posargs)


@nox.session
def comparison(session: nox.Session) -> None:
    """What exchstream, ccxt and python-binance tell of the same events, as the table that `clients` prints too.

    The page is written by `nox -s comparison -- --patience 330 --write docs/comparison.md`.
    """
    env = clients_env(session)
    session.run("python", "-m", "pytest", "-s", "tests/clients/test_comparison.py", *session.posargs, env=env)


@nox.session
def crash(session: nox.Session) -> None:
    """Bots are killed in each phase while the mock trades on; fails if anything was lost, doubled or invented.

    Options: `nox -s crash -- --kills 72 --seed 1 --transport both --write docs/guarantees.md`.
    """
    session.install("-e", ".[fast]")
    session.run("python", "-m", "tests.crash", *session.posargs)


@nox.session
def simulation(session: nox.Session) -> None:
    """Stories by chance without sockets, a minute or two of them, always the same: `simulate` looks for others."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.simulation", "--profile", "default", "--seeds", "1:", *session.posargs)


@nox.session
def simulate(session: nox.Session) -> None:
    """More than a million steps, with floors under what they meet; or what the options say.

    Options: `nox -s simulate -- --seeds 0:100 --flavour ftx`.
    """
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.simulation", *(session.posargs or ["--profile", "full"]))


@nox.session
def mutants(session: nox.Session) -> None:
    """Deliberate bugs in the shipped code: the simulation must catch each of them, on every seed.

    Options: `nox -s mutants -- --seeds 2 --only stale-view-accepted --base-seed 7`.
    """
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.mutants", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Speed beside floors and peers, as ratios in the same run: about 20 minutes on a machine that does nothing else.

    `nox -s bench -- --write docs/performance.md` writes the page; a quick look is `--rounds 1 --messages 2000
    --accounts 10 --orders 10000`, one mode of it `-k blast`.
    """
    session.install("-e", ".[keys,fast,test]", *group("tests"))
    env = {}
    for requirement in group("bench"):  # each peer in an environment of its own, of the Python that runs exchstream
        name = re.split(r"[\[=>]", requirement)[0]
        variable = f"EXCHSTREAM_BENCH_{name.upper().replace('-', '_')}"
        env[variable] = client_venv(session, f"bench-{name}", requirement, made_by="python")
    env["EXCHSTREAM_BENCH_CRYPTOFEED_FTX"] = client_venv(
        session, "cryptofeed", *PYPI_CLIENTS["cryptofeed"], made_by=OLDER
    )
    env["EXCHSTREAM_BENCH_CCXT_FTX"] = client_venv(session, "ccxt-ftx", *CCXT_FTX)
    session.run("python", "-m", "pytest", "-s", "--timeout=0", "tests/bench", *session.posargs, env=env)
