"""Every recorded payload says where it comes from."""

from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[1] / "fixtures"
FOLDERS = sorted(path for path in FIXTURES.iterdir() if path.is_dir())


def problems(folder: Path) -> list[str]:
    """What is wrong with a folder of fixtures: files without a row, rows without a file, rows that say too little."""
    sources = folder / "SOURCES.md"
    if not sources.exists():
        return ["no SOURCES.md"]
    rows: dict[str, list[str]] = {}
    found = []
    for line in sources.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or cells[0] == "file" or set(cells[0]) <= set(":- "):
            continue
        name = cells[0].strip("`")
        if name in rows:
            found.append(f"{name}: two rows")
        if len(cells) < 4 or not all(cells):
            found.append(f"{name}: an empty cell")
        rows[name] = cells
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path != sources}
    found += [f"{name}: no row" for name in sorted(files - set(rows))]
    found += [f"{name}: no file" for name in sorted(set(rows) - files)]
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_fixture_has_a_source(folder: Path) -> None:
    """Every file has a full row in its folder's SOURCES.md, every row a file."""
    assert problems(folder) == []


def test_no_fixture_lies_outside_a_venue() -> None:
    """There is no file where nobody would look for its source."""
    assert [path for path in FIXTURES.iterdir() if path.is_file()] == []


HEAD = "| file | source | retrieved | derived |\n|---|---|---|---|\n"
ROW = "| `a.json` | somewhere | 2026-11-22 | no |\n"


@pytest.mark.parametrize(
    ("table", "files", "expected"),
    [
        (HEAD + ROW, ["a.json"], []),
        (HEAD, ["a.json"], ["a.json: no row"]),
        (HEAD + ROW, [], ["a.json: no file"]),
        (HEAD + ROW + ROW, ["a.json"], ["a.json: two rows"]),
        (HEAD + "| a.json | | 2026-11-22 | no |\n", ["a.json"], ["a.json: an empty cell"]),
        (HEAD + "| a.json | somewhere |\n", ["a.json"], ["a.json: an empty cell"]),
        (HEAD + ROW, ["a.json", "sub/b.json"], ["sub/b.json: no row"]),
        (None, ["a.json"], ["no SOURCES.md"]),
    ],
)
def test_the_check_can_fail(tmp_path: Path, table: str | None, files: list[str], expected: list[str]) -> None:
    """Each way to leave a source out is noticed."""
    if table is not None:
        (tmp_path / "SOURCES.md").write_text(table)
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    assert problems(tmp_path) == expected
