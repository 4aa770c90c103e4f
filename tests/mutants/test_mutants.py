"""Every deliberate bug has its place in the shipped code; one of them is caught here, and the code without it passes.

`python -m tests.mutants` tries them all.
"""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from .__main__ import ROOT, searched, tree
from .bugs import MUTANTS, Mutant

SEED = 900_000


def bug(name: str) -> Mutant:
    """The bug of this name."""
    return next(mutant for mutant in MUTANTS if mutant.name == name)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bug_has_its_place(mutant: Mutant) -> None:
    """It is found once, in the library, and what then stands there is still Python, and another program."""
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    assert mutant.file.startswith("exchstream/")
    assert ast.dump(ast.parse(mutant.of(source))) != ast.dump(ast.parse(source))


def test_the_bugs_are_many_and_different() -> None:
    """Twelve at least, each with a name of its own."""
    assert len(MUTANTS) >= 12
    assert max(Counter(mutant.name for mutant in MUTANTS).values()) == 1


@pytest.mark.parametrize("source", ["", "x = 1\nx = 1\n"])
def test_a_place_that_is_not_there_once_is_refused(source: str) -> None:
    """A refactoring that loses a bug's place is not passed over."""
    with pytest.raises(ValueError, match="and not once"):
        Mutant("x", "x.py", "x = 1", "x = 2", "").of(source)


def test_the_copy_with_the_bug_is_what_is_searched() -> None:
    """The same seeds: caught with the bug in it, and well without it."""
    with tree(bug("key-of-an-order")) as home:
        assert searched(home, SEED, 1, "--steps", "400").kinds
    with tree(None) as home:
        assert not searched(home, SEED, 1, "--steps", "400").kinds
