"""The pytest plugin: a mock exchange for each test (``mock_exchange``, ``amock_exchange``, ``trio_mock_exchange``).

pytest reads this module in every project that has the package, so it imports nothing of the mock until a test asks for
it. What the fixtures give is in ``mockserver.testing``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from mockserver.testing.exchange import MockExchange
    from mockserver.testing.plan import Plan
    from mockserver.testing.thread import StageThread
    from mockserver.testing.waiting import AsyncioExchange, SyncExchange, TrioExchange

USED = pytest.StashKey["list[MockExchange]"]()
"""The exchanges of a test."""
REPLAYED = "mock replay"
"""The section that says how a test differs from its recording."""
MARKER = (
    "mock(venue='binance-spot', profile=None, liquidity='manual', seed=0, balances=None, scenario=None): "
    "how the mock exchange of this test begins"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the mock."""
    group = parser.getgroup("mock", "mock exchange")
    group.addoption("--mock-seed", type=int, metavar="SEED", help="the seed of every mock exchange")
    group.addoption("--mock-recordings", type=Path, metavar="DIR", help="where recordings of failed tests are written")
    group.addoption("--mock-replay", type=Path, metavar="FILE", help="run the test of a recording, and compare")


def pytest_configure(config: pytest.Config) -> None:
    """Tell of the marker."""
    config.addinivalue_line("markers", MARKER)


# -- the fixtures -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def mock_exchange_thread() -> Iterator[StageThread]:
    """The server of a session, in a thread; it serves a world for each test that asks."""
    from mockserver.testing.thread import StageThread

    thread = StageThread()
    thread.start()
    yield thread
    thread.stop()


@pytest.fixture
def mock_exchange(request: pytest.FixtureRequest, mock_exchange_thread: StageThread) -> Iterator[SyncExchange]:
    """Give a world of the mock exchange, for a test that blocks."""
    from mockserver.testing.waiting import SyncExchange

    with _opened(request, mock_exchange_thread, SyncExchange) as exchange:
        yield exchange


@pytest.fixture
def amock_exchange(request: pytest.FixtureRequest, mock_exchange_thread: StageThread) -> Iterator[AsyncioExchange]:
    """Give a world of the mock exchange, for a test on asyncio."""
    from mockserver.testing.waiting import AsyncioExchange

    with _opened(request, mock_exchange_thread, AsyncioExchange) as exchange:
        yield exchange


@pytest.fixture
async def trio_mock_exchange(request: pytest.FixtureRequest) -> AsyncIterator[TrioExchange]:
    """Give a world of the mock exchange in the test's own trio loop, by its clock."""
    from mockserver.testing.waiting import trio_exchange

    async with trio_exchange(_name(request), _plan(request)) as exchange:
        _used(request).append(exchange)
        yield exchange
        exchange.keep()


@contextmanager
def _opened(request: pytest.FixtureRequest, thread: StageThread, kind: Callable[..., Any]) -> Iterator[Any]:
    from mockserver.testing.exchange import Desk

    plan = _plan(request)
    served = thread.open(_name(request), plan)
    exchange = kind(Desk(thread.stage, served, plan, thread.run), thread)
    _used(request).append(exchange)
    yield exchange
    exchange.keep()
    thread.close(served)


def _name(request: pytest.FixtureRequest) -> str:
    return f"{request.node.nodeid} {request.fixturename}"


def _used(request: pytest.FixtureRequest) -> list[MockExchange]:
    used: list[MockExchange] = request.node.stash.setdefault(USED, [])
    return used


def _plan(request: pytest.FixtureRequest) -> Plan:
    from mockserver.testing.plan import PlanError, read_plan

    given: dict[str, Any] = {}
    for marker in request.node.iter_markers("mock"):  # the closest first
        if marker.args:
            _refuse(request, f"its arguments have names, such as venue={marker.args[0]!r}")
        given = {**marker.kwargs, **given}
    try:
        return read_plan(given, seed=_seed(request.config))
    except PlanError as error:
        why = str(error)
    _refuse(request, why)


def _refuse(request: pytest.FixtureRequest, why: str) -> NoReturn:
    pytest.fail(f"{request.node.nodeid}: pytest.mark.mock: {why}", pytrace=False)


# -- recordings -------------------------------------------------------------------------------------------------------


def _seed(config: pytest.Config) -> int | None:
    seed: int | None = config.getoption("--mock-seed")
    file: Path | None = config.getoption("--mock-replay")
    if file is None or seed is not None:
        return seed
    return int(_recording(file)[0]["seed"])


def _recording(file: Path) -> tuple[Any, list[Any]]:
    from mockserver.testing.recording import RecordingError, read

    try:
        return read(file)
    except RecordingError as error:
        raise pytest.UsageError(f"--mock-replay: {error}") from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With ``--mock-replay`` run the test of the recording alone."""
    file: Path | None = config.getoption("--mock-replay")
    if file is None:
        return
    head, _ = _recording(file)
    wanted = [item for item in items if item.nodeid == head["test"]]
    if not wanted:
        raise pytest.UsageError(f"--mock-replay: {file} is of {head['test']}, which is not among these tests")
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid != head["test"]])
    items[:] = wanted


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failure what the mock heard, and how to repeat it."""
    report = yield
    used = item.stash.get(USED, [])
    if not used:
        return report
    from mockserver.testing import recording

    folder: Path | None = item.config.getoption("--mock-recordings")
    file: Path | None = item.config.getoption("--mock-replay")
    for exchange in used if report.failed else ():
        written = None if folder is None else recording.write(folder.absolute(), item.nodeid, exchange)
        report.sections += recording.sections(item.nodeid, exchange, written)
    if file is not None and report.when == "call":
        now = used[0].recorder.journal(limit=1 << 30)
        report.sections.append((REPLAYED, recording.compared(_recording(file)[1], now)))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how the replayed test differs from its recording."""
    reports = [each for name in ("passed", "failed") for each in terminalreporter.stats.get(name, ())]
    for report in reports:
        for heading, text in getattr(report, "sections", ()):
            if heading == REPLAYED:
                terminalreporter.section(REPLAYED)
                terminalreporter.line(text)
