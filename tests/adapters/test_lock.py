"""Locks are the kernel's: one holder at a time, across processes, and free again when the holder was killed."""

import subprocess
import sys
from threading import Event, Thread

import pytest

from emberflow.adapters.lock import alone, sharing, take, take_in_time

HOLD = """
import sys, time
from pathlib import Path
from emberflow.adapters.lock import take
held = take(Path(sys.argv[1]))
print("taken" if held else "refused", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def start_holder():
    """A function that starts a process which takes a lock and keeps it until it is ended; gives the process and what it said."""
    started = []

    def start(path):
        holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(holder)
        return holder, holder.stdout.readline()

    yield start
    for holder in started:
        holder.kill()
        holder.wait()


def test_a_lock_has_one_holder_and_is_given_back(tmp_path):
    """The second asks in vain, and gets it afterwards."""
    held = take(tmp_path / "lock")

    assert held.path == tmp_path / "lock"
    assert take(tmp_path / "lock") is None
    held.give_back()
    take(tmp_path / "lock").give_back()


def test_a_folder_can_be_a_lock_too(tmp_path):
    """An unfinished one belongs to who made it."""
    held = take(tmp_path)

    assert take(tmp_path) is None
    held.give_back()


def test_another_process_is_refused_and_a_killed_one_frees_its_lock(tmp_path, start_holder):
    """SIGKILL: nothing of the holder runs any more, and nothing has to be cleaned up."""
    holder, said = start_holder(tmp_path / "lock")
    assert said == "taken\n"
    assert take(tmp_path / "lock") is None

    holder.kill()
    holder.wait()

    take(tmp_path / "lock").give_back()
    assert start_holder(tmp_path / "lock")[1] == "taken\n"


def test_a_lock_that_is_removed_leaves_nothing_and_is_not_held_twice(tmp_path):
    """Who opened the old file while it was held finds another one at its place, and takes that."""
    first = take(tmp_path / "lock")
    first.remove()
    assert list(tmp_path.iterdir()) == []

    second = take(tmp_path / "lock")

    assert take(tmp_path / "lock") is None
    second.remove()


def test_a_wait_ends_with_the_lock_or_with_the_error_of_its_check(tmp_path):
    """Ctrl-C ends a run that waits for another one."""
    held, asked = take(tmp_path / "lock"), []

    def check():
        asked.append(1)
        if len(asked) == 2:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        take_in_time(tmp_path / "lock", check)
    held.give_back()

    take_in_time(tmp_path / "lock", check).give_back()
    assert len(asked) == 2


def test_many_share_and_one_is_alone(tmp_path):
    """Who wants to be alone waits until the last of them has gone."""
    got_in = Event()

    def enter_alone():
        with alone(tmp_path / "lock"):
            got_in.set()

    thread = Thread(target=enter_alone)
    with sharing(tmp_path / "lock"):
        with sharing(tmp_path / "lock"):
            thread.start()
            assert not got_in.wait(0.2)
        assert not got_in.wait(0.2)
    assert got_in.wait(10)
    thread.join()
