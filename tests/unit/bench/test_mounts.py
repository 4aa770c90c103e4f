"""The file system below a journal is that of the innermost mount, and of the last one there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.mounts import file_system


@pytest.mark.parametrize(("folder", "kind"), [("a b/c", "tmpfs"), ("a b", "tmpfs"), ("other", "ext4")])
def test_the_innermost_mount_that_came_last_counts(tmp_path: Path, folder: str, kind: str):
    mounts, blank = tmp_path / "mounts", str(tmp_path / "a b").replace(" ", "\\040")
    mounts.write_text(f"/dev/a / ext4 rw 0 0\n/dev/b {blank} xfs rw 0 0\nnone {blank} tmpfs rw 0 0\n")

    assert file_system(tmp_path / folder, mounts) == kind


def test_where_there_are_no_mounts_to_read_it_is_not_known(tmp_path: Path):
    assert file_system(tmp_path, tmp_path / "none") is None
