import shutil
from pathlib import Path

import pytest
import yaml

from emberflow.signing import make_keys

PROJECT = Path(__file__).with_name("project")
SETTINGS = {
    "name": "tiny",
    "baseline": "tiny:build",
    "data": "tiny:load",
    "training": {"epochs": 12, "batch_size": 32, "learning_rate": 0.01},
    "fine_tuning": {"epochs": 1},
    "calibration_samples": 32,
    "recipes": ["float32", "int8", "prune50-int8"],
    "target": "stm32f405",
    "budget": {"accuracy_drop": 0.5},
}


@pytest.fixture(scope="session")
def write_project(tmp_path_factory):
    """A function that writes the tiny project with some settings changed, and gives the path of its file."""

    def write(**changes):
        folder = tmp_path_factory.mktemp("project")
        shutil.copy(PROJECT / "tiny.py", folder)
        path = folder / "emberflow.yaml"
        path.write_text(yaml.safe_dump(SETTINGS | changes))
        return path

    return write


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """One home folder for all runs: what one has made the next takes from the store."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def first_run(prefect_api, write_project, home):
    """The record of the first, undisturbed run."""
    from flows.retrain_to_deploy import retrain_to_deploy
    from flows.settings import RunConfig

    return retrain_to_deploy(RunConfig(project=str(write_project()), home=str(home)))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the project publishes, and its key."""
    folder = tmp_path_factory.mktemp("published")
    make_keys(folder / "my.key")
    return folder
