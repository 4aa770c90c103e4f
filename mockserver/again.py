"""The line that repeats a run: the command that began it, with the seed that its chance came from.

What it does not do: repeat what the client does of its own will.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

Again: TypeAlias = Callable[[str, int], str]
"""The line for a world of this name and seed."""
DEFAULT: Final = "default"
YOURS: Final = "<your command>"


def of_server(words: Sequence[str] = (), command: Sequence[str] = ()) -> Again:
    """The line for a mock that was started with these words, perhaps around a command.

    A world besides the first has to be made again, too.
    """
    kept, rest = [], iter(words)
    for word in rest:
        if word == "--seed":
            next(rest, None)
        elif not word.startswith("--seed="):
            kept.append(word)

    def line(world: str, seed: int) -> str:
        behind = ["--", *command] if command else []
        started = f"python -m mockserver {shlex.join([*kept, '--seed', str(seed), *behind])}"
        made = json.dumps({"name": world, "seed": seed})
        return started if world == DEFAULT else f"{started}, then POST /__mock/worlds {made}"

    return line


def of_scenario(name: str, seed: int, command: Sequence[str] = ()) -> str:
    """The line for a scenario that was played against a command."""
    return f"python -m mockserver run {shlex.quote(name)} --seed {seed} -- {shlex.join(command or [YOURS])}"


def of_test(test: str, seed: int) -> str:
    """The line for a test of the pytest plugin."""
    return f"python -m pytest {shlex.quote(test)} --mock-seed {seed}"
