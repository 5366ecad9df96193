"""Runs started together, as processes of the command line: all end well, none takes anything of another, and what several want is made once."""

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from emberflow.adapters.registry import Registry
from emberflow.adapters.tracking import Tracker
from emberflow.bundle import verify_files
from emberflow.record import Record
from emberflow.version import Aliases

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(1500)]

RECIPES = {"tiny": ["float32", "int8", "prune50-int8"], "other": ["float32", "int8"]}


@pytest.fixture
def projects(write_project):
    """Two that share nothing: the second one trains shorter."""
    shorter = {"epochs": 10, "batch_size": 32, "learning_rate": 0.01}
    return {"tiny": write_project(), "other": write_project(name="other", recipes=RECIPES["other"], training=shorter)}


def run_at_once(orders):
    """Start `emberflow run` for each (project, home), and give what each said, once all have ended."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    program = str(Path(sys.executable).with_name("emberflow"))
    said = subprocess.PIPE
    runs = [
        subprocess.Popen([program, "run", str(path), "--home", str(home)], env=environment, stdout=said, stderr=subprocess.STDOUT, text=True)
        for path, home in orders
    ]
    return [(run.communicate()[0], run.returncode) for run in runs]


def records(home, project):
    return [Record.model_validate_json(path.read_bytes()) for path in home.glob(f"runs/{project}/*/record.json")]


def carried_out(home):
    """How often each task run of a name ended so: ("convert int8", "Completed") and ("convert int8", "Cached")."""
    with sqlite3.connect(home / "prefect" / "prefect.db") as prefect:
        return Counter(prefect.execute("select name, state_name from task_run").fetchall())


def check_bundles(home, project, runs):
    """Each run's bundle is whole, and of its own project, model and run."""
    for record in runs:
        manifest = verify_files(home / "bundles" / project / record.provenance.run_id)
        assert (project, record.choice.champion) == (manifest.project, manifest.recipe)
        assert record.variant(record.choice.champion).model == manifest.model


def check_mlflow(home, project, runs):
    """One finished run for each record, with one nested run a recipe, the run's own files, and no other model than the record's."""
    mlflow = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    experiment = mlflow.get_experiment_by_name(project)
    found = mlflow.search_runs([experiment.experiment_id])
    parents = {run.info.run_id: run for run in found if "mlflow.parentRunId" not in run.data.tags}
    assert {"FINISHED"} == {run.info.status for run in found}
    assert {record.provenance.mlflow_run_id for record in runs} == set(parents)
    for record in runs:
        parent = parents[record.provenance.mlflow_run_id]
        assert record.provenance.run_id == parent.data.tags["emberflow.run_id"]
        children = [run for run in found if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
        assert RECIPES[project] == sorted(run.data.tags["emberflow.recipe"] for run in children)
        logged = Record.model_validate_json(Path(mlflow.download_artifacts(parent.info.run_id, "record.json")).read_bytes())
        assert record == logged
        assert verify_files(Path(mlflow.download_artifacts(parent.info.run_id, "bundle"))).project == project


def check_home(home, number):
    """All of `number` runs of each project, one registered version, and each stage carried out once."""
    for project in RECIPES:
        runs = records(home, project)
        assert number == len(runs)
        assert 1 == len({tuple(variant.model for variant in record.variants) for record in runs})
        check_bundles(home, project, runs)
        check_mlflow(home, project, runs)
        assert Aliases(champion=1) == Registry(Tracker.local(home), project).aliases()
    assert not {variant.model for record in records(home, "tiny") for variant in record.variants} & {
        variant.model for record in records(home, "other") for variant in record.variants
    }
    done = carried_out(home)
    for recipe, wanting in (("float32", 2), ("int8", 2), ("prune50-int8", 1)):
        for stage in ("convert", "evaluate"):
            assert wanting == done[f"{stage} {recipe}", "Completed"]
            assert wanting * (number - 1) == done[f"{stage} {recipe}", "Cached"]
    assert (2, 2 * (number - 1)) == (done["train baseline", "Completed"], done["train baseline", "Cached"])
    assert (1, number - 1) == (done["compress prune50", "Completed"], done["compress prune50", "Cached"])
    assert {"Completed", "Cached"} == {state for _, state in done}


@pytest.mark.parametrize(("homes", "runs_of_each"), [(1, 4), (2, 1)])
def test_runs_of_two_projects_started_together(projects, tmp_path, homes, runs_of_each):
    """Eight in one home folder; and four in two, which share nothing but the cores."""
    folders = [tmp_path / f"home-{number}" for number in range(homes)]
    orders = [(projects[name], home) for _ in range(runs_of_each) for home in folders for name in projects]

    told = run_at_once(orders)

    assert [0] * len(orders) == [code for _, code in told], "\n".join(text for text, code in told if code)
    for text, _ in told:
        assert "locked" not in text
        assert "Traceback" not in text
    for home in folders:
        check_home(home, runs_of_each)
