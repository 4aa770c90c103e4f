"""YAML as plain data with line numbers, and back. The part of YAML that cannot surprise: no tags, no aliases.

A plain word is true, false, null, a number or a text; ``yes``, ``on``, ``12:30`` and dates are texts. Mappings and
lists know the lines on which they and their items stand, so that an error can name one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mockserver.forms import FormError

MAX_CHARACTERS: Final = 4 << 20
MAX_DEPTH: Final = 50
_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,40}")
_NUMBER: Final = re.compile(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?|[-+]?[0-9]+\.")
_WORDS: Final = {"true": True, "false": False, "null": None, "~": None, "": None}


class LineError(ValueError):
    """A text that cannot be meant, with the line."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(f"line {line}: {text}")
        self.text = text
        self.line = line


class Mapped(dict[str, Any]):
    """A mapping that knows on which line it begins, and each of its keys stands."""

    line = 1
    lines: Mapping[str, int] = {}


class Listed(list[Any]):
    """A list that knows on which line it begins, and each of its items stands."""

    line = 1
    lines: tuple[int, ...] = ()


def library() -> Any:
    """PyYAML, imported when it is first needed. ModuleNotFoundError says which extra has it."""
    try:
        import yaml
    except ModuleNotFoundError as error:
        text = "scenarios and stories are YAML, which needs the extra 'test': pip install 'exchstream[test]'"
        raise ModuleNotFoundError(text, name=error.name) from None
    return yaml


def line_of(error: FormError, given: object, otherwise: int) -> int:
    """The line that an error is about: of its key, of its mapping, or of the whole."""
    at = error.given if isinstance(error.given, Mapped) else given
    if not isinstance(at, Mapped):
        return otherwise
    return at.lines.get(error.key, at.line) if isinstance(error.key, str) else at.line


def load(text: str) -> Any:
    """The one document of this text. LineError: it is no YAML, or none of the plain kind."""
    yaml = library()
    if len(text) > MAX_CHARACTERS:
        raise LineError(f"more than {MAX_CHARACTERS} characters", 1)
    try:
        node = _classes()[0](text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise LineError(f"this is no YAML: {error.problem or error.context}", mark.line + 1 if mark else 1) from None
    except yaml.YAMLError as error:
        raise LineError(f"this is no YAML: {str(error).splitlines()[0]}", 1) from None
    return None if node is None else _plain(yaml, node)


def dump_flow(value: object) -> str:
    """A value on one line; ``load`` reads it again."""
    options = {"default_flow_style": True, "width": float("inf"), "sort_keys": False, "allow_unicode": True}
    text: str = library().dump(value, Dumper=_classes()[1], **options)
    return text.removesuffix("\n").removesuffix("\n...")


@functools.cache
def _classes() -> tuple[Any, Any]:
    """A loader that refuses what is not plain, and a dumper that quotes every text that would be read as another."""
    yaml = library()

    class Loader(yaml.SafeLoader):  # type: ignore[misc, name-defined]
        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            event = self.peek_event()
            line = event.start_mark.line + 1
            if isinstance(event, yaml.AliasEvent):
                raise LineError("an alias (*) cannot be used here", line)
            if event.tag is not None:
                raise LineError(f"a tag ({event.tag}) cannot be used here", line)
            if self.depth >= MAX_DEPTH:
                raise LineError(f"it is nested more than {MAX_DEPTH} deep", line)
            self.depth += 1
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

    class Dumper(yaml.SafeDumper):  # type: ignore[misc, name-defined]
        pass

    def represent(dumper: Any, text: str) -> Any:
        style = '"' if not text.isprintable() else None if isinstance(_scalar(text), str) else "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    return Loader, Dumper


def _plain(yaml: Any, node: Any) -> Any:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return _mapped(yaml, node, line)
    if isinstance(node, yaml.SequenceNode):
        listed = Listed(_plain(yaml, item) for item in node.value)
        listed.line, listed.lines = line, tuple(item.start_mark.line + 1 for item in node.value)
        return listed
    return _scalar(node.value) if node.style is None else node.value


def _mapped(yaml: Any, node: Any, line: int) -> Mapped:
    mapped, lines = Mapped(), {}
    for key, value in _items(yaml, node):
        at = key.start_mark.line + 1
        if key.value in mapped:
            raise LineError(f"{key.value!r} is given twice", at)
        mapped[key.value] = _plain(yaml, value)
        lines[key.value] = at
    mapped.line, mapped.lines = line, lines
    return mapped


def _items(yaml: Any, node: Any) -> Iterator[tuple[Any, Any]]:
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise LineError("a key is a word", key.start_mark.line + 1)
        yield key, value


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
