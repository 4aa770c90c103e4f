"""Writes the mock's pages of faults and scenarios: one for each kind and each file, and the lists that lead to them.

    python -m tests.docs.pages

All of it comes from the code and the files. Of a fault three things are written by hand, in its own page, and kept:
what it finds, what a right bot does, and the example from which the ways to arm it are made. A kind that is new has its
page with marks where they are missing (or takes them from a section ``## `kind` `` of the list of faults).
`test_pages` holds the pages to it.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from mockserver import plain_yaml
from mockserver.durations import format_duration
from mockserver.faces.base import HttpRequest
from mockserver.faults import KINDS, Fault, magic
from mockserver.faults.kinds import EitherWay
from mockserver.forms import NS, value_schema
from mockserver.player import shelf
from mockserver.player.checks import CHECKS
from mockserver.story import Step, Story, bare
from tests.scenarios.bot import FLAWS
from tests.scenarios.test_scenarios import TABLE

DOCS: Final = Path(__file__).parents[2] / "docs" / "mock"
SCENARIOS: Final = DOCS / "scenarios.md"
FAULTS: Final = DOCS / "faults.md"
BEGIN: Final = "## The scenarios\n"
KINDS_BEGIN: Final = "## The kinds\n"
LEGAL: Final = {True: "It can happen at the real venue.", False: "It cannot happen at the real venue."}
MISSING: Final = "(to be written by hand)"
FINDS, RIGHT, ARM = "## What it finds\n", "## What a right bot does\n", "## How to arm it\n"
MAGIC: Final = (
    *("m-reject-2010", "m-timeout-accepted", "m-timeout-lost", "m-timeout-late", "m-never", "m-drop-conn"),
    *("m-event-first", "m-partial-3", "m-fill-after-2s"),
)


def seam_words(kind: Any) -> str:
    """What a fault befalls, in words."""
    known = {
        "request": "a request",
        "dial": "a handshake",
        "wire": "the bytes of a WebSocket, or of one request by REST and its answer",
        "frame": "a frame to the client",
        "tls": "a TLS handshake",
    }
    return known[kind.seam] + (", or one from it (`of: client`)" if issubclass(kind, EitherWay) else "")


# ------------------------------------------------------------------------------------------------ faults


@attrs.frozen
class Own:
    """What is written by hand of a fault."""

    finds: str = MISSING
    right: str = MISSING
    example: str = MISSING


def own_words(word: str) -> Own:
    """What is written by hand of this kind: in its page, or in a section of the list."""
    page = FAULTS.with_suffix("") / f"{word}.md"
    if page.exists():
        text = page.read_text()
        example = re.search(r"^    - fault: (.+)$", text, re.MULTILINE)
        return Own(_section(text, FINDS), _section(text, RIGHT), example[1] if example else MISSING)
    _, _, section = FAULTS.read_text().partition(f"\n## `{word}`\n")
    parts = section.partition("\n## ")[0].strip().split("\n\n")[1:]
    words = [part for part in parts if not part.startswith(("Scenarios: ", "    - fault: "))]
    found = [part.removeprefix("    - fault: ") for part in parts if part.startswith("    - fault: ")]
    return Own("\n\n".join(words) or MISSING, MISSING, found[0] if found else MISSING)


def _section(text: str, head: str) -> str:
    return text.partition(head)[2].partition("\n## ")[0].strip() or MISSING


def said(kind: Any) -> str:
    """The first paragraph of its docstring."""
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())


def fault_page(word: str) -> str:
    """The whole page of a kind."""
    kind, own = KINDS[word], own_words(word)
    legal = LEGAL[kind().legal]
    users = [name for name in shelf.names() if word in _faults_of(shelf.read(name))]
    scenarios = (
        ", ".join(f"[{name}](../scenarios/{name}.md)" for name in users) or "None of those that are shipped yet."
    )
    return "\n".join(
        [
            f"# `{word}`",
            "",
            f"{said(kind)} It befalls {seam_words(kind)}. {legal}",
            "",
            *parameters(kind),
            "",
            "Beside them stand [`match`](../../mock.md#faults) (to which things it happens), `probability` and `name`.",
            "",
            FINDS,
            own.finds,
            "",
            RIGHT,
            own.right,
            "",
            ARM,
            *arming(own.example),
            *_by_client_ids(word),
            "## Scenarios\n",
            scenarios,
            "",
        ]
    )


def parameters(kind: Any) -> list[str]:
    """A table of its parameters; what is said of one stands in the code below it."""
    fields, schemas, meanings = attrs.fields(kind), value_schema(kind)["properties"], dict(_meanings(kind))
    if not fields:
        return ["It has no parameters."]
    rows = ["| parameter | takes | default | meaning |", "|---|---|---|---|"]
    for field in fields:
        name = field.name.removesuffix(NS)
        default = "none" if field.default in (None, "") else f"`{_plain_default(field)}`"
        rows.append(f"| `{name}` | {_takes(field, schemas[name])} | {default} | {meanings.get(field.name, '')} |")
    return rows


def _plain_default(field: Any) -> str:
    if field.name.endswith(NS):
        return format_duration(field.default)
    return json.dumps(field.default) if isinstance(field.default, bool | str) else str(field.default)


def _takes(field: Any, schema: Mapping[str, Any]) -> str:
    """What a parameter takes, with its unit and its bounds."""
    options = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    choices = [f"`{choice}`" for each in options for choice in each.get("enum", ())]
    if choices:
        return ", ".join(choices)
    if field.name.endswith(NS):
        return "a duration (`250ms`, `2s`, `1h`)"
    units = {"percent": "percent", "bytes_per_s": "bytes a second", "_s": "seconds", "bytes": "bytes"}
    unit = next((words for ending, words in units.items() if field.name.endswith(ending)), "")
    kinds = {"integer": "a whole number", "string": "text", "boolean": "`true` or `false`", "number": "a number"}
    kinds["array"] = "a list of text"
    what = " or ".join(kinds[each["type"]] for each in options)
    bounds = " ".join(_bounds(field.validator))
    return " ".join(part for part in (what, f"of {unit}" if unit else "", bounds) if part)


def _bounds(validator: Any) -> Iterator[str]:
    """`ge` and `le` of attrs, in words."""
    inner = getattr(validator, "_validators", None) or [getattr(validator, "validator", None)]
    if isinstance(inner, tuple | list):
        for each in inner:
            yield from _bounds(each) if each is not None else ()
    words = {">=": "from", "<=": "to", ">": "above", "<": "below"}
    if (bound := getattr(validator, "bound", None)) is not None:
        yield f"{words[validator.compare_op]} {bound}"


def _meanings(kind: type) -> Iterator[tuple[str, str]]:
    """What stands in the code below each field."""
    (made,) = ast.parse(inspect.getsource(kind).strip()).body
    assert isinstance(made, ast.ClassDef)
    for field, below in zip(made.body, made.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            yield field.target.id, " ".join(ast.literal_eval(below.value).split())


def arming(example: str) -> list[str]:
    """The same fault in a scenario, by the control API, and in pytest."""
    if example == MISSING:
        return [f"    - fault: {MISSING}", ""]
    given = bare(plain_yaml.load(example))
    sent = json.dumps({"fault": given})
    kind = KINDS[given if isinstance(given, str) else next(key for key in given if key in KINDS)]
    in_pytest = [
        "In [pytest](../pytest.md):\n",
        f"    with mock_exchange.{python_call(example)}:",
        "        ...\n",
    ]
    where = "It is armed only where the mock speaks TLS, with `--tls` or by `exec`; anywhere else that is refused.\n"
    return [
        *([where] if kind.seam == "tls" else []),
        "In a [scenario](../scenarios.md):\n",
        f"    - fault: {example}\n",
        "By the [control API](../../mock.md#control-api) of a mock that runs:\n",
        f"    curl -d '{sent}' http://127.0.0.1:8080/__mock/faults\n",
        *([] if kind.seam == "tls" else in_pytest),  # whose mock speaks none
        "On [the page](../page.md) it is chosen from the list of faults.\n",
    ]


def python_call(example: str) -> str:
    """The call of the fixture that arms the same."""
    given = bare(plain_yaml.load(example))
    given = {given: None} if isinstance(given, str) else given
    word = next(key for key in given if key in KINDS)
    named = {**(given[word] or {}), **{key: value for key, value in given.items() if key not in (word, "match")}}
    own = value_schema(KINDS[word])["properties"]
    for key, value in (given.get("match") or {}).items():
        if key in own:  # the fault's own parameter would be meant
            named.setdefault("match", {})[key] = value
        else:
            named[key] = value
    odd = {key: value for key, value in named.items() if key in ("for", "from", "is", "in", "as")}
    words = [
        json.dumps(word),
        *(f"{key}={value!r}".replace("'", '"') for key, value in named.items() if key not in odd),
    ]
    return f"fault({', '.join([*words, *([f'**{json.dumps(odd)}'] if odd else [])])})"


def _literal(value: object) -> str:
    """As Python writes it, with the quotes that the other examples have."""
    return repr(value).replace("'", '"') if isinstance(value, str | dict) else repr(value)


def _by_client_ids(word: str) -> list[str]:
    """The client order ids that ask for it."""
    asked = {each: magic(HttpRequest("POST", f"/api/v3/order?newClientOrderId={each}")) for each in MAGIC}
    ids = [f"`{each}`" for each, found in asked.items() if found is not None and type(found[1]) is KINDS[word]]
    if not ids:
        return []
    return [f"An order asks for it by [its client order id](../more-faults.md): {', '.join(ids)}.\n"]


def _faults_of(story: Story) -> set[str]:
    return {word for step in _all(story) if isinstance(step.arg, Fault) for word in KINDS if _is(step.arg, word)}


def _is(fault: Fault, word: str) -> bool:
    return type(fault.kind) is KINDS[word]


def faults_page() -> str:
    """The list of faults."""
    above = re.split(r"^## ", FAULTS.read_text(), maxsplit=1, flags=re.MULTILINE)[0]
    rows = [
        f"| [`{word}`](faults/{word}.md) | {said(kind)} | {seam_words(kind)} | {'yes' if kind().legal else 'no'} |"
        for word, kind in KINDS.items()
    ]
    table = ["| kind | what happens | it befalls | can happen at the real venue |", "|---|---|---|---|", *rows]
    return above + "\n".join([KINDS_BEGIN, *table, "", *_tree("faults", KINDS)])


def _tree(folder: str, names: Any) -> list[str]:
    return ["```{toctree}", ":hidden:", "", *(f"{folder}/{name}" for name in names), "```", ""]


# ------------------------------------------------------------------------------------------------ scenarios


def scenario_page(name: str) -> str:
    """The whole page of a scenario."""
    story, case = shelf.read(name), TABLE[name]
    file = (shelf.SHELF / f"{name}.yaml").read_text().partition("\n")[2]
    checks = [each for step in story.ending if step.what == "check" for each in step.arg]
    faults = ", ".join(f"[`{word}`](../faults/{word}.md)" for word in KINDS if word in _faults_of(story))
    do = f" --do {case.do}" if case.do else ""
    return "\n".join(
        [
            f"# {name}",
            "",
            _sentence(story.about),
            "",
            f"What a client must do: {_sentence(story.must)}",
            "",
            f"Who says so: {_sentence(story.source)}",
            "",
            *([f"Faults: {faults}.", ""] if faults else []),
            "## The file\n",
            f"```yaml\n{file}```",
            "",
            "In the end:\n",
            *(f"* `{each}`: {CHECKS[each].about}" for each in checks),
            *(["* the expectations of `verify`"] if any(step.what == "verify" for step in story.ending) else []),
            "",
            "## To play it\n",
            f"    python -m mockserver run {name} -- python my_bot.py\n",
            "In [pytest](../pytest.md#scenarios), with the fixture `mock_exchange`:\n",
            f'    @pytest.mark.mock(scenario="{name}")\n',
            "## Who is caught\n",
            f"A bot that {FLAWS[case.flaw]}. In the repository there is one; the verdict says `{case.words}`:\n",
            f"    python -m mockserver run {name} -- python -m tests.scenarios{do} --flaw {case.flaw}\n",
            "The same bot without the flaw passes:\n",
            f"    python -m mockserver run {name} -- python -m tests.scenarios{do}\n",
            *([] if case.do else ["So does exchstream, as it is.\n"]),
        ]
    )


def _all(story: Story) -> list[Step]:
    return [*story.before, *story.steps]


def _sentence(text: str) -> str:
    return text if text.endswith((".", '"')) else f"{text}."


def scenarios_page() -> str:
    """The page with the list as it must be."""
    above = SCENARIOS.read_text().partition(BEGIN)[0]
    stories = {name: shelf.read(name) for name in shelf.names()}
    rows = [f"| [{name}](scenarios/{name}.md) | `{story.venue}` | {story.name} |" for name, story in stories.items()]
    table = ["| scenario | venue | what happens |", "|---|---|---|", *rows]
    return above + "\n".join([BEGIN, *table, "", *_tree("scenarios", stories)])


def pages() -> Iterator[tuple[Path, str]]:
    """Every page that is generated, and what it must say."""
    for word in KINDS:
        yield FAULTS.with_suffix("") / f"{word}.md", fault_page(word)
    for name in shelf.names():
        yield SCENARIOS.with_suffix("") / f"{name}.md", scenario_page(name)
    yield FAULTS, faults_page()
    yield SCENARIOS, scenarios_page()


if __name__ == "__main__":
    for path, text in list(pages()):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
