"""Folders of temporary files: made, removed, and those of killed processes swept."""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emberflow.adapters.lock import take_folder
from emberflow.adapters.scratch import Scratch

KILLED = """
import os, signal
from emberflow.adapters.scratch import Scratch
print((Scratch().path / "traced.py").write_text("x = 1"), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_it_goes_with_what_is_in_it(place: Path) -> None:
    """Once more does nothing."""
    scratch = Scratch()
    (scratch.path / "deep").mkdir()
    (scratch.path / "deep" / "file").write_text("text")

    scratch.remove()
    scratch.remove()

    assert [] == list(place.iterdir())


def test_who_is_killed_leaves_it_to_the_next_one(place: Path) -> None:
    """The kernel frees the lock; folders of others, and files, stay."""
    subprocess.run([sys.executable, "-c", KILLED], check=False)
    (place / "emberflow-other").mkdir()
    (place / "emberflow-worker-file").write_text("somebody's")
    assert 3 == len(list(place.iterdir()))

    scratch = Scratch()

    assert {scratch.path, place / "emberflow-other", place / "emberflow-worker-file"} == set(place.iterdir())
    scratch.remove()


def test_nobody_sweeps_one_that_is_used() -> None:
    """Many at once, each with the others' in sight."""
    with ThreadPoolExecutor(8) as threads:
        made = [each.result() for each in [threads.submit(Scratch) for _ in range(64)]]

    assert 64 == len({scratch.path for scratch in made if scratch.path.is_dir()})
    assert {None} == {take_folder(scratch.path) for scratch in made}
    for scratch in made:
        scratch.remove()


def test_a_folder_that_is_no_more_is_not_made(place: Path) -> None:
    """Nor is a link followed."""
    (place / "link").symlink_to(place)

    assert take_folder(place / "gone") is None
    assert take_folder(place / "link") is None
    assert not (place / "gone").exists()
