"""Every ``python`` block of the README and the docs runs, from top to bottom, one namespace per document.

A block may await at its top level; it then runs on trio. A bot that ends only by Ctrl-C stands behind
``<!-- endless -->``: it is ended when it has printed a few lines. ``<!-- skip: next "why" -->`` before a block keeps it
from running (the reason is required); it must still be valid Python.
"""

import ast
import inspect
from pathlib import Path
from types import FunctionType
from typing import Any
from unittest import SkipTest

import pytest
import trio
from sybil import Document, Example
from sybil.parsers.myst import CodeBlockParser, SkipParser

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)]

ENDLESS = "<!-- endless -->"
ENOUGH_LINES = 5


class Enough(Exception):
    """An endless bot has printed its lines."""


def run_block(example: Example) -> None:
    if not example.document.text[: example.start].rstrip().endswith(ENDLESS):
        execute(example)
        return
    printed: list[object] = []

    def count(*words: object) -> None:
        printed.append(words)
        if len(printed) == ENOUGH_LINES:
            raise Enough

    # What a handler raises comes out of the stream's block as itself, so this ends a bot like Ctrl-C does.
    example.namespace["print"] = count
    with pytest.raises(Enough):
        execute(example)
    del example.namespace["print"]


def execute(example: Example) -> None:
    path, first_line = Path(example.document.path), example.line + example.parsed.line_offset
    source = example.parsed
    for written, real in example.namespace.get("__addresses__", {}).items():
        source = source.replace(written, real)
    code = compile("\n" * first_line + source, path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    block = FunctionType(code, example.namespace)
    if code.co_flags & inspect.CO_COROUTINE:
        trio.run(block)
    else:
        block()


def run_document(path: Path, namespace: dict[str, Any]) -> tuple[int, list[str]]:
    """How many blocks ran, and the reasons of those that were skipped."""
    document = Document.parse(str(path), CodeBlockParser("python", run_block), SkipParser())
    document.namespace.update(namespace)
    ran, skipped = 0, []
    for example in document.examples():
        is_block = example.region.evaluator is run_block
        if is_block:
            compile(example.parsed, path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        try:
            example.evaluate()
        except SkipTest as skip:
            skipped.append(str(skip))
        else:
            ran += is_block
    return ran, skipped


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in DOCUMENTS])
def test_examples_of_the_document_run(path: Path, namespace: dict[str, Any]) -> None:
    """The reader can type the examples."""
    run_document(path, namespace)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "page.md"
    path.write_text(text)
    return path


def test_blocks_share_names_and_may_await(tmp_path: Path) -> None:
    """Blocks run in order, and one that awaits runs on trio."""
    first = "```python\nimport trio\nseen.append(1)\n```\n"
    second = "```python\nawait trio.lowlevel.checkpoint()\nseen.append(2)\n```\n"
    seen: list[int] = []

    assert run_document(write(tmp_path, first + "text\n" + second), {"seen": seen}) == (2, [])
    assert seen == [1, 2]


def test_a_failing_block_fails_with_its_line(tmp_path: Path) -> None:
    """The traceback names the line of the document."""
    with pytest.raises(ZeroDivisionError) as caught:
        run_document(write(tmp_path, "# title\n\n```python\nx = 1\nx / 0\n```\n"), {})

    assert caught.traceback[-1].lineno + 1 == 5


def test_an_endless_block_is_ended(tmp_path: Path) -> None:
    """After its lines, and only for as long as the block runs; one that ends by itself is not endless."""
    endless = f"{ENDLESS}\n\n```python\nwhile True:\n    count += 1\n    print(count)\n```\n"
    after = "```python\nassert count == 5\nprint(count)\n```\n"
    assert run_document(write(tmp_path, endless + after), {"count": 0}) == (2, [])
    with pytest.raises(BaseException, match="DID NOT RAISE"):
        run_document(write(tmp_path, endless.replace("while True", "if count == 0")), {"count": 0})


def test_a_skipped_block_does_not_run(tmp_path: Path) -> None:
    """Its reason is reported; the block after it runs."""
    text = '<!-- skip: next "no keys here" -->\n\n```python\n1 / 0\n```\n\n```python\nx = 1\n```\n'

    assert run_document(write(tmp_path, text), {}) == (1, ["no keys here"])


def test_a_skipped_block_must_be_python(tmp_path: Path) -> None:
    """A skipped block is still read."""
    with pytest.raises(SyntaxError):
        run_document(write(tmp_path, '<!-- skip: next "no keys here" -->\n\n```python\nx = = 1\n```\n'), {})
