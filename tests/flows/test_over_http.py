"""An MLflow server in front of the registry: register, gate, promote and roll back over HTTP, and what a user reads when the server goes away."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from emberflow.adapters.publisher import fetch_published
from emberflow.adapters.registry import Registry
from emberflow.adapters.tracking import Tracker
from emberflow.errors import TrackingError
from emberflow.gate import Outcome
from emberflow.runs import read_decision
from emberflow.signing import read_public
from emberflow.version import Aliases, Standing
from tests.flows.test_deploy import POOR
from tests.flows.test_retrain_to_deploy import run

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(1800)]

START_SECONDS = 120


class Server:
    """`mlflow server` over a SQLite file, which keeps the files of runs too: whoever asks sees neither data base nor folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as asked:
            asked.bind(("127.0.0.1", 0))
            self.port = asked.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        """Until it answers; a second time over the same data."""
        words = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(self.port)]
        words += ["--backend-store-uri", f"sqlite:///{self.folder / 'mlflow.db'}", "--artifacts-destination", str(self.folder / "files")]
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(words, env=os.environ | quiet, stdout=log, stderr=log, cwd=self.folder, start_new_session=True)
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "server.log").read_text()
            assert time.monotonic() < end, "the server did not answer"
            time.sleep(0.2)

    def stop(self):
        """With its workers."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(30)

    def _answers(self):
        try:
            with urlopen(f"{self.uri}/health", timeout=5) as answer:  # noqa: S310 - an address of our own
                return answer.status == 200
        except (URLError, ConnectionError, TimeoutError):
            return False


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("server"))
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def start(prefect_api, server, write_project, home, place):
    """A function that runs the project with some settings changed; the gate's decision."""
    settings = {"name": "remote", "recipes": ["int8"], "publish": str(place / "out"), "signing_key": str(place / "my.key")}

    def start(**changes):
        return read_decision(home, run(write_project(**settings | changes), home, mlflow=server.uri))

    start.settings = settings
    return start


@pytest.fixture(scope="module")
def decisions(start):
    """A first version, a worse one, and the model of the first on another chip."""
    return start(), start(training=POOR), start(target="stm32g071")


@pytest.fixture
def impatient(monkeypatch):
    """Tasks that would wait two minutes for a server to come back wait a second."""
    from tasks.promote import carry_out
    from tasks.release import restore_previous
    from tasks.track import close_run, log_outcome

    for task in (carry_out, restore_previous, log_outcome, close_run):
        monkeypatch.setattr(task, "retries", 1)
        monkeypatch.setattr(task, "retry_delay_seconds", 1)


def registry(server):
    return Registry(Tracker(server.uri), "remote")


def test_versions_are_registered_judged_and_promoted_over_http(decisions, server, place, tmp_path):
    """As in a SQLite file; the champion's bytes came from the server, and so did the bundle that is published."""
    first, worse, other = decisions

    assert "promoted version 1: it is the first, and fits stm32f405" == first.sentence
    assert worse.sentence.startswith("kept version 1: version 2 loses 0.")
    assert "promoted version 3: accuracy 1.0000 against 1.0000 of version 1, a gain of 0.000 +- 0.016" == other.sentence
    assert Aliases(champion=3, challenger=2, previous=1) == registry(server).aliases()
    assert Standing.KEPT is registry(server).version(2).standing
    assert 3 == fetch_published(str(place / "out"), read_public(place / "my.key.pub"), tmp_path / "got").champion


def test_a_roll_back_over_http_verifies_and_publishes(decisions, start, server, write_project, home, place, tmp_path):
    """The bundle comes from the server."""
    from flows.roll_back import roll_back
    from flows.settings import VersionConfig

    config = VersionConfig(project=str(write_project(**start.settings)), home=str(home), mlflow=server.uri)

    assert "rolled back to version 1: version 3 is the previous one now" == roll_back(config)
    assert Aliases(champion=1, challenger=2, previous=3) == registry(server).aliases()
    assert 1 == fetch_published(str(place / "out"), read_public(place / "my.key.pub"), tmp_path / "got").champion
    assert "rolled back to version 3: version 1 is the previous one now" == roll_back(config)


def test_a_server_that_goes_away_between_gate_and_promotion_leaves_the_old_champion(decisions, start, server, impatient, monkeypatch):
    """The user reads what to do and where the report is; the next run promotes what the gate had decided."""
    import flows.deploy as module

    real = module.pass_gate

    def decide_and_lose_the_server(*given):
        decision = real(*given)
        server.stop()
        return decision

    with monkeypatch.context() as patch:
        patch.setattr(module, "pass_gate", decide_and_lose_the_server)
        with pytest.raises(TrackingError) as told:
            start(target="stm32h743")
    server.start()

    said = str(told.value)
    assert said.startswith(f"MLflow at {server.uri} doesn't answer; start the server or check the address, then run again: finished stages are kept.")
    assert "The variants are kept: their report is " in said
    assert "Run again when MLflow can take them; nothing is trained twice" in said
    assert 3 == registry(server).aliases().champion
    assert Standing.WAITING is registry(server).version(4).standing

    again = start(target="stm32h743")
    assert (Outcome.PROMOTED, 4) == (again.outcome, again.version)
    assert Aliases(champion=4, challenger=2, previous=3) == registry(server).aliases()


def test_a_roll_back_without_the_server_changes_nothing(decisions, start, server, impatient, write_project, home):
    """In words, and the champion keeps its name."""
    from flows.roll_back import roll_back
    from flows.settings import VersionConfig

    before = registry(server).aliases()
    server.stop()
    with pytest.raises(TrackingError, match=f"MLflow at {server.uri} doesn't answer; start the server or check the address, then run again"):
        roll_back(VersionConfig(project=str(write_project(**start.settings)), home=str(home), mlflow=server.uri))
    server.start()

    assert before == registry(server).aliases()
