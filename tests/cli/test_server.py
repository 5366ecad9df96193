"""Prefect's server of some runs: started by us where nobody chose one, known by its address, shared, ended with the last."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from urllib.request import urlopen

import psutil
import pytest

from emberflow.adapters.lock import take
from emberflow.cli.environment import prepare_environment
from emberflow.cli.server import _folder, start_server
from emberflow.cli.server_process import ADDRESS
from emberflow.errors import EmberflowError

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """This process's environment without anything of Prefect's, prepared for a home folder of its own."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    monkeypatch.setattr("os.environ", mine)
    prepare_environment(tmp_path)
    return mine


def test_a_server_answers_under_the_address_that_prefect_is_told(environment):
    """On this machine alone; it ends when it is told to."""
    server = start_server()
    try:
        server.wait_until_ready()
        assert environment["PREFECT_API_URL"] == server.url
        assert server.url.startswith("http://127.0.0.1:")
    finally:
        server.leave()

    assert not server._is_alive()


def test_a_server_that_somebody_chose_is_kept(environment):
    """By its address; nothing is started."""
    environment["PREFECT_API_URL"] = "http://prefect.example:4200/api"

    assert start_server() is None
    assert environment["PREFECT_API_URL"] == "http://prefect.example:4200/api"


def test_a_profile_of_prefects_is_left_to_prefect(environment, tmp_path):
    """It may name a server, and only Prefect can read it."""
    (tmp_path / "prefect" / "profiles.toml").write_text('active = "team"\n')

    assert start_server() is None
    assert "PREFECT_API_URL" not in environment


def test_a_server_that_ends_while_it_starts_is_told(environment):
    """With its exit code, and how to see more; here its data base can't be."""
    environment["PREFECT_API_DATABASE_CONNECTION_URL"] = "sqlite+aiosqlite:////proc/nowhere/prefect.db"
    server = start_server()

    said = rf"Prefect's server ended while it started; its log is {re.escape(str(server.folder))}/log: set PREFECT_SERVER_LOGGING_LEVEL=INFO to see more there"
    with pytest.raises(EmberflowError, match=said):
        server.wait_until_ready()
    server.leave()


def test_who_comes_while_a_server_ends_has_another(environment):
    """One that ends notes no address any more, and has its lock to the last; it is neither joined nor told to have ended."""
    folder = _folder()
    folder.mkdir(parents=True)
    ending = take(folder / "process")
    threading.Timer(1, ending.give_back).start()

    server = start_server()
    try:
        server.wait_until_ready()
    finally:
        server.leave()
    assert server.process.pid == server.pid


def test_a_server_that_is_told_to_end_is_joined_by_nobody(environment):
    """Its address is gone before it is."""
    server = start_server()
    server.wait_until_ready()
    assert (server.folder / ADDRESS).exists()

    os.kill(server.pid, signal.SIGTERM)
    end = time.monotonic() + 60
    while server._is_alive():
        assert time.monotonic() < end
        time.sleep(0.001)
    assert not (server.folder / ADDRESS).exists()
    server.leave()


RUN = """
import sys
from emberflow.cli.server import start_server
server = start_server()
server.wait_until_ready()
print(server.url, server.pid, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def start_run(environment):
    """A function that starts a process which uses a server; gives the process, the server's address and its process id."""
    started = []

    def start():
        run = subprocess.Popen([sys.executable, "-c", RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        started.append(run)
        return run

    yield start
    for run in started:
        run.kill()
        run.wait()


def answers(url):
    with urlopen(f"{url}/health") as answer:  # noqa: S310 - a server of this machine
        return answer.status == 200


def wait_until_gone(pid):
    end = time.monotonic() + 60
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "it is still there"
        time.sleep(0.05)


@pytest.mark.long
def test_runs_at_once_share_a_server_which_ends_with_the_last(start_run):
    """Three start together; the one that started it is killed, another one ends: it goes on answering until the third has ended."""
    runs = [start_run() for _ in range(3)]
    told = {run.stdout.readline() for run in runs}
    assert 1 == len(told)
    url, pid = told.pop().split()
    starter = next(run for run in runs if psutil.Process(int(pid)).ppid() == run.pid)
    other, last = (run for run in runs if run is not starter)

    starter.kill()
    starter.wait()
    other.communicate("end\n")
    assert answers(url)
    last.communicate("end\n")

    wait_until_gone(int(pid))


def kill_all(runs):
    """The process id of the server that they use, which has just lost all its users."""
    _, pid = {run.stdout.readline() for run in runs}.pop().split()
    for run in runs:
        run.kill()
        run.wait()
    return int(pid)


@pytest.mark.long
def test_a_server_ends_when_all_runs_are_killed_and_the_next_run_has_another(start_run):
    """SIGKILL leaves a run no time to end it; the kernel tells it."""
    pid = kill_all([start_run() for _ in range(2)])

    wait_until_gone(pid)
    next_run = start_run()
    url, new_pid = next_run.stdout.readline().split()
    assert str(pid) != new_pid
    assert answers(url)
    next_run.communicate("end\n")


@pytest.mark.long
def test_a_run_that_starts_as_the_others_are_killed_has_a_server(start_run):
    """The one that was about to end, or another: it answers, and ends with that run."""
    pid = kill_all([start_run() for _ in range(2)])

    next_run = start_run()
    url, new_pid = next_run.stdout.readline().split()
    assert answers(url)
    next_run.communicate("end\n")

    for each in {pid, int(new_pid)}:
        wait_until_gone(each)
    wait_until_gone(int(new_pid))


@pytest.mark.long
def test_a_run_that_starts_while_a_server_ends_has_another(start_run):
    """The last run told it to end, and was killed before it had ended: who comes then neither joins it nor is told that it ended."""
    last = start_run()
    _, pid = last.stdout.readline().split()
    os.kill(int(pid), signal.SIGTERM)
    last.kill()
    last.wait()

    next_run = start_run()
    url, new_pid = next_run.stdout.readline().split()
    assert pid != new_pid
    assert answers(url)
    next_run.communicate("end\n")
