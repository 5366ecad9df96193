"""The process of the shared server: where it says it answers, and that it goes when nobody uses it. Whole runs are in test_server.py."""

import json
import os
import subprocess
import sys

import psutil
import pytest

from emberflow.adapters.lock import share
from emberflow.cli.environment import prepare_environment
from emberflow.cli.server_process import ADDRESS, note_address

LEAVE = "import sys; from pathlib import Path; from emberflow.cli.server_process import leave_after; leave_after(Path(sys.argv[1]))"


def test_the_address_is_noted_whole(tmp_path):
    """With the process that answers there; nothing else is left in the folder."""
    note_address(tmp_path, 4321)

    noted = json.loads((tmp_path / ADDRESS).read_text())
    assert "http://127.0.0.1:4321/api" == noted["url"]
    assert [ADDRESS] == [path.name for path in tmp_path.iterdir()]


def test_it_ends_by_sigterm_once_nobody_uses_it(tmp_path):
    """Two share it; it goes after the second, and says before that it answers nobody new."""
    note_address(tmp_path, 4321)
    one, other = share(tmp_path / "users"), share(tmp_path / "users")
    process = subprocess.Popen([sys.executable, "-c", LEAVE, str(tmp_path)])
    one.give_back()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.5)
    assert (tmp_path / ADDRESS).exists()
    other.give_back()

    assert -15 == process.wait(30)
    assert not (tmp_path / ADDRESS).exists()


@pytest.mark.slow
def test_a_server_ends_with_a_run_that_is_killed(monkeypatch, tmp_path):
    """SIGKILL leaves the run no time to end it."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    monkeypatch.setattr("os.environ", mine)
    prepare_environment(tmp_path)
    code = "import time\nfrom emberflow.cli.server import start_server\nprint(start_server().pid, flush=True)\ntime.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=mine) as run:
        server = psutil.Process(int(run.stdout.readline()))
        run.kill()

    psutil.wait_procs([server], timeout=60)
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
