"""``python -m mockserver run`` and ``python -m mockserver scenarios``.

Exit codes: 0 all is well; 1 the client failed; 2 wrong usage; 3 the command could not be started or died;
130 interrupted.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Sequence
from typing import Final

import trio

from mockserver.again import of_scenario
from mockserver.arguments import EXIT_USAGE, Parser
from mockserver.command import say
from mockserver.player import shelf
from mockserver.player.playing import SetupError, Verdict, left_out
from mockserver.player.schema import schema
from mockserver.player.shell import ENVIRONMENT, run
from mockserver.player.words import lines, row
from mockserver.story import Story, StoryError

EXIT_FAILED: Final = 1
EXIT_DIED: Final = 3
EXIT_INTERRUPTED: Final = 130


def parser() -> Parser:
    """The arguments of ``run``."""
    made = Parser(
        prog="python -m mockserver run",
        description="Play a scenario against a command, and say whether it did what it must.",
        epilog=f"The command is told by its environment ({', '.join(ENVIRONMENT)}) or by placeholders in its "
        f"arguments ({', '.join(f'{{{name}}}' for name in ENVIRONMENT.values())}) where the mock is.",
    )
    made.add_argument("scenario", help="a file, or the name of one that is shipped (python -m mockserver scenarios)")
    made.add_argument("--seed", type=int, help="all chance comes from this number (default: the scenario's)")
    made.add_argument("--json", action="store_true", help="print the verdict as JSON")
    made.add_argument("--strict", action="store_true", help="refuse a story of which something must be left out")
    made.add_argument("command", nargs="*", metavar="-- command", help="what to run, and its arguments")
    return made


def main(argv: Sequence[str]) -> int:
    """Run one scenario; the exit code."""
    own, there, command = _divided(list(argv))
    args = parser().parse_args(own)
    command = command if there else args.command
    if not command:
        return _fail("what is to be run? python -m mockserver run SCENARIO -- command", EXIT_USAGE)
    try:
        story = shelf.read(args.scenario)
        without = left_out(story)
        if without and args.strict:
            return _fail(f"{args.scenario}: {without[0]} befalls the client's own process: not played", EXIT_USAGE)
        for line in without:
            print(f"mockserver: left out: {line} befalls the client's own process", file=sys.stderr)
        seed = _seed(args.seed, story)
        again = of_scenario(args.scenario, seed, command)
        outcome = trio.run(run, story, command, seed, again)
    except (shelf.NoScenario, StoryError, SetupError, ModuleNotFoundError) as error:
        where = f"{args.scenario}: " if isinstance(error, StoryError | SetupError) else ""
        return _fail(f"{where}{error}", EXIT_USAGE)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    if outcome is None:
        return EXIT_INTERRUPTED
    _say(outcome, story, again, as_json=args.json)
    if outcome.died:
        return EXIT_DIED
    return 0 if outcome.ok else EXIT_FAILED


def scenarios(argv: Sequence[str]) -> int:
    """List those that are shipped."""
    made = Parser(prog="python -m mockserver scenarios", description="The scenarios that are shipped.")
    made.add_argument("--schema", action="store_true", help="print the JSON Schema of the form instead, for editors")
    if made.parse_args(argv).schema:
        say(json.dumps(schema(), indent=1))
        return 0
    try:
        stories = {name: shelf.read(name) for name in shelf.names()}
    except ModuleNotFoundError as error:
        return _fail(str(error), EXIT_USAGE)
    say("\n".join(f"{name:<24} {story.venue:<22} {story.name}" for name, story in stories.items()))
    return 0


def _divided(argv: list[str]) -> tuple[list[str], bool, list[str]]:
    if "--" not in argv:
        return argv, False, []
    place = argv.index("--")
    return argv[:place], True, argv[place + 1 :]


def _seed(given: int | None, story: Story) -> int:
    if given is not None:
        return given
    return secrets.randbelow(2**32) if story.seed is None else story.seed


def _say(verdict: Verdict, story: Story, again: str, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(row(verdict) | {"left_out": left_out(story), "again": again}))
        return
    say("\n".join([*lines(verdict, story), *([] if verdict.ok else [f"  again: {again}"])]))


def _fail(text: str, code: int) -> int:
    print(f"mockserver: {text}", file=sys.stderr)
    return code
