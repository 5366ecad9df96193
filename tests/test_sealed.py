"""Sealed folders: what was written is what is there, or each difference is named. tests/test_bundle.py has the rest, for it writes one."""

import pytest

from emberflow.errors import BundleError
from emberflow.sealed import Faults, facts_of, find_faults, read_json, replace

FILES = {"a.txt": b"one", "b/two.txt": b"two"}


def test_what_was_written_has_no_faults(tmp_path):
    """The manifest is no file of its own."""
    replace(tmp_path / "folder", FILES | {"manifest.json": b"{}"})

    assert Faults(changed=(), missing=(), extra=()) == find_faults(tmp_path / "folder", facts_of(FILES))
    assert "" == str(find_faults(tmp_path / "folder", facts_of(FILES)))


def test_faults_are_told_by_path(tmp_path):
    """In the order changed, missing, extra."""
    replace(tmp_path / "folder", {"a.txt": b"One", "c.txt": b"", "d.txt": b""})

    assert "changed: a.txt; missing: b/two.txt; extra: c.txt, d.txt" == str(find_faults(tmp_path / "folder", facts_of(FILES)))


def test_what_was_there_is_gone(tmp_path):
    """And nothing is left beside it."""
    replace(tmp_path / "folder", {"old.txt": b""})
    replace(tmp_path / "folder", FILES)

    assert ["folder"] == [path.name for path in tmp_path.iterdir()]
    assert not (tmp_path / "folder" / "old.txt").exists()


def test_a_manifest_that_is_no_json_is_told_with_what_it_is_of(tmp_path):
    """A compiled model, say."""
    replace(tmp_path / "folder", {"manifest.json": b"-"})

    with pytest.raises(BundleError, match=r"which is not JSON \(.*\); expected a compiled model's manifest: write the compiled model again"):
        read_json(tmp_path / "folder", "compiled model")
