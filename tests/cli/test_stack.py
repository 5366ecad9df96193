"""The stack of a home folder: its file, its processes and no others."""

import fcntl
import os
import subprocess
import sys
import time

import psutil
import pytest

from emberflow.cli.stack import MARK, Member, Stack, end_processes, forget_stack, one_at_a_time, read_stack, running_stack, stack_file, write_stack
from emberflow.errors import StoreError

SLEEP = "import time; time.sleep(600)"
WITH_CHILD = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


@pytest.fixture
def start():
    """A function that starts Python on a text with a mark in its environment; all are killed at the end."""
    started = []

    def _start(text, mark="mine", **more):
        process = subprocess.Popen([sys.executable, "-c", text], env=os.environ | {MARK: mark}, **more)
        started.append(process)
        return process

    yield _start
    for process in started:
        process.kill()
        process.wait()


def stack_of(*processes, mark="mine"):
    members = tuple(Member(name=f"member {place}", pid=process.pid, log="a.log") for place, process in enumerate(processes))
    return Stack(mark=mark, prefect="http://127.0.0.1:4200", mlflow="http://127.0.0.1:5000", pages={}, is_secure=False, versions={}, members=members)


def wait_for(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_is_noted_is_read_again(tmp_path, start):
    """And nothing unfinished is left beside it."""
    stack = stack_of(start(SLEEP))
    write_stack(tmp_path, stack)

    assert read_stack(tmp_path) == stack
    assert [path.name for path in tmp_path.iterdir()] == ["stack.json"]

    forget_stack(tmp_path)
    assert read_stack(tmp_path) is None


def test_a_damaged_file_is_told_with_how_to_find_what_it_named(tmp_path):
    """By the mark, which is in the environment of each process."""
    stack_file(tmp_path).write_text("{")

    with pytest.raises(StoreError) as caught:
        read_stack(tmp_path)

    assert str(caught.value) == (
        f"'{tmp_path / 'stack.json'}' does not say what runs: it is damaged, or of another version of Emberflow;"
        " end what still runs (its environment holds EMBERFLOW_STACK), then delete the file"
    )


def test_children_belong_to_it_and_strangers_do_not(start):
    """A child in a session of its own too; the same program with another mark is somebody else's."""
    parent, stranger = start(WITH_CHILD), start(SLEEP, mark="theirs")
    stack = stack_of(parent)
    wait_for(lambda: len(stack.processes()) == 2)

    pids = {process.pid for process in stack.processes()}
    assert parent.pid in pids
    assert stranger.pid not in pids
    assert stack.tree_of(["member 0"]) == pids
    assert stack.tree_of(["somebody"]) == set()

    end_processes(stack.processes(), 5)
    assert stack.processes() == []
    assert stranger.poll() is None


def test_a_child_whose_parent_was_killed_is_still_found(start):
    """No number of a process leads to it any more, but its mark does."""
    parent = start(WITH_CHILD)
    stack = stack_of(parent)
    wait_for(lambda: len(stack.processes()) == 2)
    parent.kill()
    parent.wait()

    (orphan,) = stack.processes()
    end_processes([orphan], 5)

    assert not psutil.pid_exists(orphan.pid)


def test_what_does_not_end_when_asked_is_killed(start):
    """After the time it is given."""
    deaf = start(STUBBORN, stdout=subprocess.PIPE)
    deaf.stdout.readline()

    end_processes(stack_of(deaf).processes(), 0.2)

    assert not psutil.pid_exists(deaf.pid)


def test_who_died_is_known(tmp_path, start):
    """A stack with a dead member doesn't count as running."""
    one, other = start(SLEEP), start(SLEEP)
    stack = stack_of(one, other)
    write_stack(tmp_path, stack)
    wait_for(lambda: running_stack(tmp_path) is not None)
    assert stack.dead == ()

    other.kill()
    other.wait()

    assert [member.name for member in stack.dead] == ["member 1"]
    assert running_stack(tmp_path) is None


def test_a_process_that_took_over_the_number_is_not_the_member(start):
    """Here one without the mark."""
    stack = stack_of(start(SLEEP, mark="theirs"))

    assert [member.name for member in stack.dead] == ["member 0"]


def test_only_one_works_on_a_home_at_a_time(tmp_path):
    """The lock is taken while it does, and free afterwards."""
    with (tmp_path / "stack.lock").open("w") as other:
        with one_at_a_time(tmp_path), pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
