"""One at a time: two real processes that ask one real Prefect API."""

import os
import subprocess
import sys

import pytest
from prefect.settings import PREFECT_API_URL

pytestmark = [pytest.mark.xdist_group("flows")]

ENTER = """
import sys, time
from tasks.exclusive import alone
print("ready", flush=True)
sys.stdin.readline()
for _ in range(3):
    with alone("emberflow-test"):
        print("in", time.time(), flush=True)
        time.sleep(0.2)
        print("out", time.time(), flush=True)
"""


@pytest.mark.slow
def test_two_processes_are_never_inside_at_once(prefect_api):
    """Each goes in three times; the limit is made by whoever is first."""
    surroundings = os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value()}
    both = [
        subprocess.Popen([sys.executable, "-c", ENTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=surroundings) for _ in range(2)
    ]
    for process in both:
        assert "ready\n" == process.stdout.readline()
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    lines = [line for process in both for line in process.communicate(timeout=180)[0].splitlines()]

    events = [word for word, _ in sorted((line.split() for line in lines), key=lambda event: float(event[1]))]
    assert ["in", "out"] * 6 == events


def test_who_leaves_by_an_error_leaves_the_place_free(prefect_api):
    """The next one gets in."""
    from tasks.exclusive import alone

    with pytest.raises(ZeroDivisionError), alone("emberflow-error"):
        raise ZeroDivisionError

    with alone("emberflow-error"):
        pass
