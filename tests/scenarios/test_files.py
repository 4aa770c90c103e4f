"""The files of the scenarios: the schema is the one that the verbs make, every file is of it, and says what it must."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver import plain_yaml
from mockserver.player import shelf
from mockserver.player.schema import schema
from mockserver.player.verbs import VERBS
from mockserver.story import Story, dump, parse

SCHEMA = shelf.SHELF / "schema.json"


def test_the_schema_is_the_verbs() -> None:
    """Written anew by `python -m mockserver scenarios --schema`."""
    assert json.loads(SCHEMA.read_text()) == json.loads(json.dumps(schema()))


def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize("name", shelf.names())
def test_the_file_is_of_the_schema(name: str) -> None:
    """An editor that knows the schema finds nothing in it."""
    text = (shelf.SHELF / f"{name}.yaml").read_text()
    assert list(validator().iter_errors(plain_yaml.load(text))) == []
    assert text.startswith("# yaml-language-server: $schema=./schema.json\n")


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": [{"wiat": "1s"}]},
        {"steps": [{"wait": "1 second"}]},
        {"steps": [{"wait": {"request": "GET /x", "ws": "y"}}]},
        {"steps": [{"fault": {"disconnect": {"cod": 1006}}}]},
        {"steps": ["trade"]},
        {"steps": [{"check": ["no_fill_lost"]}]},
        {"finally": [{"check": ["no_fills_lost"]}]},
        {"finally": [{"wait": "1s"}]},
        {"venue": "binance"},
        {"liquidity": "replay"},
        {"setup": {"patients": "1s"}},
        {"nmae": "x"},
    ],
)
def test_the_schema_finds_what_the_player_refuses(wrong: dict[str, Any]) -> None:
    """A slip is underlined in the editor."""
    good: dict[str, Any] = {"mock": 1, "venue": "ftx", "liquidity": "replay:trades.csv#BTC/USD", "steps": []}
    assert list(validator().iter_errors(good)) == []
    assert list(validator().iter_errors(good | wrong)) != []


@pytest.mark.parametrize("name", shelf.names())
def test_the_file_says_what_it_must(name: str) -> None:
    """What happens, what a client must do, and who says so; and it is the same story when it is written anew."""
    story: Story = shelf.read(name)
    assert all((story.name, story.about, story.must, story.source, story.ending))
    assert parse(dump(story, VERBS), VERBS) == story
