"""Sphinx configuration. Nothing here needs a network: no intersphinx."""

import tomllib
from pathlib import Path

_project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]

project = "exchstream"
author = "exchstream contributors"
copyright = "2026, exchstream contributors"
version = release = _project["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_member_order = "bysource"
# Names of the standard library, which is not linked to (no network), type variables, and what nobody makes by hand.
nitpick_ignore = [
    ("py:class", name)
    for name in (
        "collections.abc.AsyncIterator",
        "collections.abc.Callable",
        "collections.abc.Iterator",
        "collections.abc.Mapping",
        "collections.abc.Sequence",
        "decimal.Decimal",
        "Journal",
        "Runner",
        "exchstream.model.V",
        "os.PathLike",
        "pathlib.Path",
        "prometheus_client.metrics_core.Metric",
    )
]

html_theme = "furo"
html_title = f"exchstream {release}"
