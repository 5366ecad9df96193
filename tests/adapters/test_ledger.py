"""A run's ledger: what it says is kept, and that it is open exactly as long as its process lives."""

import subprocess
import sys

from emberflow.adapters.ledger import Ledger, ledgers_in

OPEN = """
import sys
from pathlib import Path
from emberflow.adapters.ledger import Ledger
with Ledger(Path(sys.argv[1])).open():
    print("open", flush=True)
    sys.stdin.readline()
"""


def test_what_was_noted_is_read_by_others(tmp_path):
    """The same name twice is one, and a process knows what it has noted."""
    ledger = Ledger(tmp_path / "watch" / "20261130-1")
    for name in ("a.npy", "b.h5", "a.npy"):
        ledger.note(name)

    assert {"a.npy", "b.h5"} == Ledger(ledger.path).names()
    assert (True, False) == (ledger.has("a.npy"), ledger.has("c.npy"))
    assert ("watch", "20261130-1") == (ledger.project, ledger.run)


def test_ledgers_are_listed_by_project_and_time(tmp_path):
    """A run's id begins with its time."""
    paths = [tmp_path / project / run for project, run in (("b", "20260102"), ("a", "20260103"), ("a", "20260102"))]
    for path in paths:
        Ledger(path).note("x")

    assert [paths[2], paths[1], paths[0]] == [ledger.path for ledger in ledgers_in(tmp_path)]


def test_it_is_open_for_as_long_as_its_run_goes_on(tmp_path):
    """And is there from the beginning, before a blob was used."""
    ledger = Ledger(tmp_path / "watch" / "1")
    with ledger.open():
        assert ledger.is_open()
        assert frozenset() == ledger.names()
    assert not ledger.is_open()


def test_it_is_open_no_more_when_its_process_was_killed(tmp_path):
    """SIGKILL; the kernel closes it."""
    ledger = Ledger(tmp_path / "watch" / "1")
    run = subprocess.Popen([sys.executable, "-c", OPEN, str(ledger.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdout.readline() == "open\n"
    assert ledger.is_open()

    run.kill()
    run.wait()

    assert not ledger.is_open()


def test_the_last_ledger_of_a_project_takes_its_folder_along(tmp_path):
    """A project that was given up leaves nothing."""
    ledgers = [Ledger(tmp_path / "watch" / name) for name in "12"]
    for ledger in ledgers:
        ledger.note("x")

    ledgers[0].remove()
    assert (tmp_path / "watch").is_dir()
    ledgers[1].remove()
    assert not (tmp_path / "watch").exists()
