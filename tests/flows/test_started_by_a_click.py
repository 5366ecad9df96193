"""Runs that a deployment started, as a click in Prefect's UI does: on the real stack, through its API."""

import json
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

from emberflow.runs import last_record, read_decision

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.slow, pytest.mark.long]

BUSY = 503  # Prefect's server, where a data base is locked for longer than it waits; its own client asks again
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

    def artifacts(self, run):
        """The keys of what a run shows."""
        return {each["key"] for each in self.prefect("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}})}

    def events(self, project):
        """The names of a project's events, oldest first."""
        wanted = {"resource": {"id": [f"emberflow.project.{project}"]}, "order": "ASC"}
        return [each["event"] for each in self.prefect("events/filter", {"filter": wanted})["events"]]

    def wait_for_run_of(self, deployment, project, limit_seconds, sort="ID_DESC"):
        """The id of the first run of that deployment with that project, in an order of Prefect's."""
        end = time.monotonic() + limit_seconds
        while True:
            found = self.prefect("flow_runs/filter", {"deployments": {"name": {"any_": [deployment]}}, "sort": sort})
            for each in found:
                if each["parameters"].get("config", {}).get("project") == str(project):
                    return each["id"]
            assert time.monotonic() < end, [(each["name"], each["parameters"]) for each in found]
            time.sleep(0.3)

    def cancel(self, run):
        """As the button in the UI does."""
        self.prefect(f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})

    def runs_of(self, project):
        """MLflow's runs of a project."""
        found = self.mlflow("experiments/search", {"max_results": 9, "filter": f"name = '{project}'"}).get("experiments", [])
        ids = [each["experiment_id"] for each in found]
        return self.mlflow("runs/search", {"experiment_ids": ids}).get("runs", []) if ids else []

    def _ask(self, address, body):
        sent, end = json.dumps(body).encode() if body is not None else None, time.monotonic() + 60
        while True:
            try:
                with urlopen(Request(address, sent, {"Content-Type": "application/json"}), timeout=60) as answer:  # noqa: S310 - an address of our own
                    return json.load(answer)
            except HTTPError as error:
                if error.code != BUSY or time.monotonic() > end:
                    raise
            time.sleep(0.5)


@pytest.fixture
def api(stack):
    return Api(stack)


def training_workers(stack):
    """Worker processes of runs, by what they were started as."""
    return [process for process in stack.processes() if "emberflow.adapters.worker" in process.cmdline()]


@pytest.fixture(scope="module")
def clicked(stack, write_project):
    """The path of a project, and the id of a run of it that was started by a click and completed."""
    path, api = write_project(name="clicked", recipes=["float32"], target="linux-arm64", training={"epochs": 1}), Api(stack)
    run = api.start("compress-model", {"project": str(path)})
    state = api.wait_for(run, ("COMPLETED", "FAILED", "CRASHED"), 180)
    assert state["type"] == "COMPLETED", state["message"]
    return path, run


def test_a_run_shows_in_both_uis(api, clicked):
    """Prefect has its name, its table and its plot; MLflow's run names Prefect's."""
    _, run = clicked
    assert api.prefect(f"flow_runs/{run}")["name"].startswith("clicked 20")
    assert {"variants-clicked", "pareto-clicked"} <= api.artifacts(run)
    names = {each["info"]["run_name"]: {tag["key"]: tag["value"] for tag in each["data"]["tags"]} for each in api.runs_of("clicked")}
    assert "float32" in names
    assert f"[The run in Prefect]({api.stack.prefect}/runs/flow-run/{run})" in "".join(tags.get("mlflow.note.content", "") for tags in names.values())
    assert run in {tags.get("prefect.flow_run_id") for tags in names.values()}


def test_a_run_from_the_shell_shows_in_the_same_pages(api, stack, stack_home, command, write_project):
    """It starts no server of its own; the link that it prints leads to the stack's MLflow."""
    path = write_project(name="typed", recipes=["float32"], target="linux-arm64", training={"epochs": 1})

    answer = command("run", str(path), "--home", str(stack_home))

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"MLflow  {stack.mlflow}/#/experiments/" in answer.stdout
    (run,) = [each for each in api.prefect("flow_runs/filter", {}) if each["name"].startswith("typed 20")]
    assert run["state"]["type"] == "COMPLETED"
    assert run["deployment_id"] is None
    assert run["id"] in {tag["value"] for each in api.runs_of("typed") for tag in each["data"]["tags"]}


def test_who_has_no_champion_is_told_how_to_get_one(api, clicked):
    """The run fails with the sentence."""
    path, _ = clicked
    run = api.start("evaluate-champion", {"project": str(path)})
    state = api.wait_for(run, ("COMPLETED", "FAILED", "CRASHED"), 120)

    assert state["type"] == "FAILED"
    assert "'clicked' has no champion yet; run `retrain-to-deploy` of it first" in state["message"]


@pytest.fixture(scope="module")
def champion(stack, stack_home, clicked):
    """The variant of that run, registered as champion."""
    from emberflow.adapters.registry import Registry
    from emberflow.adapters.tracking import Tracker
    from emberflow.adapters.tracking_address import RunIds
    from emberflow.adapters.tracking_client import connect
    from emberflow.runs import last_record
    from emberflow.version import Entry, Origin

    path, run = clicked
    record = last_record(stack_home, "clicked")
    made, (variant,) = record.provenance, record.variants
    mlflow, registry = connect(stack.mlflow), Registry(Tracker(stack.mlflow), "clicked")
    (child,) = mlflow.children(RunIds(experiment_id=made.mlflow_experiment_id, run_id=made.mlflow_run_id), {})
    entry = Entry(
        recipe=variant.recipe,
        origin=Origin(model=variant.model.sha256, data=made.data_digest, code=made.code_digest, target=record.target.name),
        flow_run=run,
        experiment_id=made.mlflow_experiment_id,
        mlflow_run=made.mlflow_run_id,
    )
    version = registry.register(entry, mlflow.find_model(made.mlflow_experiment_id, child.info.run_id), {})
    registry.promote(version.number, None)
    return path


def test_a_champion_whose_data_moved_is_retrained(api, champion):
    """While they stay the event says so and nothing follows; when they have moved, Prefect's automation starts a run of that project."""
    steady = api.start("evaluate-champion", {"project": str(champion)})
    assert api.wait_for(steady, ("COMPLETED", "FAILED", "CRASHED"), 120)["type"] == "COMPLETED"
    assert "champion-clicked" in api.artifacts(steady)

    source = champion.with_name("tiny.py")
    source.write_text(source.read_text().replace("wave * [1.0, 2.0]", "3 + wave * [1.0, 2.0]"))
    moved = api.start("evaluate-champion", {"project": str(champion)})
    assert api.wait_for(moved, ("COMPLETED", "FAILED", "CRASHED"), 120)["type"] == "COMPLETED"
    retraining = api.wait_for_run_of("retrain-to-deploy", champion, 60)
    api.cancel(retraining)

    end = time.monotonic() + 60
    while (
        len(events := [each for each in api.events("clicked") if each.startswith("emberflow.champion.")]) < 2
    ):  # Prefect writes them down a while after it has acted on them
        assert time.monotonic() < end
        time.sleep(0.5)
    assert events == ["emberflow.champion.steady", "emberflow.champion.drifted"]
    assert api.prefect(f"flow_runs/{retraining}")["parameters"]["config"]["project"] == str(champion)


def test_a_run_that_is_cancelled_ends_its_training_within_seconds(api, stack, stack_home, write_project):
    """Its worker processes too; MLflow calls it killed, and neither bundle nor version nor unfinished file is left."""
    run = api.start("retrain-to-deploy", {"project": str(write_project(name="cancelled", training=LONG))})
    end = time.monotonic() + 120
    while not any(process.cpu_times().user > 8 for process in _alive(training_workers(stack))):  # TensorFlow is imported, and trains
        assert time.monotonic() < end, api.state(run)
        time.sleep(0.5)

    api.cancel(run)
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


def test_a_night_without_new_data_registers_nothing_new_and_says_so(api, stack, stack_home, write_project):
    """Started as the schedule starts it, twice; the registry has one version, and the gate's report of the second run is in Prefect."""
    path = write_project(name="nightly", recipes=["float32"], target="linux-arm64", training={"epochs": 1})
    for _ in range(2):
        run = api.start("retrain-to-deploy", {"project": str(path)})
        assert api.wait_for(run, ("COMPLETED", "FAILED", "CRASHED"), 300)["type"] == "COMPLETED"

    decision = read_decision(stack_home, last_record(stack_home, "nightly"))
    found = api._ask(f"{stack.mlflow}/api/2.0/mlflow/model-versions/search?filter=name%3D%27nightly%27", None)
    assert decision.sentence == "nothing new: version 1, the champion, has the same model, data and code"
    assert [each["version"] for each in found["model_versions"]] == ["1"]
    assert "gate-nightly" in api.artifacts(run)


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
