"""The anomaly example: real movements through the whole chain; chip and host find the same errors and decide alike."""

import ctypes
import runpy
from pathlib import Path

import numpy as np
import pytest

from emberflow.adapters.workshop import Workshop
from emberflow.bundle import verify_files
from emberflow.dataset import prepare
from emberflow.evaluate import micro
from emberflow.evaluate.borders import quantize
from emberflow.evaluate.litert import read_borders
from emberflow.project import read_project
from emberflow.runs import bundle_folder, run_folder
from emberflow.stages.prepare import preparation_of
from emberflow.task.anomaly import errors
from emberflow.task.rules import Run

FOLDER = Path(__file__).parents[2] / "examples" / "anomaly"
PROJECT = read_project(FOLDER / "emberflow.yaml")


def test_data_need_no_warning():
    """People are disjoint; training knows no anomaly, the test part both."""
    made = prepare(runpy.run_path(str(FOLDER / "anomaly.py"))["load"](), preparation_of(PROJECT))

    assert made.warnings == ()
    assert {name: np.unique(y).tolist() for name, (_, y) in made.parts.items()} == {
        "train": [0],
        "validation": [0],
        "test": [0, 1],
        "calibration": [0],
        "vectors": [0, 1],
    }


@pytest.fixture(scope="module")
def run(prefect_api, tmp_path_factory):
    """The record of a run with two of the recipes, and its home."""
    from flows.retrain_to_deploy import retrain_to_deploy
    from flows.settings import RunConfig

    home = tmp_path_factory.mktemp("home")
    return retrain_to_deploy(RunConfig(project=str(FOLDER / "emberflow.yaml"), recipes="float32,int8,prune50-int8", home=str(home))), home


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.xdist_group("flows")
def test_other_movements_are_told_by_their_error(run):
    """An area of 0.9 and more, also of the champion on the emulated Cortex-M0+, proven."""
    record, _ = run
    champion = record.variant(record.choice.champion)

    assert record.baseline.quality.scores["roc_auc"] > 0.9
    assert champion.evaluation.quality.scores["roc_auc"] > 0.88
    assert champion.firmware.on_chip.is_proven
    assert champion.firmware.quality.scores == champion.evaluation.quality.scores
    assert set(record.baseline.quality.scores) == {"roc_auc", "partial_auc", "accuracy", "f1"}


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.xdist_group("flows")
def test_each_variant_has_a_threshold_of_its_own(run):
    """By its own errors. Float model and float32 variant give the same."""
    record, _ = run
    plain, pruned, floats = (record.variant(recipe).evaluation.quality.thresholds[0] for recipe in ("int8", "prune50-int8", "float32"))

    assert plain != pruned
    assert floats == pytest.approx(record.baseline.quality.thresholds[0], rel=1e-4)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.xdist_group("flows")
def test_the_firmware_computes_the_hosts_error_to_the_last_bit(run, toolchain):
    """Built for this machine and asked all the test vectors: the error's 64 bits, and the decision; its own self-test passes."""
    record, home = run
    folder = bundle_folder(home, "anomaly", record.provenance.run_id)
    manifest = verify_files(folder)
    model = (folder / manifest.model_file).read_bytes()
    places = [folder / "firmware" / name for name in ("model", "application")]
    sources = {path.name: path.read_bytes() for place in places for path in place.glob("*.[ch]")} | {"main.c": b"int nothing;"}
    library = ctypes.CDLL(str(toolchain.build_for_host(sources)))
    library.anomaly_error.restype = ctypes.c_double
    x = np.load(Workshop.at(home).store.path(record.splits.test.x))[:200]
    borders = read_borders(model)
    given, came = quantize(x, borders.input), micro.run(model, x)

    found = [library.anomaly_error(a.ctypes.data_as(ctypes.c_void_p), b.ctypes.data_as(ctypes.c_void_p)) for a, b in zip(given, came, strict=True)]
    decided = [library.anomaly_decide(a.ctypes.data_as(ctypes.c_void_p), b.ctypes.data_as(ctypes.c_void_p)) for a, b in zip(given, came, strict=True)]

    assert found == errors(Run(given, came, borders)).tolist()
    assert decided == [int(error > manifest.thresholds[0]) for error in found]
    assert len(set(found)) > 150
    assert library.anomaly_self_test() == 0


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.xdist_group("flows")
def test_the_report_draws_the_errors(run):
    """Both kinds of samples with the threshold, by the names that the data give them."""
    record, home = run
    page = (run_folder(home, "anomaly", record.provenance.run_id) / "report.html").read_text()

    assert {"Errors of reconstruction", "another movement", "mean squared error of reconstruction"} <= {
        words for words in ("Errors of reconstruction", "another movement", "mean squared error of reconstruction") if words in page
    }
    assert "threshold" in page
