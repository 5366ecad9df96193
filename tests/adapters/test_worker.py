"""What is said over the pipe: a worker served in a thread of this process, at the other end of a real pipe."""

import os
import subprocess
import sys
import threading
from multiprocessing import Pipe
from pathlib import Path

import pytest

from emberflow.adapters.worker import BROKEN, DONE, FAILED, READY, TOLD, serve
from emberflow.errors import DataError, OutOfMemory


@pytest.fixture
def pipe(monkeypatch):
    """The asking end of a pipe whose other end is served, after its greeting."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    ours, theirs = Pipe()
    served = threading.Thread(target=serve, args=(theirs,))
    served.start()
    assert receive(ours) == (READY, os.getpid())
    yield ours
    ours.close()
    served.join(60)
    theirs.close()
    assert not served.is_alive()  # the closed pipe has ended it


def receive(pipe):
    assert pipe.poll(60), "no answer"
    return pipe.recv()


def ask(pipe, name, **keywords):
    """All words up to the last one of an answer."""
    pipe.send((f"crew_jobs:{name}", keywords))
    words = [receive(pipe)]
    while words[-1][0] == TOLD:
        words.append(receive(pipe))
    return words


def test_what_is_told_comes_before_the_result(pipe):
    """One message each."""
    assert ask(pipe, "double", number=4) == [(TOLD, "doubling 4"), (TOLD, "done"), (DONE, 8)]


def test_calls_are_answered_one_after_the_other(pipe):
    """The pipe stays open between them."""
    assert [ask(pipe, "double", number=number)[-1] for number in (1, 2, 3)] == [(DONE, 2), (DONE, 4), (DONE, 6)]


def test_an_error_of_ours_travels_whole(pipe):
    """With class and message."""
    [(word, error)] = ask(pipe, "refuse", error="DataError")

    assert word == FAILED
    assert type(error) is DataError
    assert str(error) == "received 3 labels; expected 2"


@pytest.mark.parametrize(
    ("name", "keywords", "told"),
    [
        ("stumble", {}, "KeyError: 'no such label'"),
        ("refuse", {"error": "NoSuchError"}, "AttributeError: module 'emberflow.errors' has no attribute 'NoSuchError'"),
        ("double", {"numbers": 1}, "TypeError: double() got an unexpected keyword argument 'numbers'"),
    ],
)
def test_another_error_travels_as_words(pipe, name, keywords, told):
    """Its class may not exist, or not be picklable, where it is read."""
    assert ask(pipe, name, **keywords) == [(BROKEN, told)]


@pytest.mark.parametrize(("name", "more"), [("run_out_of_memory", ""), ("exhaust_tensorflow", ": failed to allocate memory")])
def test_memory_that_ran_out_travels_as_an_error_of_ours(pipe, name, more):
    """Python's and TensorFlow's own."""
    [(word, error)] = ask(pipe, name)

    assert (word, type(error), str(error)) == (FAILED, OutOfMemory, f"crew_jobs:{name} needs more memory than there is{more}")


@pytest.mark.parametrize(("which", "why"), [(0, "Can't pickle local object"), (1, "cannot pickle '_thread.lock' object")])
def test_a_result_that_cannot_travel_is_told_and_the_next_call_is_answered(pipe, which, why):
    """A stage returns values; functions and locks are none."""
    [(word, told)] = ask(pipe, "return_what_cannot_travel", which=which)

    assert word == BROKEN
    assert told.startswith(f"crew_jobs:return_what_cannot_travel gave what can't be sent to another process: {why}")
    assert ask(pipe, "double", number=1)[-1] == (DONE, 2)


def test_a_module_that_is_not_there_is_told(pipe):
    """As Python tells it."""
    pipe.send(("no_such_module:run", {}))

    assert receive(pipe) == (BROKEN, "ModuleNotFoundError: No module named 'no_such_module'")


def test_a_message_of_a_megabyte_is_cut(pipe):
    """TensorFlow puts whole graphs into messages; 2,000 letters say enough, the trace has the rest."""
    [(word, told)] = ask(pipe, "refuse", error="x" * 1_000_000)

    assert word == BROKEN
    assert told.startswith("AttributeError: module 'emberflow.errors' has no attribute 'xxx")
    assert len(told) == len("AttributeError: ") + 2000


def test_starting_a_worker_imports_nothing_heavy():
    """It imports TensorFlow when a job does, so that a worker for a light stage is there at once."""
    code = "import emberflow.adapters.worker, sys; print(sorted({'numpy', 'tensorflow', 'mlflow', 'prefect', 'pydantic'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
