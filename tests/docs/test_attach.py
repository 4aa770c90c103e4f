"""What the page about attaching lists is what the code has; the image installs what the mock imports."""

import ast
import re
import sys
import tomllib

from mockserver.attach.command import parser
from mockserver.attach.environment import BUNDLES, PROXIES
from mockserver.hosts import DOMAINS
from mockserver.snippets import CLIENTS

from .test_tables import DOCS, ROOT, names, tables

PAGE = "mock/attach.md"
NOT_IN_THE_IMAGE = {"certifi", "cryptography", "hypothesis", "pytest"}
"""Used where it is there (certifi), brought by trustme (cryptography), or for tests."""


def test_the_options_of_exec_are_listed() -> None:
    """Every one, and none that is not there."""
    options = {text for action in parser()._actions for text in action.option_strings if text not in ("-h", "--help")}
    assert options == {name for row in tables(PAGE, "option of `exec`", "default") for name in names(row[0])}


def test_each_client_has_its_row() -> None:
    """What it is, with which version its lines were executed, and what it needs."""
    rows = [
        [each.name, each.package, ", ".join(each.lines), each.tried or "not executed", each.proxy] for each in CLIENTS
    ]
    assert rows == tables(PAGE, "client", "from")


def test_variables_and_domains_are_listed() -> None:
    """Those that are set, those that are held."""
    text = (DOCS / PAGE).read_text()
    assert [name for name in (*PROXIES, *BUNDLES, *DOMAINS) if f"`{name}`" not in text] == []


def test_the_image_installs_what_the_mock_imports() -> None:
    """With the bounds of the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    known = {*project["dependencies"], *extras["test"], *extras["metrics"]}
    installed = set(re.findall(r'"([a-z0-9-]+>=[\d.]+)"', (DOCS / "mock" / "Dockerfile").read_text()))
    assert installed <= known
    imported = set()
    for path in (ROOT / "mockserver").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
    others = imported - sys.stdlib_module_names - {"mockserver"} - NOT_IN_THE_IMAGE
    aliases = {"attr": "attrs", "prometheus_client": "prometheus-client", "yaml": "pyyaml"}
    assert {aliases.get(name, name) for name in others} == {text.partition(">")[0] for text in installed}
