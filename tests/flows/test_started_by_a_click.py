"""Runs that a deployment started, as a click in Prefect's UI does: on the real stack, through its API."""

import json
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.slow]

LONG = {"epochs": 10_000, "batch_size": 8, "learning_rate": 0.01}


class Api:
    """Prefect's and MLflow's, by REST."""

    def __init__(self, stack):
        self.stack = stack

    def prefect(self, path, body=None):
        """An answer of Prefect's API."""
        return self._ask(f"{self.stack.prefect}/api/{path}", body)

    def mlflow(self, path, body):
        """An answer of MLflow's."""
        return self._ask(f"{self.stack.mlflow}/api/2.0/mlflow/{path}", body)

    def start(self, deployment, config):
        """The id of a new run, with the form's values but those of `config`."""
        found = self.prefect("deployments/filter", {"deployments": {"name": {"any_": [deployment]}}})
        (deployed,) = found
        run = self.prefect(f"deployments/{deployed['id']}/create_flow_run", {"parameters": {"config": deployed["parameters"]["config"] | config}})
        return run["id"]

    def state(self, run):
        """The run's, now."""
        return self.prefect(f"flow_runs/{run}")["state"]

    def wait_for(self, run, types, limit_seconds):
        """The state of one of these types, once the run is in it."""
        end = time.monotonic() + limit_seconds
        while (state := self.state(run))["type"] not in types:
            assert time.monotonic() < end, state
            time.sleep(0.3)
        return state

    def runs_of(self, project):
        """MLflow's runs of a project."""
        found = self.mlflow("experiments/search", {"max_results": 9, "filter": f"name = '{project}'"}).get("experiments", [])
        ids = [each["experiment_id"] for each in found]
        return self.mlflow("runs/search", {"experiment_ids": ids}).get("runs", []) if ids else []

    def _ask(self, address, body):
        sent = json.dumps(body).encode() if body is not None else None
        with urlopen(Request(address, sent, {"Content-Type": "application/json"}), timeout=60) as answer:  # noqa: S310 - an address of our own
            return json.load(answer)


@pytest.fixture
def api(stack):
    return Api(stack)


def training_workers(stack):
    """Worker processes of runs, by what they were started as."""
    return [process for process in stack.processes() if "emberflow.adapters.worker" in process.cmdline()]


def test_a_run_completes_and_shows_in_both_uis(api, write_project):
    """Prefect has its name, its table and a link to MLflow; MLflow's run names Prefect's."""
    path = write_project(name="clicked", recipes=["float32"], target="linux-arm64", training={"epochs": 1})

    run = api.start("compress-model", {"project": str(path)})
    state = api.wait_for(run, ("COMPLETED", "FAILED", "CRASHED"), 180)

    assert state["type"] == "COMPLETED", state["message"]
    assert api.prefect(f"flow_runs/{run}")["name"].startswith("clicked 20")
    keys = {each["key"] for each in api.prefect("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}})}
    assert {"variants-clicked", "pareto-clicked"} <= keys
    names = {each["info"]["run_name"]: {tag["key"]: tag["value"] for tag in each["data"]["tags"]} for each in api.runs_of("clicked")}
    assert "float32" in names
    assert run in {tags.get("prefect.flow_run_id") for tags in names.values()}


def test_a_run_that_is_cancelled_ends_its_training_within_seconds(api, stack, stack_home, write_project):
    """Its worker processes too; MLflow calls it killed, and neither bundle nor version nor unfinished file is left."""
    run = api.start("retrain-to-deploy", {"project": str(write_project(name="cancelled", training=LONG))})
    end = time.monotonic() + 120
    while not any(process.cpu_times().user > 8 for process in _alive(training_workers(stack))):  # TensorFlow is imported, and trains
        assert time.monotonic() < end, api.state(run)
        time.sleep(0.5)

    api.prefect(f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    began = time.monotonic()
    api.wait_for(run, ("CANCELLED",), 60)
    took = time.monotonic() - began
    while training_workers(stack):
        assert time.monotonic() - began < 60
        time.sleep(0.2)

    assert took < 30
    assert [each["info"]["status"] for each in api.runs_of("cancelled")] == ["KILLED"]
    assert not (stack_home / "bundles" / "cancelled").exists()
    assert list((stack_home / "store" / "unfinished").iterdir()) == []
    with pytest.raises(HTTPError, match="404"):
        api._ask(f"{stack.mlflow}/api/2.0/mlflow/registered-models/get?name=cancelled", None)


def _alive(processes):
    return [process for process in processes if process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"recipes": ["int9"]}, "'config.recipes[0]'. Failure reason: 'int9' is not one of ['float32', 'float16', "),
        ({"target": "stm32f4"}, "'config.target'. Failure reason: 'stm32f4' is not one of ["),
        ({"budget": {"flash": "much"}}, "'config.budget.flash'. Failure reason: 'much' does not match"),
        ({"buget": {}}, "Additional properties are not allowed ('buget' was unexpected)"),
    ],
)
def test_a_bad_parameter_is_refused_before_anything_starts(api, config, words):
    """By the schema that the form is drawn from."""
    with pytest.raises(HTTPError, match="409") as caught:
        api.start("compress-model", config)

    assert words in caught.value.read().decode()
