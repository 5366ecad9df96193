"""Somebody is told: a real stack, a real receiver of HTTP on this machine, and a POST for each thing that goes wrong."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import psutil
import pytest

from emberflow.cli.stack import read_stack
from tests.flows.test_started_by_a_click import LONG, Api

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.slow, pytest.mark.longest]

WORD = "s3cretword"
ENDED = ("COMPLETED", "FAILED", "CRASHED")
QUICK = {"name": "alarmed", "recipes": ["float32"], "target": "linux-arm64", "training": {"epochs": 1}}


class Receiver:
    """What stands behind a webhook: it keeps what it was told."""

    def __init__(self):
        self.posts = posts = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                posts.append((self.path, self.headers["Content-Type"], json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self):
        """Where it is told, with a word that nobody else should know."""
        return f"http://127.0.0.1:{self._server.server_port}/{WORD}"

    def told_since(self, number):
        """The different texts of all posts after so many, once there is one, and of those in the three seconds after it.

        Where Prefect's SQLite is locked just then, its server takes the same event up a second time, and tells the same again.
        """
        end = time.monotonic() + 60
        while len(self.posts) == number:
            assert time.monotonic() < end, "nobody was told"
            time.sleep(0.2)
        time.sleep(3)
        return list(dict.fromkeys(body["text"] for _, _, body in self.posts[number:]))

    def close(self):
        """Hear no more."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def watched(tmp_path_factory, command, receiver):
    """A stack whose alerts go to the receiver, and which logs in JSON."""
    home = tmp_path_factory.mktemp("watched")
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        ports = [str(each.getsockname()[1]) for each in (one, other)]
    os.environ["EMBERFLOW_ALERTS"] = receiver.address
    try:
        answer = command("up", "--home", str(home), "--prefect-port", ports[0], "--mlflow-port", ports[1], "--log", "json")
    finally:
        del os.environ["EMBERFLOW_ALERTS"]
    assert answer.returncode == 0, answer.stdout + answer.stderr
    yield home
    command("down", "--home", str(home))


@pytest.fixture(scope="module")
def api(watched):
    return Api(read_stack(watched))


def page(api, run):
    return f"{api.stack.prefect}/runs/flow-run/{run}"


def test_a_run_that_failed_is_told_with_project_reason_and_page(api, receiver, write_project):
    """Of one that a click started; what is sent is JSON, as chats take it."""
    before = len(receiver.posts)
    run = api.start("retrain-to-deploy", {"project": str(write_project(**QUICK, data="tiny:nowhere"))})
    api.wait_for(run, ENDED, 120)

    told = receiver.told_since(before)
    assert told == [f"alarmed: retrain-to-deploy failed: ProjectError: 'tiny:nowhere': 'tiny' has no function 'nowhere'.\n{page(api, run)}"]
    assert receiver.posts[before][:2] == (f"/{WORD}", "application/json")


@pytest.fixture(scope="module")
def champion(api, write_project):
    """The path of a project whose first version serves; of that nobody is told."""
    path = write_project(**QUICK)
    run = api.start("retrain-to-deploy", {"project": str(path)})
    assert api.wait_for(run, ENDED, 180)["type"] == "COMPLETED"
    return path


def test_a_version_that_the_gate_refused_is_told(api, receiver, champion):
    """Here for a test set that is smaller than the project asks for; the first version, which was promoted, was told to nobody."""
    before = len(receiver.posts)
    champion.with_name("promotion.yaml").write_text("smallest_test_set: 1000\n")
    champion.write_text(champion.read_text().replace("training:\n  epochs: 1\n", "training:\n  epochs: 2\n"))
    run = api.start("retrain-to-deploy", {"project": str(champion)})
    assert api.wait_for(run, ENDED, 180)["type"] == "COMPLETED"

    (told,) = receiver.told_since(before)
    assert told.startswith("alarmed: kept version 1: version 2 can't be told from version 1: the test set of 120 samples is smaller than the 1,000")
    assert told.endswith(f"\n{page(api, run)}")


def test_a_champion_that_has_drifted_is_told(api, receiver, champion):
    """With what moved; the retraining that follows is ended here."""
    before = len(receiver.posts)
    source = champion.with_name("tiny.py")
    source.write_text(source.read_text().replace("wave * [1.0, 2.0]", "3 + wave * [1.0, 2.0]"))
    run = api.start("evaluate-champion", {"project": str(champion)})
    assert api.wait_for(run, ENDED, 120)["type"] == "COMPLETED"

    told = receiver.told_since(before)[0]
    for each in api.prefect("flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING"]}}}}):
        api.cancel(each["id"])
    assert told.startswith("alarmed: version 1 has drifted: ")
    assert told.endswith(f"\n{page(api, run)}")


def test_a_run_whose_process_was_killed_is_told(api, receiver, write_project):
    """It could tell nothing itself: Prefect does, by its name, which begins with the project's."""
    run = api.start("compress-model", {"project": str(write_project(**QUICK | {"name": "killed", "training": LONG}))})
    api.wait_for(run, ("RUNNING",), 60)
    before = len(receiver.posts)
    (process,) = [each for each in api.stack.processes() if run in _environment(each).get("PREFECT__FLOW_RUN_ID", "")][:1]
    process.send_signal(signal.SIGKILL)
    api.wait_for(run, ("CRASHED",), 60)

    (told,) = [text for text in receiver.told_since(before) if text.startswith("killed ")]
    assert told.startswith(f"{api.prefect(f'flow_runs/{run}')['name']} crashed: ")
    assert told.endswith(page(api, run))


def _environment(process):
    try:
        return process.environ()
    except psutil.Error:
        return {}


def test_every_line_of_the_workers_log_is_an_event(watched, champion):
    """Of runs that it started, too, in processes of their own; each of these is named by its run."""
    events = [json.loads(line) for line in (watched / "logs" / "worker.log").read_text().splitlines()]

    assert {event["project"] for event in events if event["stage"]} >= {"alarmed"}
    assert all(event["run"] for event in events if event["logger"] in ("prefect.flow_runs", "prefect.task_runs"))
    assert "float32" in {event["variant"] for event in events if event["stage"] == "convert"}


def test_the_address_is_in_no_file_and_in_no_command(watched, api, champion):
    """Prefect keeps it encrypted; the runs that the worker started don't know it."""
    processes = api.stack.processes()

    assert [file for file in watched.rglob("*") if file.is_file() and WORD.encode() in file.read_bytes()] == []
    assert [process.cmdline() for process in processes if any(WORD in word for word in process.cmdline())] == []


_BLOCK = """
import sys
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from deployments.alerts import send_to
from emberflow.alert import Recipient

CustomWebhookNotificationBlock(name="team", url=sys.argv[1], json_data={"text": "{{subject}}: {{body}}"}).save("my-team")
send_to(Recipient.parse("custom-webhook/my-team"), ["retrain-to-deploy"])
"""


def test_a_notification_block_of_ones_own_is_told_instead(api, receiver, write_project):
    """One of Prefect's, by its name: the words are the same, in the form that the block gives them, and the address is told no more."""
    environment = {**os.environ, "PREFECT_API_URL": f"{api.stack.prefect}/api"}
    subprocess.run([sys.executable, "-c", _BLOCK, receiver.address], env=environment, check=True, capture_output=True)
    before = len(receiver.posts)
    run = api.start("retrain-to-deploy", {"project": str(write_project(**QUICK, data="tiny:nowhere"))})
    api.wait_for(run, ENDED, 120)

    told = receiver.told_since(before)
    assert told == [
        f"Emberflow: alarmed: retrain-to-deploy failed: ProjectError: 'tiny:nowhere': 'tiny' has no function 'nowhere'.\n{page(api, run)}"
    ]
