"""Tests that share a server or TensorFlow run in one of pytest's two processes: what they share is then set up once."""

import os
import subprocess
import sys

A_MODULE = """
import os
from pathlib import Path

import pytest


@pytest.mark.xdist_group("together")
@pytest.mark.parametrize("number", range(4))
def test_notes_its_process(number):
    with Path("processes").open("a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + chr(10))
"""


def test_a_group_stays_in_one_process(tmp_path):
    """pytest and pytest-xdist agree on how a group is told: with pytest 9.2 and pytest-xdist 3.8 they don't, and nothing fails."""
    for name in ("test_one.py", "test_other.py"):
        (tmp_path / name).write_text(A_MODULE)
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)],
        cwd=tmp_path,
        env=mine,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stdout
    processes = (tmp_path / "processes").read_text().split()
    assert (8, 1) == (len(processes), len(set(processes)))
