"""The whole chain on a disk that is really full: one message, nothing half-written, and a run with room completes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]
SCRIPT = Path(__file__).with_name("full_disk.py")
# Root may mount; others may in a user namespace of their own, where the kernel allows those.
WAYS = (["unshare", "--mount"], ["unshare", "--mount", "--user", "--map-root-user"])


def may_mount(way, folder):
    """Whether a disk can be mounted in this way."""
    try:
        return subprocess.run([*way, "mount", "-t", "tmpfs", "tmpfs", str(folder)], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def run_on_disk(tmp_path, write_project):
    """A function that runs the tiny project on a disk of some size that fills up when something of a name appears in the home folder."""
    way = next((way for way in WAYS if may_mount(way, tmp_path)), None)
    if way is None:
        pytest.skip("a small disk can't be mounted here: it takes Linux with util-linux's unshare, and root or user namespaces")

    def run(size, pattern, again):
        command = [*way, sys.executable, str(SCRIPT), str(tmp_path), size, str(write_project()), pattern, "again" if again else ""]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def last_words(printed):
    """What the command line says at its end of an error."""
    *_, words = printed.split("\nemberflow: ")
    return words


def test_without_room_a_run_ends_before_anything_starts(run_on_disk):
    """A disk of 30 MiB: told in seconds, with where and how much is missing; not even Prefect is started."""
    told = run_on_disk("30m", "nothing is called so", again=False)

    assert told["first"]["code"] == 1
    said = r"only 30 MiB are free at '.*/home/store'; expected at least 64 MiB: free 34 MiB or more, then run again\n"
    assert re.fullmatch(said, last_words(told["first"]["printed"]))
    assert told["found"] == {"blobs": 0, "damaged": [], "unfinished": [], "results": []}


PAGES = {"record.json", "report.html", "pareto.png"}


@pytest.mark.parametrize(
    ("full_when", "kept", "again"),
    [
        pytest.param("store/??/*.h5", [set()], True, id="the baseline is trained"),
        pytest.param("store/unfinished/*/runs", [set(), PAGES], False, id="the report is written"),  # or has been, when the disk is full
        pytest.param("bundles/tiny/2*", [PAGES | {"manifest.json"}], True, id="MLflow is told"),
    ],
)
def test_a_disk_that_fills_up_leaves_nothing_half_written(run_on_disk, full_when, kept, again):
    """Exit code 1 and one message at the end; blobs and results are whole or absent; with room again the run completes."""
    told = run_on_disk("160m", full_when, again)

    assert told["first"]["code"] == 1
    assert re.match(r"(no space left at '.*/home'|only .* are free at '.*/home/store')", last_words(told["first"]["printed"]))
    assert "Traceback" not in told["first"]["printed"]
    assert told["found"]["blobs"] > 0
    assert told["found"]["damaged"] == told["found"]["unfinished"] == []
    assert {Path(name).name for name in told["found"]["results"]} & {*PAGES, "manifest.json"} in kept
    if again:
        assert told["second"]["code"] == 0
        assert "serves: " in told["second"]["printed"]
