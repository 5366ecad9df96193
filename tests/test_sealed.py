"""Sealed folders: what was written is what is there, or each difference is named. tests/test_bundle.py has the rest, for it writes one."""

import json
import os

import pytest

from emberflow.errors import BundleError
from emberflow.sealed import Faults, facts_of, find_faults, names_in, read_json, replace

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


@pytest.mark.parametrize("kind", ["link to the same bytes", "link to a folder", "dangling link", "pipe"])
def test_links_and_pipes_are_refused(tmp_path, kind):
    """A link's end may change after it was looked at; a pipe would be waited for for ever; a linked folder would be an unnoticed file."""
    replace(tmp_path / "folder", FILES | {"manifest.json": b"{}"})
    replace(tmp_path / "elsewhere", FILES)
    path = tmp_path / "folder" / "a.txt"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to a folder":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.symlink_to(tmp_path / ("elsewhere/a.txt" if kind == "link to the same bytes" else "nowhere"))

    with pytest.raises(BundleError, match=r"which holds a\.txt: a link or no file at all; expected plain files alone: get it anew"):
        find_faults(tmp_path / "folder", facts_of(FILES))


def test_a_manifest_that_is_a_link_is_refused(tmp_path):
    """One to a device that never ends would fill all memory."""
    (tmp_path / "manifest.json").symlink_to("/dev/zero")

    with pytest.raises(BundleError, match=r"manifest\.json, which is a link or no file; expected a file of a bundle: get it anew"):
        read_json(tmp_path, "bundle")


@pytest.mark.parametrize(
    "name", ["../out", "/etc/passwd", "a/../../out", "..", "a\\..\\..\\out", "C:\\out", "a\x00b", "", "./manifest.json", "manifest.json"]
)
def test_a_manifest_that_names_a_path_elsewhere_is_refused(name):
    """Whoever fetches a published bundle writes what the manifest names."""
    with pytest.raises(BundleError, match=r"which leads out of its folder; expected one that Emberflow wrote"):
        names_in(json.dumps({"files": {"good.txt": {}, name: {}}}).encode())
