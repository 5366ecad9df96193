"""The whole chain for tasks other than classification: thresholds and units reach report, bundle, firmware and MLflow."""

import ctypes
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from mlflow.tracking import MlflowClient

from emberflow.adapters.linking import place
from emberflow.adapters.self_test import run_self_test
from emberflow.adapters.toolchain import Options
from emberflow.bundle import shipped_program, verify_files
from emberflow.runs import bundle_folder, read_decision, run_folder

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow, pytest.mark.long]

TRAINED = {"training": {"epochs": 30, "batch_size": 32, "learning_rate": 0.01}, "calibration_samples": 64, "target": "stm32f405"}
KINDS = {
    "binary": {"task": "binary", "threshold": "validation", "metric": "f1", "budget": {"accuracy_drop": 0.1}},
    "multi_label": {"task": "multi_label", "threshold": "validation", "budget": {"metric_drop": 0.1}},
    "regression": {"task": "regression", "metric": "kinds:worst_tenth", "higher_is_better": False, "budget": {"metric_drop": 40}},
}
ALL = KINDS | {"anomaly": {"task": "anomaly", "budget": {"metric_drop": 0.1}}}


@pytest.fixture(scope="module")
def run(prefect_api, tmp_path_factory):
    """A function that runs the project of a kind, once; all in one home."""
    from flows.retrain_to_deploy import retrain_to_deploy
    from flows.settings import RunConfig

    home, records = tmp_path_factory.mktemp("home"), {}

    def run_once(kind, **changes):
        key = f"{kind}{changes}"
        if key not in records:
            path = write_project(tmp_path_factory.mktemp(kind), kind, **changes)
            records[key] = retrain_to_deploy(RunConfig(project=str(path), home=str(home)))
        return records[key], home

    return run_once


def write_project(folder, kind, **changes):
    folder.mkdir(exist_ok=True)
    shutil.copy(Path(__file__).with_name("project") / "kinds.py", folder)
    settings = {"name": kind, "baseline": f"kinds:build_{kind}", "data": f"kinds:load_{kind}", "recipes": ["int8"]}
    (folder / "emberflow.yaml").write_text(yaml.safe_dump(settings | TRAINED | ALL[kind] | changes))
    return folder / "emberflow.yaml"


def bundle_of(record, home):
    folder = bundle_folder(home, record.project, record.provenance.run_id)
    return folder, verify_files(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_firmware_decides_as_the_host(run, toolchain, kind):
    """The folder's own self-test, built for this machine: every output byte, and every decision."""
    record, home = run(kind)
    folder, _ = bundle_of(record, home)
    sources = {path.name: path.read_bytes() for place in ("model", "application") for path in (folder / "firmware" / place).glob("*.[ch]")}
    library = ctypes.CDLL(str(toolchain.build_for_host(sources | {"main.c": b"int nothing;"})))

    assert record.choice.champion == "int8"
    assert record.variant("int8").firmware.on_chip.is_proven
    assert getattr(library, f"{kind}_self_test")() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_ships_is_what_was_measured(run, toolchain, kind):
    """The bundle's firmware folder, built again: the flash and RAM that were reported, and the self-test that was passed."""
    record, home = run(kind)
    folder, manifest = bundle_of(record, home)
    program, found = shipped_program(folder, manifest), record.variant("int8").firmware.on_chip
    built = place(toolchain, program.sources, record.target, Options()).image

    assert (found.linked.flash_bytes, found.linked.variable_bytes) == (built.flash_bytes, built.ram_bytes)
    assert found.self_test.passed
    assert found.self_test == manifest.self_test == run_self_test(program, record.target, toolchain)
    assert record.variant("int8").verdict.footprint.flash_bytes == built.flash_bytes


@pytest.mark.parametrize("kind", KINDS)
def test_the_self_test_complains_of_another_decision(run, toolchain, kind):
    """One expected decision of the test vectors is changed: one sample fails."""
    record, home = run(kind)
    folder, _ = bundle_of(record, home)
    sources = {path.name: path.read_bytes() for place in ("model", "application") for path in (folder / "firmware" / place).glob("*.[ch]")}
    head, decisions = sources["test_vectors.c"].split(b"_test_decisions", 1)
    first = re.search(rb"    \S+?,", decisions)[0]
    sources["test_vectors.c"] = head + b"_test_decisions" + decisions.replace(first, b"    7,", 1)

    library = ctypes.CDLL(str(toolchain.build_for_host(sources | {"main.c": b"int nothing;"})))

    assert getattr(library, f"{kind}_self_test")() == 1


def test_a_binary_threshold_is_chosen_for_each_variant_and_shipped(run):
    """By its own outputs on the validation part; in the manifest and in the C."""
    record, home = run("binary")
    folder, manifest = bundle_of(record, home)
    (threshold,) = record.variant("int8").evaluation.quality.thresholds

    assert manifest.thresholds == (threshold,)
    assert 0 < threshold < 1
    assert (manifest.task, manifest.metric) == ("binary", "f1")
    assert f"#define BINARY_THRESHOLD {np.float32(threshold):.9g}f" in (folder / "src" / "postprocess.h").read_text()
    assert record.baseline.quality.scores["f1"] > 0.8


def test_a_regressions_loss_is_in_its_own_metric(run):
    """The project's function, lower is better: positive is a loss, in millimetres."""
    record, _ = run("regression")
    baseline, variant = record.baseline.quality.scores, record.variant("int8").evaluation

    assert variant.drop.estimate == pytest.approx(variant.quality.scores["worst_tenth"] - baseline["worst_tenth"])
    assert set(baseline) == {"worst_tenth", "mae", "rmse", "r2"}
    assert baseline["r2"] > 0.9
    assert 0.9 < variant.agreement <= 1
    assert record.splits.target.std[0] > 50


def test_the_firmware_of_a_regression_gives_values_with_their_unit(run):
    """The model's standardized outputs are undone in C, and the name and the unit stand beside them."""
    record, home = run("regression")
    folder, _ = bundle_of(record, home)
    source = (folder / "src" / "postprocess.c").read_text()

    assert '#define REGRESSION_UNIT "mm"' in (folder / "src" / "postprocess.h").read_text()
    assert f"{np.float32(record.splits.target.std[0]):.9g}f," in source
    assert '"height",' in (folder / "src" / "labels.h").read_text()


def test_each_label_of_several_has_its_threshold(run):
    """Three, chosen on the validation part; subset accuracy and areas beside macro F1."""
    record, _ = run("multi_label")
    quality = record.variant("int8").evaluation.quality

    assert len(quality.thresholds) == 3
    assert list(quality.scores) == ["macro_f1", "subset_accuracy", "roc_auc"]
    assert quality.scores["macro_f1"] > 0.8
    assert [sum(row) for row in quality.by_label] == [128] * 3


@pytest.mark.parametrize(("kind", "words"), [("binary", "Confusion"), ("multi_label", "said wrongly"), ("regression", "predicted height, mm")])
def test_the_report_speaks_of_the_task(run, kind, words):
    """Each kind has a drawing or a table of its own, and the metric's own name."""
    record, home = run(kind)
    page = (run_folder(home, record.project, record.provenance.run_id) / "report.html").read_text()

    assert words in page
    assert f"Size against {record.metric}" in page
    assert ("Confusion" in page) == (kind == "binary")


@pytest.mark.parametrize(("kind", "metric"), [("binary", "f1"), ("multi_label", "macro_f1"), ("regression", "worst_tenth")])
def test_mlflow_has_the_metric_and_its_loss_by_name(run, kind, metric):
    """And the task as a parameter."""
    record, home = run(kind)
    client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    parent = client.get_run(record.provenance.mlflow_run_id)

    assert parent.data.params["task"] == kind
    assert {metric, f"{metric}_drop", f"baseline_{metric}"} <= set(parent.data.metrics)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("binary", ["predictions"]),
        ("multi_label", ["predictions of level", "predictions of slope", "predictions of wave"]),
        ("regression", ["predicted height"]),
        ("anomaly", ["error of reconstruction", "predictions"]),
    ],
)
def test_the_champion_of_every_kind_is_asked_todays_data(run, tmp_path, kind, names):
    """They are those of before, so nothing moved; where they are others, inputs and answers have."""
    from flows.evaluate_champion import CheckConfig, evaluate_champion

    record, home = run(kind)
    places = [write_project(folder, kind) for folder in (tmp_path / "then", tmp_path / "now")]
    module = places[1].with_name("kinds.py")
    module.write_text(module.read_text().replace("(count, 16))\n", "(count, 16)) + 1.5\n"))

    steady, moved = (evaluate_champion(CheckConfig(project=str(path), home=str(home))) for path in places)

    quality = record.variant("int8").evaluation.quality
    assert (record.measure, quality.scores[record.metric]) == (steady.measure, pytest.approx(steady.now))
    assert ((), names) == (steady.findings, [drift.name for drift in steady.predictions])

    assert {"channel 0", "channel 15"} < {drift.name for drift in moved.inputs if drift.has_drifted}
    assert [drift for drift in moved.predictions if drift.has_drifted]


@pytest.mark.parametrize(
    ("kind", "words", "labels"),
    [
        ("binary", "of f1", ["plain", "both"]),
        ("multi_label", "of macro_f1", ["level", "slope", "wave"]),
        ("regression", "of worst_tenth", []),
        ("anomaly", "of roc_auc", ["normal", "anomaly"]),
    ],
)
def test_a_worse_one_of_every_kind_is_kept(run, kind, words, labels):
    """It learned next to nothing; the gate's report has the recall of each label where there are labels."""
    run(kind)
    record, home = run(
        kind, training={"epochs": 1, "batch_size": 32, "learning_rate": 1e-6}, budget={"metric_drop": 1000 if kind == "regression" else 1}
    )

    decision = read_decision(home, record)

    assert decision.sentence.startswith("kept version 1: version 2 loses ")
    assert decision.sentence.endswith(words)
    assert labels == [each.label for each in decision.contest.classes]
    assert {finding.rule for finding in decision.findings} > {"allowance", "class_recall_drop"}
