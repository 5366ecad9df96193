"""A real stack on a bad day: the worker is killed, a server is away for a while, a data base is locked. Nothing is lost."""

import socket
import sqlite3
import subprocess
import time
from contextlib import contextmanager

import psutil
import pytest

from emberflow.cli.stack import read_stack
from emberflow.cli.stack_orders import MLFLOW, PREFECT, WORKER
from tests.flows.test_started_by_a_click import Api

pytestmark = [pytest.mark.xdist_group("bad days"), pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(1200)]
STEADY = {"epochs": 60, "batch_size": 8, "learning_rate": 0.01}
DONE = ("COMPLETED", "FAILED", "CRASHED")


@pytest.fixture(scope="module")
def house(tmp_path_factory, command):
    """The home of a stack of these tests' own, which may be hurt."""
    home = tmp_path_factory.mktemp("hurt")
    bring_up(home, command, *free_ports())
    yield home
    command("down", "--home", str(home))


def free_ports():
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1]), str(other.getsockname()[1])


def bring_up(home, command, prefect_port, mlflow_port):
    answer = command("up", "--home", str(home), "--prefect-port", prefect_port, "--mlflow-port", mlflow_port)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def api_of(home):
    return Api(read_stack(home))


def start(home, write_project, name, recipes=("int8",), training=STEADY):
    """The id of a run of the tiny project, called `name`."""
    path = write_project(name=name, recipes=list(recipes), training=training)
    return api_of(home).start("retrain-to-deploy", {"project": str(path), "home": str(home)})


def wait_for(is_so, limit_seconds=240):
    end = time.monotonic() + limit_seconds
    while not is_so():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def process_of(home, name):
    """The member of the stack that was started as such, as it runs now."""
    (member,) = [each for each in read_stack(home).members if each.name == name]
    return psutil.Process(member.pid)


@contextmanager
def away(process):
    """Within, the server is down; afterwards it is started as it was before."""
    words, environment, folder = process.cmdline(), process.environ(), process.cwd()
    process.terminate()
    process.wait(30)
    yield
    subprocess.Popen(words, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def locked(*files):
    """Within, nobody else can write to these data bases."""
    held = [sqlite3.connect(file, timeout=60, isolation_level=None) for file in files]
    for base in held:
        base.execute("begin exclusive")
    yield
    for base in held:
        base.close()


def outcome(home, name):
    """The status of the project's parent runs in MLflow, oldest first, and the names of its nested runs that are finished."""
    runs = api_of(home).runs_of(name)
    tags = [{tag["key"]: tag["value"] for tag in run["data"]["tags"]} for run in runs]
    parents = sorted(
        (run["info"]["start_time"], run["info"]["status"]) for run, said in zip(runs, tags, strict=True) if "mlflow.parentRunId" not in said
    )
    nested = [
        run["info"]["run_name"] for run, said in zip(runs, tags, strict=True) if "mlflow.parentRunId" in said and run["info"]["status"] == "FINISHED"
    ]
    return [status for _, status in parents], sorted(nested)


def versions(home, name):
    """How many versions of the project are registered."""
    return len(api_of(home).mlflow("model-versions/search?" + f"filter=name%3D%27{name}%27", None).get("model_versions", []))


def errors_of(home, run):
    """What the run logged as warnings and errors."""
    wanted = {"logs": {"flow_run_id": {"any_": [run]}, "level": {"ge_": 30}}, "limit": 20}
    return "\n".join(each["message"] for each in api_of(home).prefect("logs/filter", wanted))


def test_a_server_that_is_restarted_is_waited_for(house, write_project):
    """Prefect's: the run asks again until it answers."""
    run = start(house, write_project, "restarted")
    wait_for(lambda: list(house.glob("store/unfinished/*")))

    with away(process_of(house, PREFECT)):
        time.sleep(10)

    wait_for(lambda: answers(house))
    assert api_of(house).wait_for(run, DONE, 400)["type"] == "COMPLETED", errors_of(house, run)
    assert outcome(house, "restarted") == (["FINISHED"], ["int8"])


def answers(home):
    try:
        return bool(api_of(home).prefect("health"))
    except OSError:
        return False


def test_what_mlflow_did_not_take_is_logged_when_it_is_back(house, write_project):
    """Half a minute without it, just when the variants are to be logged."""
    run = start(house, write_project, "logged")
    wait_for(lambda: list(house.glob("runs/logged/*/record.json")))

    with away(process_of(house, MLFLOW)):
        time.sleep(30)

    assert api_of(house).wait_for(run, DONE, 400)["type"] == "COMPLETED", errors_of(house, run)
    assert outcome(house, "logged") == (["FINISHED"], ["int8"])
    assert versions(house, "logged") == 1


def test_locked_data_bases_are_waited_for(house, write_project):
    """Both at once, for 20 s."""
    run = start(house, write_project, "locked")
    wait_for(lambda: list(house.glob("runs/locked/*")))

    with locked(house / "mlflow.db", house / "prefect" / "prefect.db"):
        time.sleep(20)

    assert api_of(house).wait_for(run, DONE, 400)["type"] == "COMPLETED", errors_of(house, run)
    assert outcome(house, "locked") == (["FINISHED"], ["int8"])


def test_a_run_whose_worker_was_killed_is_marked_and_goes_on_when_it_is_retried(house, write_project, command):
    """The worker with all that it started, at once: the run is marked as crashed; the stack is started anew, and a retry ends it."""
    known = set(house.glob("results/train-*"))
    run = start(house, write_project, "killed", recipes=("int8", "prune50-int8"), training=STEADY | {"epochs": STEADY["epochs"] + 1})
    wait_for(lambda: set(house.glob("results/train-*")) - known)
    worker = process_of(house, WORKER)
    for process in (worker, *worker.children(recursive=True)):
        process.kill()

    assert api_of(house).wait_for(run, DONE, 300)["type"] == "CRASHED"

    ports = [address.rpartition(":")[2] for address in (read_stack(house).prefect, read_stack(house).mlflow)]
    command("down", "--home", str(house))
    bring_up(house, command, *ports)
    api_of(house).prefect(f"flow_runs/{run}/set_state", {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": True})
    assert api_of(house).wait_for(run, ("COMPLETED", "FAILED"), 300)["type"] == "COMPLETED", errors_of(house, run)
    assert outcome(house, "killed") == (["KILLED", "FINISHED"], ["int8", "prune50-int8"])
    assert versions(house, "killed") == 1
