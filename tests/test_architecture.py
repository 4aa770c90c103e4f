"""The rules of the house that no type checker knows: who may import whom, what is pure, what is bounded.

A rule is a function of one module that yields complaints; each is shown below on small examples, bad and good. A line
that may break a rule for a reason says so in a comment, on the line or on the one above:

- ``# bounded: why``          a queue without a limit of its own
- ``# dynamic import: why``   an import whose name is not written down
- ``# virtual: why``          a long sleep in a test that takes no real time
"""

from __future__ import annotations

import ast
import builtins
import functools
import io
import operator
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("exchstream", "mockserver")
MAX_NO_COVER = 10
MAX_SLOW_TESTS = 15
MAX_SLEEP = 0.25


@dataclass(frozen=True)
class Module:
    """A file of Python, parsed, with its dotted name."""

    name: str
    source: str
    is_package: bool = False
    known: frozenset[str] = frozenset()

    @functools.cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.name)

    @functools.cached_property
    def comments(self) -> dict[int, str]:
        tokens = tokenize.generate_tokens(io.StringIO(self.source).readline)
        return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}

    def under(self, *prefixes: str) -> bool:
        return any(self.name == prefix or self.name.startswith(prefix + ".") for prefix in prefixes)

    def excused(self, node: ast.expr | ast.stmt, word: str) -> bool:
        lines = range(node.lineno - 1, (node.end_lineno or node.lineno) + 1)
        return any(re.search(rf"#\s*{word}:\s*\S", self.comments.get(line, "")) for line in lines)


def load(*folders: str) -> list[Module]:
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            found.append((".".join(parts[:-1] if is_package else parts), path.read_text(), is_package))
    known = frozenset(name for name, _, _ in found)
    return [Module(name, source, is_package, known) for name, source, is_package in found]


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Every call, with the last part of what is called: ``a.b[int](x)`` is ``b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, last_name(node.func)


def last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    if len(call.args) > position:
        return call.args[position]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def is_starred(call: ast.Call) -> bool:
    return any(isinstance(arg, ast.Starred) for arg in call.args) or any(kw.arg is None for kw in call.keywords)


# --- imports ---------------------------------------------------------------------------------------------------------

IMPORTERS = {"import_module", "__import__", "run_module", "find_spec", "resolve_name"}


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """Every (line, absolute dotted name) that the module imports, wherever in it and in whatever way."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.name.split(".")[: None if module.is_package else -1]
                parents = package[: len(package) - (node.level - 1)]
                base = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                yield node.lineno, submodule if submodule in module.known else base
    for call, name in calls(module.tree):
        first = call.args[0] if call.args else None
        if name in IMPORTERS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield call.lineno, first.value


def dynamic_imports(module: Module) -> Iterator[str]:
    """An import by a computed name cannot be checked."""
    for call, name in calls(module.tree):
        literal = call.args and isinstance(call.args[0], ast.Constant)
        if name in IMPORTERS and not literal and not module.excused(call, "dynamic import"):
            yield f"{module.name}:{call.lineno} imports a name that is not written down"


# Who: what it may not import. "=name" is that very module and not what lies below it.
FORBIDDEN: dict[str, tuple[str, ...]] = {
    "mockserver": ("exchstream",),
    "exchstream": ("mockserver",),
    **dict.fromkeys(
        ("exchstream.model", "exchstream.events", "exchstream.errors"),
        (
            "=exchstream",
            "exchstream.core",
            "exchstream.venues",
            "exchstream.shell",
            "exchstream.journal",
            "exchstream.metrics",
            "exchstream.replay",
            "exchstream.testing",
            "exchstream.cli",
        ),
    ),
    "exchstream.core": (
        "=exchstream",
        "exchstream.venues",
        "exchstream.shell",
        "exchstream.journal",
        "exchstream.metrics",
        "exchstream.replay",
        "exchstream.testing",
        "exchstream.cli",
    ),
    "exchstream.venues": (
        "=exchstream",
        "exchstream.core.session",
        "exchstream.shell",
        "exchstream.journal",
        "exchstream.metrics",
        "exchstream.replay",
        "exchstream.testing",
        "exchstream.cli",
    ),
    "exchstream.journal": (
        "=exchstream",
        "exchstream.venues",
        "exchstream.shell",
        "exchstream.metrics",
        "exchstream.replay",
        "exchstream.cli",
    ),
    "exchstream.shell": (
        "=exchstream",
        "exchstream.venues",
        "exchstream.metrics",
        "exchstream.replay",
        "exchstream.cli",
    ),
    "mockserver.engine": (
        "=mockserver",
        "mockserver.faces",
        "mockserver.world",
        "mockserver.server",
        "mockserver.control",
        "mockserver.recorder",
    ),
    "mockserver.faces": ("=mockserver", "mockserver.server", "mockserver.control"),
    "mockserver.checkers": (
        "=mockserver",
        "mockserver.engine",
        "mockserver.faces",
        "mockserver.world",
        "mockserver.server",
        "mockserver.control",
    ),
}


def directions(module: Module) -> Iterator[str]:
    """Imports point one way."""
    for line, target in imports(module):
        for who, banned in FORBIDDEN.items():
            for name in banned:
                exact, name = name.startswith("="), name.removeprefix("=")
                hit = target == name or (not exact and target.startswith(name + "."))
                if module.under(who) and hit:
                    yield f"{module.name}:{line} imports {target}"


SHARED_BY_VENUES = {"checks", "numbers", "settings"}  # modules beside the venues that are no venue


def venues_apart(module: Module) -> Iterator[str]:
    """A venue knows no other venue, and what they share knows none."""
    parts = module.name.split(".")
    if parts[:2] != ["exchstream", "venues"] or len(parts) < 3:
        return
    for line, target in imports(module):
        other = target.split(".")
        if other[:2] != parts[:2]:
            continue
        if len(other) < 3 or (other[2] != parts[2] and other[2] not in SHARED_BY_VENUES):
            yield f"{module.name}:{line} imports {target}"


def hypothesis_in_one_place(module: Module) -> Iterator[str]:
    """hypothesis is slow to import and an extra: only the strategies know it."""
    if module.name != "mockserver.strategies":
        for line, target in imports(module):
            if target.split(".")[0] == "hypothesis":
                yield f"{module.name}:{line} imports {target}"


# --- purity ----------------------------------------------------------------------------------------------------------

PURE = (
    "exchstream.model",
    "exchstream.events",
    "exchstream.errors",
    "exchstream.core",
    "exchstream.venues",
    "mockserver.engine",
    "mockserver.faces",
    "mockserver.checkers",
    "mockserver.clock",
    "mockserver.durations",
    "mockserver.exchange",
    "mockserver.faults",
    "mockserver.forms",
    "mockserver.heard",
    "mockserver.hosts",
    "mockserver.link",
    "mockserver.liquidity",
    "mockserver.plain_yaml",
    "mockserver.player.checks",
    "mockserver.player.hands",
    "mockserver.player.machine",
    "mockserver.player.playing",
    "mockserver.player.schema",
    "mockserver.player.verbs",
    "mockserver.player.words",
    "mockserver.printing",
    "mockserver.recorded_trades",
    "mockserver.recorder",
    "mockserver.reports",
    "mockserver.rules",
    "mockserver.story",
    "mockserver.tally",
    "mockserver.transport",
    "mockserver.truth",
    "mockserver.verbs",
    "mockserver.verify",
    "mockserver.world",
)
# The one reader of the environment: accounts are built from it when the user asks for that (`from_env`), never later.
PURITY_EXCEPTIONS = {("exchstream.venues.settings", "os")}
# fmt: off
IMPURE_MODULES = {
    "asyncio", "concurrent", "glob", "http", "io", "logging", "multiprocessing", "os", "pathlib", "queue", "sched",
    "secrets", "select", "selectors", "shutil", "signal", "socket", "socketserver", "sqlite3", "ssl", "subprocess",
    "sys", "tempfile", "threading", "time", "urllib.request",
    "anyio", "h11", "httpcore2", "httpx", "httpx2", "trio", "trio_websocket", "websockets", "wsproto",
}
# fmt: on
AMBIENT_TIMES = {"now", "utcnow", "today"}
AMBIENT_IDS = {"uuid1", "uuid4", "uuid6", "uuid7", "getnode", "urandom"}
AMBIENT_BUILTINS = {"open", "print", "input", "breakpoint", "exec", "eval"}


def purity(module: Module) -> Iterator[str]:
    """No socket, thread, file, clock or chance in a pure module, and no library that brings them."""
    if not module.under(*PURE):
        return
    for line, target in imports(module):
        impure = target in IMPURE_MODULES or target.split(".")[0] in IMPURE_MODULES
        if impure and (module.name, target) not in PURITY_EXCEPTIONS:
            yield f"{module.name}:{line} imports {target}"
        if target.split(".")[0] == "random" and module.under("exchstream"):
            yield f"{module.name}:{line} imports {target}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module in {"random", "uuid", "datetime"}:
            for alias in node.names:
                if alias.name in AMBIENT_IDS or (node.module == "random" and alias.name != "Random"):
                    yield f"{module.name}:{node.lineno} imports {node.module}.{alias.name}"
        elif isinstance(node, ast.Attribute):
            owner = last_name(node.value)
            if (
                (owner in {"datetime", "date"} and node.attr in AMBIENT_TIMES)
                or (owner == "uuid" and node.attr in AMBIENT_IDS)
                or (owner == "random" and node.attr != "Random")
            ):
                yield f"{module.name}:{node.lineno} uses {owner}.{node.attr}"
    for call, name in calls(module.tree):
        if isinstance(call.func, ast.Name) and name in AMBIENT_BUILTINS:
            yield f"{module.name}:{call.lineno} calls {name}()"
        if name == "Random" and not call.args:
            yield f"{module.name}:{call.lineno} makes a Random without a seed"


# --- bounds and errors -----------------------------------------------------------------------------------------------

QUEUES = {"Queue", "LifoQueue", "PriorityQueue", "SimpleQueue", "JoinableQueue"}


def is_infinite(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Call):
        return last_name(node.func) == "float" and any(
            isinstance(arg, ast.Constant) and "inf" in str(arg.value).lower() for arg in node.args
        )
    return node is not None and last_name(node) in {"inf", "maxsize"}


def is_no_limit(node: ast.expr | None) -> bool:
    if node is None or is_infinite(node) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)):
        return True
    return isinstance(node, ast.Constant) and node.value in (None, 0)


def unbounded_queues(module: Module) -> Iterator[str]:
    """Every queue has a limit."""
    for call, name in calls(module.tree):
        if name == "open_memory_channel":
            bad = is_infinite(argument(call, 0, "max_buffer_size"))
        elif name == "deque":
            bad = not is_starred(call) and is_no_limit(argument(call, 1, "maxlen"))
        elif name in QUEUES:
            bad = not is_starred(call) and is_no_limit(argument(call, 0, "maxsize"))
        else:  # field(factory=deque), defaultdict(deque)
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            bad = name in {"field", "ib", "Factory", "defaultdict"} and any(last_name(arg) == "deque" for arg in given)
        if bad and not module.excused(call, "bounded"):
            yield f"{module.name}:{call.lineno} {name}() without a limit"


MAY_CATCH_ALL = ("exchstream.shell.runner", "mockserver.server")
CATCH_ALL = {"Exception", "BaseException"}


def catch_all(module: Module) -> Iterator[str]:
    """Only the outermost loop of each package may catch everything."""
    if module.name in MAY_CATCH_ALL:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(kind is None or last_name(kind) in CATCH_ALL for kind in kinds):
                yield f"{module.name}:{node.lineno} catches everything"
    for call, name in calls(module.tree):
        if name == "suppress" and any(last_name(arg) in CATCH_ALL for arg in call.args):
            yield f"{module.name}:{call.lineno} suppresses everything"


def bare_type_ignores(module: Module) -> Iterator[str]:
    """An ignored type error is named."""
    for line, comment in module.comments.items():
        if re.search(r"#\s*type:\s*ignore(?!\[[a-z])", comment):
            yield f"{module.name}:{line} type: ignore without a code"


def no_cover_lines(module: Module) -> Iterator[str]:
    """Lines and branches taken out of the coverage."""
    for line, comment in module.comments.items():
        if re.search(r"pragma:\s*no\s*(cover|branch)", comment, re.IGNORECASE):
            yield f"{module.name}:{line}"


# --- tests -----------------------------------------------------------------------------------------------------------

Function = ast.FunctionDef | ast.AsyncFunctionDef
VIRTUAL_CLOCKS = {"autojump_clock", "mock_clock", "MockClock"}
ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def is_slow_mark(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node).endswith("mark.slow")


def module_is_slow(module: Module) -> bool:
    return any(
        isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark" and slow_marks(node.value)
        for node in module.tree.body
    )


def slow_marks(*nodes: ast.AST) -> int:
    return sum(is_slow_mark(inner) for node in nodes for inner in ast.walk(node))


def slow_tests(module: Module) -> Iterator[str]:
    """Each test marked slow; of a parametrized one each marked row, a mark on a class or module counts all it holds."""

    def visit(body: list[ast.stmt], inherited: bool) -> Iterator[str]:
        for node in body:
            if isinstance(node, ast.ClassDef):
                yield from visit(node.body, inherited or bool(slow_marks(*node.decorator_list)))
            elif isinstance(node, Function) and node.name.startswith("test"):
                marks = slow_marks(*node.decorator_list) or int(inherited)
                yield from [f"{module.name}:{node.name}"] * marks

    yield from visit(module.tree.body, module_is_slow(module))


def number(node: ast.expr | None, names: dict[str, float]) -> float | None:
    """The value of an expression of literals and of the module's own constants, where it has one."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            return names.get(name)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            one, two = number(left, names), number(right, names)
            divided_by_zero = isinstance(op, ast.Div) and two == 0
            return None if one is None or two is None or divided_by_zero else ARITHMETIC[type(op)](one, two)
    return None


def mentions_virtual_clock(node: ast.AST) -> bool:
    return any(
        (isinstance(inner, ast.arg) and inner.arg in VIRTUAL_CLOCKS)
        or (isinstance(inner, ast.Name | ast.Attribute) and last_name(inner) in VIRTUAL_CLOCKS)
        or (isinstance(inner, ast.Constant) and isinstance(inner.value, str) and inner.value in VIRTUAL_CLOCKS)
        for inner in ast.walk(node)
    )


def long_sleeps(module: Module) -> Iterator[str]:
    """A test that sleeps for real is short, or marked slow."""
    names: dict[str, float] = {}
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = number(node.value, names)
            if value is not None:
                names[node.targets[0].id] = value

    def visit(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function | ast.ClassDef) and slow_marks(*child.decorator_list):
                continue
            if isinstance(child, Function) and mentions_virtual_clock(child):
                continue
            if isinstance(child, ast.Call) and last_name(child.func) == "sleep":
                seconds = number(argument(child, 0, "seconds"), names)
                if seconds is not None and seconds > MAX_SLEEP and not module.excused(child, "virtual"):
                    yield f"{module.name}:{child.lineno} sleeps {seconds:g} s"
            yield from visit(child)

    virtual = any(
        isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark" and mentions_virtual_clock(node)
        for node in module.tree.body
    )
    if not virtual and not module_is_slow(module):
        yield from visit(module.tree)


# --- the rules hold --------------------------------------------------------------------------------------------------

Rule = Callable[[Module], Iterator[str]]
PACKAGE_MODULES = load(*PACKAGES)
TEST_MODULES = load("tests")
PACKAGE_RULES: list[Rule] = [
    directions,
    dynamic_imports,
    venues_apart,
    hypothesis_in_one_place,
    purity,
    unbounded_queues,
    catch_all,
]


@pytest.mark.parametrize("rule", PACKAGE_RULES, ids=lambda rule: rule.__name__)
def test_packages_keep_the_rule(rule: Rule) -> None:
    """No module of either package breaks it."""
    assert [complaint for module in PACKAGE_MODULES for complaint in rule(module)] == []


def test_there_is_something_to_check() -> None:
    """The rules above were shown both packages and the tests."""
    names = {module.name for module in PACKAGE_MODULES}

    assert set(PACKAGES) <= names
    assert "tests.test_architecture" in {module.name for module in TEST_MODULES}


def test_what_the_rules_name_is_there() -> None:
    """No rule guards a module that has moved away."""
    names = {module.name for module in PACKAGE_MODULES}

    assert {*PURE, *MAY_CATCH_ALL, *FORBIDDEN, "mockserver.strategies"} - names == set()


def test_type_ignores_have_codes() -> None:
    """In the packages, the tests and the project's files."""
    project = [Module(path.stem, path.read_text()) for path in (ROOT / "noxfile.py", ROOT / "docs" / "conf.py")]

    assert [line for module in PACKAGE_MODULES + TEST_MODULES + project for line in bare_type_ignores(module)] == []


def test_few_lines_are_left_out_of_the_coverage() -> None:
    """Both packages together."""
    assert len([line for module in PACKAGE_MODULES for line in no_cover_lines(module)]) <= MAX_NO_COVER


def test_few_tests_are_slow() -> None:
    """The benchmarks are not tests and do not count."""
    slow = [name for module in TEST_MODULES if not module.under("tests.bench") for name in slow_tests(module)]

    assert len(slow) <= MAX_SLOW_TESTS, slow


def test_no_test_sleeps_long() -> None:
    """Unless it is marked slow or runs on a virtual clock."""
    assert [line for module in TEST_MODULES if not module.under("tests.bench") for line in long_sleeps(module)] == []


# --- and each can fail -----------------------------------------------------------------------------------------------

KNOWN = frozenset({"exchstream", "exchstream.model", "exchstream.core", "exchstream.core.session", "exchstream.venues"})
BAD: list[tuple[Rule, str, str]] = [
    (directions, "mockserver.world", "import exchstream"),
    (directions, "mockserver.world", "def f():\n    from exchstream.model import Fill"),
    (directions, "mockserver.world", "import importlib\nimportlib.import_module('exchstream.model')"),
    (directions, "mockserver.world", "__import__('exchstream')"),
    (directions, "mockserver.world", "if TYPE_CHECKING:\n    import exchstream.model as m"),
    (directions, "exchstream.cli", "import mockserver"),
    (directions, "exchstream.cli", "import runpy\nrunpy.run_module('mockserver')"),
    (directions, "exchstream.model", "from .core import venue"),
    (directions, "exchstream.model", "from exchstream.core.venue import Venue"),
    (directions, "exchstream.events", "from exchstream import core"),
    (directions, "exchstream.core.session", "from exchstream.venues.ftx import Ftx"),
    (directions, "exchstream.core.session", "from ..venues import ftx"),
    (directions, "exchstream.core.session", "from exchstream import Fill"),
    (directions, "exchstream.core.session", "from .. import venues"),
    (directions, "exchstream.venues.ftx", "from exchstream.core import session"),
    (directions, "exchstream.venues.ftx", "from exchstream.core.session import Session"),
    (directions, "exchstream.venues.binance.spot", "from ...core.session import Session"),
    (directions, "exchstream.shell.runner", "import exchstream.venues.ftx"),
    (directions, "exchstream.journal.ring", "from exchstream.shell import clock"),
    (directions, "mockserver.engine.matching", "from ..faces import ftx"),
    (directions, "mockserver.faces.ftx", "from mockserver.server import serve"),
    (dynamic_imports, "exchstream.cli", "import_module(name)"),
    (dynamic_imports, "exchstream.cli", "import_module(f'exch{x}')"),
    (dynamic_imports, "exchstream.cli", "import_module(name)  # dynamic import:"),
    (venues_apart, "exchstream.venues.ftx", "from .binance import spot"),
    (venues_apart, "exchstream.venues.binance.spot", "from exchstream.venues.ftx import sign"),
    (venues_apart, "exchstream.venues.ftx", "from exchstream.venues import VENUES"),
    (venues_apart, "exchstream.venues.numbers", "from exchstream.venues.ftx import Ftx"),
    (hypothesis_in_one_place, "mockserver.world", "import hypothesis"),
    (hypothesis_in_one_place, "exchstream.testing", "def f():\n    from hypothesis import strategies"),
    (purity, "exchstream.core.session", "import trio"),
    (purity, "exchstream.core.session", "import time"),
    (purity, "exchstream.core.session", "from random import uniform"),
    (purity, "exchstream.core.session", "import random"),
    (purity, "exchstream.venues.ftx", "from urllib import request\nimport urllib.request"),
    (purity, "exchstream.venues.ftx", "def f():\n    import os"),
    (purity, "exchstream.venues.ftx", "import datetime\ndatetime.datetime.now(datetime.UTC)"),
    (purity, "exchstream.venues.ftx", "from datetime import datetime\nclock = datetime.now"),
    (purity, "exchstream.model", "date.today()"),
    (purity, "exchstream.model", "print(1)"),
    (purity, "exchstream.venues.ftx", "from uuid import uuid4"),
    (purity, "exchstream.venues.ftx", "import uuid\nuuid.uuid4()"),
    (purity, "mockserver.engine", "import random\nrandom.random()"),
    (purity, "mockserver.engine", "import random\nrandom.Random()"),
    (purity, "mockserver.engine.ids", "from random import randint"),
    (purity, "mockserver.faces.ftx", "import h11"),
    (unbounded_queues, "x", "trio.open_memory_channel(math.inf)"),
    (unbounded_queues, "x", "trio.open_memory_channel[int](inf)"),
    (unbounded_queues, "x", "open_memory_channel(max_buffer_size=float('inf'))"),
    (unbounded_queues, "x", "deque()"),
    (unbounded_queues, "x", "collections.deque[int]([1])"),
    (unbounded_queues, "x", "deque(maxlen=None)"),
    (unbounded_queues, "x", "deque()  # bounded:"),
    (unbounded_queues, "x", "field(default_factory=deque)"),
    (unbounded_queues, "x", "defaultdict(deque)"),
    (unbounded_queues, "x", "queue.Queue()"),
    (unbounded_queues, "x", "Queue(maxsize=0)"),
    (unbounded_queues, "x", "Queue(-1)"),
    (unbounded_queues, "x", "queue.SimpleQueue()"),
    (catch_all, "x", "try: f()\nexcept Exception: pass"),
    (catch_all, "x", "try: f()\nexcept BaseException as exc: raise"),
    (catch_all, "x", "try: f()\nexcept (OSError, Exception): pass"),
    (catch_all, "x", "try: f()\nexcept: raise"),
    (catch_all, "x", "try: f()\nexcept* Exception: pass"),
    (catch_all, "x", "with contextlib.suppress(Exception): f()"),
    (bare_type_ignores, "x", "x = 1  # type: ignore"),
    (bare_type_ignores, "x", "x = 1  # type: ignore[]"),
    (no_cover_lines, "x", "x = 1  # pragma: no cover"),
    (no_cover_lines, "x", "if x:  # pragma: no branch\n    pass"),
    (slow_tests, "tests.x", "@pytest.mark.slow\ndef test_x(): pass"),
    (slow_tests, "tests.x", "@pytest.mark.slow\nclass TestX:\n    async def test_x(self): pass"),
    (slow_tests, "tests.x", "pytestmark = [pytest.mark.slow]\ndef test_x(): pass"),
    (slow_tests, "tests.x", "@parametrize('a', [pytest.param(1, marks=pytest.mark.slow)])\ndef test_x(a): pass"),
    (long_sleeps, "tests.x", "async def test_x():\n    await trio.sleep(0.3)"),
    (long_sleeps, "tests.x", "def test_x():\n    time.sleep(seconds=1)"),
    (long_sleeps, "tests.x", "LONG = 0.2\ndef test_x():\n    sleep(2 * LONG)"),
    (long_sleeps, "tests.x", "def helper():\n    time.sleep(1)"),
]
GOOD: list[tuple[Rule, str, str]] = [
    (directions, "exchstream.cli", "subprocess.Popen([sys.executable, '-m', 'mockserver'])"),
    (directions, "exchstream.core.session", "from exchstream import model"),
    (directions, "exchstream.core.session", "from ..model import Fill"),
    (directions, "exchstream.venues.ftx", "from exchstream.core.venue import Venue"),
    (directions, "exchstream.venues", "from .ftx import Ftx"),
    (directions, "exchstreams", "import mockserver"),
    (dynamic_imports, "exchstream.cli", "import_module('websockets')"),
    (dynamic_imports, "exchstream.cli", "# dynamic import: names from our own table\nimport_module(name)"),
    (venues_apart, "exchstream.venues.binance.spot", "from . import wire\nfrom .signing import sign"),
    (venues_apart, "exchstream.venues.binance.spot", "from exchstream.venues.numbers import exact"),
    (venues_apart, "exchstream.venues", "from .ftx import Ftx\nfrom .binance import BinanceSpot"),
    (hypothesis_in_one_place, "mockserver.strategies", "import hypothesis"),
    (purity, "exchstream.shell.clock", "import time\ntime.time()"),
    (purity, "exchstream.venues.ftx", "from urllib.parse import urlencode\nimport hmac"),
    (purity, "exchstream.venues.ftx", "datetime.fromisoformat(text)"),
    (purity, "mockserver.engine", "import random\nrandom.Random(seed)"),
    (unbounded_queues, "x", "trio.open_memory_channel(64)"),
    (unbounded_queues, "x", "deque(maxlen=10)\ndeque([], 10)\nQueue(5)"),
    (unbounded_queues, "x", "x: deque[int] = deque()  # bounded: at most one per account"),
    (unbounded_queues, "x", "# bounded: the room is reserved before\nx = deque()"),
    (catch_all, "exchstream.shell.runner", "try: f()\nexcept Exception: pass"),
    (catch_all, "x", "try: f()\nexcept OSError: pass"),
    (bare_type_ignores, "x", "x = 1  # type: ignore[assignment]\ny = '# type: ignore'"),
    (no_cover_lines, "x", "y = 'pragma: no cover'"),
    (slow_tests, "tests.x", "def test_x(): pass\n@pytest.mark.slow\ndef helper(): pass"),
    (long_sleeps, "tests.x", "async def test_x():\n    await trio.sleep(0.25)"),
    (long_sleeps, "tests.x", "async def test_x(autojump_clock):\n    await trio.sleep(3600)"),
    (
        long_sleeps,
        "tests.x",
        "def test_x():\n    async def f():\n        await sleep(9)\n    trio.run(f, clock=MockClock())",
    ),
    (long_sleeps, "tests.x", "@pytest.mark.slow\ndef test_x():\n    time.sleep(1)"),
    (
        long_sleeps,
        "tests.x",
        "pytestmark = pytest.mark.usefixtures('autojump_clock')\nasync def f():\n    await sleep(9)",
    ),
    (long_sleeps, "tests.x", "async def peer():\n    await trio.sleep(60)  # virtual: only used under MockClock"),
]


def example(name: str, source: str) -> Module:
    return Module(name, source, name in {"exchstream.venues", "mockserver.engine"}, KNOWN)


@pytest.mark.parametrize(("rule", "name", "source"), BAD)
def test_rule_sees_the_bad_example(rule: Rule, name: str, source: str) -> None:
    """A check that cannot fail checks nothing."""
    assert list(rule(example(name, source))) != []


@pytest.mark.parametrize(("rule", "name", "source"), GOOD)
def test_rule_lets_the_good_example_pass(rule: Rule, name: str, source: str) -> None:
    """A check that always fails will be switched off."""
    assert list(rule(example(name, source))) == []


def test_slow_parameters_count_one_by_one() -> None:
    """A table of slow rows is not one slow test."""
    row = "pytest.param({}, marks=pytest.mark.slow)"
    source = f"@parametrize('a', [{row.format(1)}, {row.format(2)}])\ndef test_x(a): pass"

    assert len(list(slow_tests(example("tests.x", source)))) == 2


def test_builtins_are_spelled_right() -> None:
    """What the purity rule bans by name exists."""
    assert {name for name in AMBIENT_BUILTINS | CATCH_ALL if not hasattr(builtins, name)} == set()
