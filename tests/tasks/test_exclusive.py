"""One at a time: real processes that ask one real Prefect API, or the kernel."""

import logging
import os
import signal
import subprocess
import sys

import pytest
from prefect.settings import PREFECT_API_URL

from emberflow.adapters.registry import Registry
from emberflow.adapters.tracking import Tracker

pytestmark = [pytest.mark.xdist_group("flows")]

ENTER = """
import sys, time
from pathlib import Path
from emberflow.adapters.registry import Registry
from emberflow.adapters.tracking import Tracker
from tasks.exclusive import alone
address = sys.argv[1]
registry = Registry(Tracker(address, None if address.startswith("http") else Path("/tmp")), "test")
print("ready", flush=True)
sys.stdin.readline()
for _ in range(3):
    with alone(registry):
        print("in", time.time(), flush=True)
        time.sleep(0.2)
        print("out", time.time(), flush=True)
"""
SERVER = "http://127.0.0.1:9"  # it is named, and never asked


@pytest.fixture(params=["a server", "a file"])
def address(request, tmp_path):
    """Where versions are kept."""
    return SERVER if request.param == "a server" else f"sqlite:///{tmp_path / 'mlflow.db'}"


def start(address):
    surroundings = os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value()}
    process = subprocess.Popen([sys.executable, "-c", ENTER, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=surroundings)
    assert "ready\n" == process.stdout.readline()
    return process


def go(process):
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.mark.slow
def test_two_processes_are_never_inside_at_once(prefect_api, address):
    """Each goes in three times; what there is to lock is made by whoever is first."""
    both = [start(address) for _ in range(2)]
    for process in both:
        go(process)
    lines = [line for process in both for line in process.communicate(timeout=180)[0].splitlines()]

    events = [word for word, _ in sorted((line.split() for line in lines), key=lambda event: float(event[1]))]
    assert ["in", "out"] * 6 == events


def registry_at(address, tmp_path):
    return Registry(Tracker(address, None if address.startswith("http") else tmp_path), "test")


def test_who_leaves_by_an_error_leaves_the_place_free(prefect_api, address, tmp_path):
    """The next one gets in."""
    from tasks.exclusive import alone

    with pytest.raises(ZeroDivisionError), alone(registry_at(address, tmp_path)):
        raise ZeroDivisionError

    with alone(registry_at(address, tmp_path)):
        pass


@pytest.mark.slow
def test_the_kernel_frees_the_place_of_who_was_killed(tmp_path):
    """At once, and whatever becomes of a run's own Prefect server, which forgets who held a slot."""
    from tasks.exclusive import alone

    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with start(address) as process:
        go(process)
        assert process.stdout.readline().startswith("in")
        process.send_signal(signal.SIGKILL)

    with alone(registry_at(address, tmp_path)):
        pass


def test_a_slot_that_nobody_gives_back_is_taken_away(prefect_api, tmp_path, monkeypatch, caplog):
    """As a server leaves it that was restarted without its memory of who held what; whoever holds it alive does so for seconds."""
    from prefect.client.orchestration import get_client

    from tasks import exclusive

    name = "emberflow-versions-forgotten"
    registry = Registry(Tracker(SERVER), "forgotten")
    with exclusive.alone(registry):
        pass
    with get_client(sync_client=True) as client:
        client.increment_concurrency_slots(names=[name], slots=1, mode="concurrency")
    monkeypatch.setattr(exclusive, "WAIT_SECONDS", 1.0)

    with caplog.at_level(logging.WARNING), exclusive.alone(registry):
        pass

    assert f"'{name}' was taken for 1 s, by a run that must have been killed: its place is taken away" in caplog.text
