"""A mark names one process, and tells when that one has ended."""

import os
import socket
import subprocess
import sys

import psutil
import pytest

from emberflow.adapters.process_mark import ProcessMark

NOW = ProcessMark.of_this()


def test_a_mark_survives_being_written_down():
    """As a tag of a run in MLflow keeps it: to a hundredth of a second."""
    read = ProcessMark.parse(str(NOW))

    assert (NOW.host, NOW.number) == (read.host, read.number) == (socket.gethostname(), os.getpid())
    assert abs(NOW.started - read.started) < 0.01


@pytest.mark.parametrize("text", ["", "a machine of mine", "host pid 1.5", "host 12 long-ago", "host 12"])
def test_what_is_no_mark_is_none(text):
    """A tag that somebody else wrote."""
    assert ProcessMark.parse(text) is None


def test_this_process_lives():
    """Written down and read, too."""
    assert not NOW.has_ended()
    assert not ProcessMark.parse(str(NOW)).has_ended()


def test_a_process_that_ended_is_gone():
    """Collected by its parent, so that its number is free."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        mark = ProcessMark(NOW.host, process.pid, psutil.Process(process.pid).create_time())
        assert not mark.has_ended()

    assert mark.has_ended()


def test_a_process_that_nobody_collected_is_gone():
    """A zombie does nothing any more."""
    process = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.DEVNULL)
    mark = ProcessMark(NOW.host, process.pid, psutil.Process(process.pid).create_time())
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        pass

    assert mark.has_ended()
    process.wait()


def test_a_number_that_was_given_again_is_another_process():
    """This one's number, with the start of one before it."""
    assert ProcessMark(NOW.host, NOW.number, NOW.started - 3600).has_ended()


def test_nothing_is_known_of_another_machine():
    """Its processes may live."""
    assert not ProcessMark("elsewhere", NOW.number, NOW.started - 3600).has_ended()


def test_a_process_that_may_not_be_looked_at_is_taken_to_live(monkeypatch):
    """Some systems hide other users' processes."""

    def refuse(_):
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "Process", refuse)

    assert not NOW.has_ended()
