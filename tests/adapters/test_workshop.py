"""Where things are kept below the home folder, and that a job can be done there."""

import os
import pickle
from pathlib import Path

import pytest

from emberflow.adapters.crew import Job
from emberflow.adapters.store import Store
from emberflow.adapters.workshop import Workshop


def test_a_workshop_has_one_worker_a_core_of_one_thread(tmp_path):
    """Of the cores that this process may use, not of those that the machine has."""
    assert Workshop.at(tmp_path) == Workshop(tmp_path, workers=len(os.sched_getaffinity(0)), threads=1)


def test_the_home_folder_is_made_absolute(tmp_path, monkeypatch):
    """A worker or a task elsewhere may have another working directory."""
    monkeypatch.chdir(tmp_path)

    assert Workshop.at(Path(".emberflow")).home == tmp_path / ".emberflow"


def test_the_store_lies_in_the_home_folder_and_nothing_is_made_by_asking(tmp_path):
    """A workshop is a value."""
    assert Workshop.at(tmp_path).store == Store(tmp_path / "store")
    assert list(tmp_path.iterdir()) == []


def test_a_workshop_travels(tmp_path):
    """It is an argument of tasks; the crew stays where it is."""
    workshop = Workshop(tmp_path, workers=2, threads=1)

    assert pickle.loads(pickle.dumps(workshop)) == workshop  # noqa: S301 - made here


def test_equal_workshops_share_their_crew(tmp_path):
    """Each task gets a copy of the value."""
    assert Workshop(tmp_path, 2, 1).crew is Workshop(tmp_path, 2, 1).crew
    assert Workshop(tmp_path, 2, 1).crew is not Workshop(tmp_path, 1, 1).crew


def test_a_job_is_done_by_a_worker_whose_log_lies_in_the_home_folder(tmp_path, monkeypatch):
    """Through the crew that equal workshops share."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    workshop = Workshop(tmp_path, workers=1, threads=1)
    told = []
    try:
        assert workshop.run(Job("crew_jobs:double", {"number": 3}, limit_seconds=60), told.append) == 6
    finally:
        workshop.crew.close()

    assert told[1:] == ["doubling 3", "done"]  # after that a worker has taken it up
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["worker-1.log"]


@pytest.mark.parametrize("field", ["home", "workers", "threads"])
def test_a_workshop_cannot_be_changed(tmp_path, field):
    """It is the key under which the crew is found."""
    with pytest.raises(AttributeError):
        setattr(Workshop(tmp_path, 1, 1), field, 5)
