"""What workers write: kept in their log, and told as events of the job that they did."""

import logging
import os
import signal
from pathlib import Path

import pytest

from emberflow.adapters.chatter import Chatter, events
from emberflow.adapters.cores import Cores
from emberflow.adapters.crew import Crew, Job
from emberflow.errors import EmberflowError, WorkerLost

TRACE = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\nValueError: wrong'
CAUSED = f"{TRACE}\n\nDuring handling of the above exception, another exception occurred:\n\n{TRACE}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("one\ntwo\n", ["one", "two"]),
        ("one\n\n\ntwo", ["one", "two"]),
        ("one\n  more of it\ntwo", ["one\n  more of it", "two"]),
        (f"before\n{TRACE}\nafter", ["before", TRACE, "after"]),
        (f"{TRACE}\n{TRACE}", [TRACE, TRACE]),
        (CAUSED, ["\n".join(line for line in CAUSED.splitlines() if line)]),
    ],
)
def test_each_line_is_an_event_and_a_trace_is_one(text, expected):
    """With the exceptions that led to it; indented lines go with the one before."""
    assert list(events(text)) == expected


@pytest.fixture
def heard(caplog):
    """As where lines are logged."""
    caplog.set_level(logging.INFO, logger="emberflow.worker")
    return caplog


def said_by(caplog):
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "emberflow.worker"]


def test_where_nobody_listens_it_writes_straight_into_the_log(tmp_path, caplog):
    """And nothing is told."""
    chatter = Chatter(tmp_path / "logs" / "worker-1.log")
    os.write(chatter.sink.fileno(), b"said\n")
    chatter.pass_on()
    chatter.close()

    assert (tmp_path / "logs" / "worker-1.log").read_text() == "said\n"
    assert said_by(caplog) == []


def test_what_is_heard_is_in_the_log_too_and_told_once(tmp_path, heard):
    """In the order in which it came; once closed, nothing comes any more."""
    chatter = Chatter(tmp_path / "worker-1.log")
    os.write(chatter.sink.fileno(), b"first\n")
    chatter.pass_on()
    os.write(chatter.sink.fileno(), f"{TRACE}\n".encode())
    chatter.close()
    chatter.pass_on()

    assert said_by(heard) == [("INFO", "first"), ("ERROR", TRACE)]
    assert (tmp_path / "worker-1.log").read_text() == f"first\n{TRACE}\n"


def test_the_log_of_a_worker_that_said_nothing_is_there(tmp_path, heard):
    """An error names it, and whoever looks finds that nothing was said."""
    Chatter(tmp_path / "worker-1.log").close()

    assert (tmp_path / "worker-1.log").read_text() == ""


@pytest.fixture
def crew(tmp_path, heard, monkeypatch):
    """One worker, which finds crew_jobs.py beside this file."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    made = Crew(1, 1, tmp_path / "logs", Cores(tmp_path / "cores", (0,)))
    yield made
    made.close()


def test_a_real_workers_trace_is_told_when_its_job_ends(crew, heard, tmp_path):
    """Of an error that nobody foresaw."""
    with pytest.raises(EmberflowError, match="no such label"):
        crew.run(Job("crew_jobs:stumble", {}, 60), lambda _: None)

    ((level, trace),) = said_by(heard)
    assert level == "ERROR"
    assert trace.startswith("Traceback (most recent call last):\n")
    assert trace.splitlines()[-1] == "KeyError: 'no such label'"
    assert trace in (tmp_path / "logs" / "worker-1.log").read_text()


def test_the_last_words_of_a_worker_that_crashed_are_told(crew, heard):
    """A segmentation fault, as Python's fault handler tells it."""
    with pytest.raises(WorkerLost, match="SIGSEGV"):
        crew.run(Job("crew_jobs:send_itself", {"number": signal.SIGSEGV}, 60), lambda _: None)

    assert any(level == "ERROR" and text.startswith("Fatal Python error: Segmentation fault") for level, text in said_by(heard))
