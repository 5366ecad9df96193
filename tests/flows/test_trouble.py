"""One recipe meets what a night can bring, in a real worker process: it costs that recipe, or some time, and never the run."""

import shutil
import time
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow, pytest.mark.long]
TROUBLE = Path(__file__).with_name("project") / "trouble.py"
RECIPES = ["int8", "prune50-int8"]


@pytest.fixture
def run_with(prefect_api, write_project, tmp_path):
    """A function that runs the tiny project with this trouble in its fine-tuning; the record."""
    from flows.retrain_to_deploy import retrain_to_deploy
    from flows.settings import RunConfig

    def run(trouble):
        path = write_project(
            recipes=RECIPES,
            training={"epochs": 2, "batch_size": 32, "learning_rate": 0.01, "augment": f"trouble:{trouble}"},
            budget={"accuracy_drop": 1},
        )
        shutil.copy(TROUBLE, path.parent)
        return retrain_to_deploy(RunConfig(project=str(path), home=str(tmp_path / "home")))

    return run


def test_native_code_that_crashes_takes_its_worker_and_its_variant(run_with):
    """Tried three times, each in a fresh process; the other variant is judged and serves."""
    record = run_with("crash")

    (failure,) = record.failures
    assert ("prune50-int8", "compress prune50") == (failure.recipe, failure.stage)
    assert failure.reason.startswith("the worker process ended in emberflow.stages.compress:compress (signal SIGSEGV); its log is ")
    assert record.choice.champion == "int8"


def test_what_hangs_is_ended_at_its_limit_and_counts_as_failed(run_with, monkeypatch):
    """Once, and its process is gone."""
    monkeypatch.setattr("tasks.compress.LIMIT_SECONDS", 20)
    start = time.monotonic()

    record = run_with("hang")

    (failure,) = record.failures
    assert failure.reason.startswith("emberflow.stages.compress:compress was ended after its limit of 20 s; its log is ")
    assert record.choice.champion == "int8"
    assert time.monotonic() - start < 590, "it was waited for"
    sleeping = [each for each in psutil.Process().children(recursive=True) if each.status() == psutil.STATUS_ZOMBIE]
    assert sleeping == []


def test_training_goes_on_in_smaller_batches_where_memory_ran_out(run_with):
    """From 32 samples at once to 16 to 8; the variant says so."""
    record = run_with("starve")

    assert record.failures == ()
    assert "trained in batches of 8: memory did not hold 32 samples at once" in record.variant("prune50-int8").notes
    assert record.variant("int8").notes == ()
