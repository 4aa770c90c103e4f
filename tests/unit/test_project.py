"""The project's own files agree with each other."""

import ast
import os
import re
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT: dict[str, Any] = PYPROJECT["project"]


def readme_commands() -> list[str]:
    """The shell lines of the README, in order."""
    return [line for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]


def nox_options() -> dict[str, Any]:
    """The literal ``nox.options.x = y`` of noxfile.py."""
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    return {
        node.targets[0].attr: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Attribute)
        and ast.unparse(node.targets[0]).startswith("nox.options.")
    }


def test_the_readme_has_two_commands() -> None:
    """One line for the demo, one for the tests, both without touching the system's Python."""
    demo, tests = readme_commands()

    assert demo.endswith(".venv/bin/exchstream demo")
    assert tests.endswith(".nox-venv/bin/nox")
    assert all(command.startswith("python3 -m venv ") for command in (demo, tests))


def test_ci_runs_the_readme_command() -> None:
    """.ci/run contains the README's test command as a line of its own, and can be executed."""
    script = ROOT / ".ci" / "run"

    assert readme_commands()[1] in script.read_text().splitlines()
    assert script.stat().st_mode & stat.S_IXUSR


@pytest.mark.parametrize(("nox_exit", "expected"), [(0, 0), (3, 3)])
def test_ci_ends_as_nox_ends(tmp_path: Path, nox_exit: int, expected: int) -> None:
    """.ci/run fails when nox fails, names the Pythons that ran, and needs no pyenv."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_bytes((ROOT / ".ci" / "run").read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    fake = tmp_path / "fake"
    fake.mkdir()
    nox = f"#!/bin/bash\\necho '* tests-3.11: success'\\nexit {nox_exit}\\n"
    python3 = (
        '#!/bin/bash\nif [ "$1" = -m ]; then mkdir -p .nox-venv/bin && cd .nox-venv/bin && '
        f"printf '#!/bin/bash\\n' >pip && printf \"{nox}\" >nox && chmod +x pip nox; fi\n"
    )
    (fake / "python3").write_text(python3)
    (fake / "chromedriver").write_text("#!/bin/bash\n")  # else it would be installed
    for program in (fake / "python3", fake / "chromedriver"):
        program.chmod(0o755)

    done = subprocess.run(
        ["bash", str(tmp_path / ".ci" / "run")],
        env={"PATH": f"{fake}:/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == expected, done.stderr
    assert done.stdout.splitlines()[-1] == "* tests-3.11: success"


def test_ci_takes_the_newest_patch_of_each_python(tmp_path: Path) -> None:
    """Where pyenv exists, its Pythons from the classifiers are made visible, the newest first."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_bytes((ROOT / ".ci" / "run").read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    shims = tmp_path / "root" / "shims"
    shims.mkdir(parents=True)
    (shims / "python3").write_text('#!/bin/bash\necho "chosen $PYENV_VERSION" >&2\nexit 1\n')
    (tmp_path / "pyenv").write_text(
        f'#!/bin/bash\nif [ "$1" = root ]; then echo {tmp_path}/root; else '
        "printf '%s\\n' 2.7.18 3.10.13 3.11.7 3.12.9 3.12.10 3.13.0rc1 3.13.0 pypy3.11-7.3; fi\n"
    )
    for program in (shims / "python3", tmp_path / "pyenv"):
        program.chmod(0o755)

    done = subprocess.run(
        ["bash", str(tmp_path / ".ci" / "run")],
        env={"PATH": f"{tmp_path}:{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "chosen 3.13.0:3.12.10:3.11.7" in done.stderr
    assert done.stdout == "pyenv offers: 3.13.0 3.12.10 3.11.7\n"


def test_default_sessions() -> None:
    """Plain ``nox`` runs every check that has a time limit, and none that has not."""
    assert nox_options()["sessions"] == ["lint", "typing", "docs", "tests", "coverage", "clients", "simulation"]


def test_a_missing_python_is_skipped_in_ci_too() -> None:
    """nox would fail on a missing interpreter where CI is set, and uv would fetch it; they are told not to."""
    assert nox_options()["error_on_missing_interpreters"] is False
    assert nox_options()["download_python"] == "never"


def test_supported_pythons() -> None:
    """The oldest classifier is what requires-python says, and ruff and mypy check for it."""
    minors = [int(match[1]) for line in PROJECT["classifiers"] if (match := re.search(r":: 3\.(\d+)$", line))]

    assert minors == list(range(11, 15))
    assert PROJECT["requires-python"] == f">=3.{minors[0]}"
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py3{minors[0]}"
    assert PYPROJECT["tool"]["mypy"]["python_version"] == f"3.{minors[0]}"


def test_both_packages_are_typed_and_covered() -> None:
    """Both packages are in the wheel, say that they are typed, and are covered with nothing left out."""
    packages = ["exchstream", "mockserver"]

    assert PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == packages
    assert [(ROOT / name / "py.typed").read_text() for name in packages] == ["", ""]
    coverage = PYPROJECT["tool"]["coverage"]
    assert coverage["run"]["source_pkgs"] == packages
    assert coverage["report"]["fail_under"] >= 95
    assert not {"omit", "exclude_lines", "exclude_also", "include"} & {*coverage["run"], *coverage["report"]}


def test_changelog_names_the_version() -> None:
    """The version in pyproject.toml is one that the changelog knows."""
    assert PROJECT["version"] in (ROOT / "CHANGELOG.md").read_text()
