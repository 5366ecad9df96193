"""What `emberflow init` writes runs through the chain once the data are filled in."""

import shutil
from pathlib import Path

import pytest

from emberflow.cli.init import Order, init_project
from emberflow.entry import call
from emberflow.errors import ProjectError

LOAD = """
import importlib.util
from pathlib import Path

spec = importlib.util.spec_from_file_location("tiny_data", Path(__file__).with_name("tiny.py"))
tiny = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiny)


def load():
    return tiny.load()
"""


@pytest.mark.xdist_group("flows")
@pytest.mark.slow
def test_a_project_that_was_written_runs(prefect_api, first_run, home, tmp_path):
    """The baseline of another run is the model that was brought; as long as the data are missing, that is told."""
    from emberflow.adapters.workshop import Workshop
    from flows.retrain_to_deploy import retrain_to_deploy
    from flows.settings import RunConfig

    shutil.copy(Workshop.at(Path(home)).store.path(first_run.baseline.model), tmp_path / "trained.h5")
    assert 0 == init_project(Order(tmp_path, tmp_path / "trained.h5", name="inherited"))
    with pytest.raises(ProjectError, match=r"'data:load' raised NotImplementedError: load\(\) in data\.py is still to be filled in"):
        call("data:load", tmp_path)

    shutil.copy(Path(__file__).with_name("project") / "tiny.py", tmp_path)
    (tmp_path / "data.py").write_text(LOAD)
    record = retrain_to_deploy(RunConfig(project=str(tmp_path / "emberflow.yaml"), recipes="int8", home=str(home)))
    assert ("inherited", "int8") == (record.project, record.choice.champion)
    assert record.baseline.curve is None
