"""What killed processes leave: it is told, and with whom it goes away."""

import json
import subprocess
import sys
import time

import pytest

from emberflow.adapters.lock import take
from emberflow.adapters.process_mark import ProcessMark
from emberflow.adapters.store import Store
from emberflow.cli.finding import Finding
from emberflow.cli.leftovers import look_at_leftovers

_KILLED = """
import os, signal
from pathlib import Path
from emberflow.adapters.lock import take
from emberflow.adapters.store import Store

home = Path({home!r})
(home / "results" / "locks").mkdir(parents=True)
held = take(home / "results" / "locks" / "train-123")
with Store(home / "store", "", "").workplace() as place:
    (place / "model.keras").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def without_prefect(monkeypatch):
    """Nobody has chosen a Prefect."""
    monkeypatch.delenv("PREFECT_HOME", raising=False)


def test_a_tidy_home_has_none(tmp_path):
    """Nor has one that isn't there yet, which looking doesn't make."""
    assert list(look_at_leftovers(tmp_path / "home")) == []
    assert not (tmp_path / "home").exists()


def test_what_a_killed_run_left_is_counted(tmp_path):
    """A process is killed with a lock in its hand and a file half-written: the kernel has freed the lock, files and folder stay."""
    subprocess.run([sys.executable, "-c", _KILLED.format(home=str(tmp_path))], check=False)

    assert list(look_at_leftovers(tmp_path)) == [
        Finding(
            "leftovers",
            "1 unfinished folders and 1 lock files of runs that were killed",
            "expected none; they keep nobody waiting, and are removed by: emberflow gc",
            is_needed=False,
        )
    ]


def test_what_a_run_works_on_is_no_leftover(tmp_path):
    """Its lock is held, its folder too; and looking takes neither away."""
    (tmp_path / "results" / "locks").mkdir(parents=True)
    held = take(tmp_path / "results" / "locks" / "train-123")
    with Store(tmp_path / "store", "", "").workplace() as place:
        assert list(look_at_leftovers(tmp_path)) == []
        assert place.is_dir()
    assert held.path.exists()
    held.give_back()


def test_a_run_that_was_killed_and_looks_alive_is_told_by_its_project(tmp_path):
    """In a real MLflow store: one run whose process has ended, one whose process is this."""
    from mlflow import MlflowClient

    from emberflow.adapters.tracking import PROCESS

    ended = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    import psutil

    mark = ProcessMark(ProcessMark.of_this().host, ended.pid, psutil.Process(ended.pid).create_time())
    ended.communicate(b"")
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    for name, who in (("watch", mark), ("digits", ProcessMark.of_this())):
        client.create_run(client.create_experiment(name, artifact_location=(tmp_path / "files").as_uri()), tags={PROCESS: str(who)})

    assert list(look_at_leftovers(tmp_path)) == [
        Finding(
            "killed runs",
            "1 of 'watch' stand as running, and their processes are gone",
            "expected them to be marked as killed: the next `emberflow run` of the project does, and goes on from what they had finished",
            is_needed=False,
        )
    ]


@pytest.fixture
def silent(tmp_path):
    """A process called like the server, which noted where it answers, and doesn't."""
    code = "import time; time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code, "emberflow.cli.server_process"])
    folder = tmp_path / "prefect" / "servers" / "123"
    folder.mkdir(parents=True)
    (folder / "address.json").write_text(json.dumps({"url": "http://127.0.0.1:9/api", "pid": process.pid}))
    yield process
    process.kill()
    process.wait()


def test_a_server_that_answers_nobody_is_told_with_its_process(tmp_path, silent, monkeypatch):
    """The next run would wait for it; a young one may still be about to start."""
    assert list(look_at_leftovers(tmp_path)) == []

    monkeypatch.setattr("emberflow.cli.leftovers._START_SECONDS", 0.0)
    assert list(look_at_leftovers(tmp_path)) == [
        Finding(
            "Prefect's server",
            f"process {silent.pid} doesn't answer at http://127.0.0.1:9/api",
            f"expected an answer within 2 s; the next run would wait for it: kill {silent.pid}",
        )
    ]


def test_the_note_of_a_server_that_is_gone_keeps_nobody_waiting(tmp_path, silent):
    """So nothing is told: the next server writes its own."""
    silent.kill()
    silent.wait()
    start = time.monotonic()

    assert list(look_at_leftovers(tmp_path)) == []
    assert time.monotonic() - start < 1


def test_a_note_that_cannot_be_read_is_passed_over(tmp_path, silent):
    """It was cut off; the next server writes its own."""
    (tmp_path / "prefect" / "servers" / "123" / "address.json").write_text("{")

    assert list(look_at_leftovers(tmp_path)) == []
