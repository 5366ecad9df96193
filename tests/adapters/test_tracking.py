"""Runs logged to a real MLflow over SQLite, read back with MLflow's own client."""

import json
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from sqlalchemy import create_engine, text

from emberflow.adapters.mlflow_tflite import load_model
from emberflow.adapters.tracking import ENVIRONMENT, Context, RunIds, Status, Tracker
from emberflow.adapters.tracking_client import answering
from emberflow.adapters.tracking_figures import context_of, of_variant
from emberflow.artifact import Artifact, Kind
from emberflow.budget import Budget
from emberflow.dataset import Part, Sampling, Splits
from emberflow.errors import ModelError, ProjectError, StoreError, TrackingError
from emberflow.evaluate.footprint import measured
from emberflow.measure import Measure
from emberflow.on_chip import Emulated, Linked, OnChip, Packed, Parity, SelfTest
from emberflow.recipe import Format
from emberflow.record import Baseline, Provenance, Record
from emberflow.target import Target, TargetKind
from emberflow.training import TrainingCurve
from emberflow.variant import (
    Choice,
    Evaluation,
    Firmware,
    Footprint,
    Interval,
    Latency,
    MicroVerdict,
    Quality,
    Reason,
    ReasonKind,
    Size,
    Skipped,
    SparseStorage,
    Variant,
    Verdict,
)
from tests.models import small_tflite

DIGEST = "0123456789abcdef" * 4
QUALITY = Quality(runtime="TFLM", samples=4, scores={"accuracy": 0.75, "macro_f1": 0.7}, confusion=((2, 1), (0, 1)))
REASON = Reason(kind=ReasonKind.FLASH, message="needs 40 B more flash than m4 has", missing=40, advice="try 'int8'")
PARAMS = {"bytes", "recipe", "format", "steps", "sparsity_target", "clusters", "qat", "target", "metric", "task", "scored_by"}
TAGS = {"fits", "verdict", "tflm", "on_chip", "footprint", "champion", "emberflow.recipe", "emberflow.project", "emberflow.data_digest"}
TAGS |= {"emberflow.code_digest", "emberflow.model_digest", "mlflow.note.content", "mlflow.parentRunId", "mlflow.runName"}
METRICS = {"accuracy", "macro_f1", "accuracy_drop", "accuracy_drop_low", "accuracy_drop_high", "agreement", "file_bytes", "compressed_bytes"}
METRICS |= {"parameters", "macs", "sparsity", "peak_activation_bytes", "flash_bytes", "ram_bytes", "host_latency_us", "host_latency_p95_us"}
ON_THE_CHIP = {"arena_bytes", "parity_default_differing_bytes", "parity_default_largest_difference"}


def blob(kind: Kind = Kind.ARRAY) -> Artifact:
    return Artifact(sha256=DIGEST, size_bytes=10, kind=kind)


def part(samples: int) -> Part:
    return Part(x=blob(), y=blob(), samples=samples)


def variant(recipe: str, *, runs: bool = True, reasons: tuple[Reason, ...] = ()) -> Variant:
    size = Size(
        file_bytes=1000, compressed_bytes=600, parameters=90, macs=800, peak_activation_bytes=64, sparsity=0.5, operators={"ADD": 1}, layers=()
    )
    micro = MicroVerdict(runs=runs, reason="" if runs else "hybrid kernels", arena_bytes=2048 if runs else None)
    parity = Parity(runtime="default", samples=4, bytes=8, differing_bytes=3, differing_samples=2, largest_difference=1, distinct_outputs=4)
    return Variant(
        recipe=recipe,
        model=blob(Kind.TFLITE),
        notes=("left dense_1 alone",),
        evaluation=Evaluation(
            size=size,
            quality=QUALITY,
            drop=Interval(estimate=0.01, low=-0.02, high=0.04),
            agreement=0.9,
            micro=micro,
            parity=(parity,) if runs else (),
        ),
        latency=Latency(median_us=30.0, p95_us=36.0, threads=1, runs=100),
        verdict=Verdict(fits=not reasons, reasons=reasons, footprint=Footprint(flash_bytes=51_000, ram_bytes=4096, basis="estimated")),
    )


INT8 = variant("int8")
PRUNED = variant("prune70-cluster16-qat-int8", reasons=(REASON,))
DYNAMIC = variant("dynamic", runs=False, reasons=(REASON,))
SPLITS = Splits(
    train=part(20),
    validation=part(4),
    test=part(4),
    calibration=part(4),
    vectors=part(2),
    input_shape=(128, 6),
    labels=("walk", "run"),
    sampling=Sampling(rate_hz=50),
    standardization=None,
)
RECORD = Record(
    project="watch",
    measure=Measure(name="accuracy"),
    target=Target(
        name="m4",
        title="a Cortex-M4",
        kind=TargetKind.MICROCONTROLLER,
        core="cortex-m4f",
        fpu=True,
        dsp=True,
        clock_hz=168_000_000,
        flash_bytes=65_536,
        ram_bytes=16_384,
        regions=(),
        formats=(Format.INT8,),
        sources={},
    ),
    budget=Budget(ram=8192),
    splits=SPLITS,
    baseline=Baseline(
        model=blob(Kind.KERAS),
        parameters=90,
        quality=QUALITY,
        curve=TrainingCurve(loss=(0.9, 0.5), val_loss=(1.0, 0.7), score=(0.4, 0.8), val_score=(0.3, 0.6)),
    ),
    variants=(INT8, PRUNED, DYNAMIC),
    failures=(),
    skipped=(Skipped(recipe="qat-uint8", reason="no layers"), Skipped(recipe="qat-int8", reason="no layers")),
    choice=Choice(champion="int8", pareto=("int8",), explanation="int8 alone fits."),
    provenance=Provenance(
        run_id="r1", started="2026-01-01T00:00:00Z", project_digest=DIGEST, data_digest=DIGEST, code_digest=DIGEST, versions={"python": "3.11"}
    ),
)
CONTEXT = context_of(RECORD)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def tracker(home: Path) -> Tracker:
    return Tracker.local(home)


@pytest.fixture(scope="module")
def client(tracker: Tracker) -> MlflowClient:
    tracker.open_run("first", "makes the tables", {})
    return MlflowClient(tracking_uri=tracker.uri)


@pytest.fixture
def files(tmp_path: Path) -> list[tuple[Path, str]]:
    model, plot = tmp_path / DIGEST, tmp_path / "blob"
    model.write_bytes(small_tflite())
    plot.write_bytes(b"PNG")
    return [(model, "model/int8.tflite"), (plot, "plots/confusion.png")]


@pytest.fixture(scope="module")
def finished(tracker: Tracker, client: MlflowClient, tmp_path_factory: pytest.TempPathFactory) -> RunIds:
    """A whole pipeline run, the variant `prune70...` logged twice."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "model").write_bytes(small_tflite())
    (folder / "bundle" / "firmware").mkdir(parents=True)
    (folder / "bundle" / "firmware" / "main.c").write_text("int main;")
    ids = tracker.open_run("watch", "r1", {"emberflow.run": "r1"})
    tracker.log_data(ids, CONTEXT)
    for each in (INT8, PRUNED, DYNAMIC, PRUNED):
        tracker.log_variant(ids, CONTEXT, each, [(folder / "model", f"model/{each.recipe}.tflite")])
    tracker.log_outcome(ids, RECORD, [(folder / "bundle", "bundle")])
    tracker.finish(ids, Status.FINISHED)
    return ids


@pytest.fixture
def children(client: MlflowClient, finished: RunIds) -> dict[str, Run]:
    found = client.search_runs([finished.experiment_id], f"tags.mlflow.parentRunId = '{finished.run_id}'")
    return {run.info.run_name: run for run in found}


def names(client: MlflowClient, run_id: str, folder: str | None = None) -> list[str]:
    return [file.path for file in client.list_artifacts(run_id, folder)]


def test_a_parent_run_is_open_and_carries_its_tags(tracker: Tracker, client: MlflowClient) -> None:
    """open_run starts a run by name."""
    ids = tracker.open_run("opened", "r7", {"emberflow.run": "r7"})

    run = client.get_run(ids.run_id)
    assert (run.info.run_name, run.info.status, run.data.tags["emberflow.run"]) == ("r7", "RUNNING", "r7")
    assert client.get_experiment(ids.experiment_id).name == "opened"


def test_an_experiment_is_made_once(tracker: Tracker) -> None:
    """The second run of a project goes to the experiment of the first."""
    first, second = (tracker.open_run("once", name, {}) for name in ("r1", "r2"))

    assert first.experiment_id == second.experiment_id
    assert first.run_id != second.run_id


@pytest.mark.slow
def test_two_processes_open_a_fresh_store_at_once(tmp_path: Path) -> None:
    """MLflow's tables and the experiment are made by one of them; the other finds them."""
    code = "import sys; from pathlib import Path; from emberflow.adapters.tracking import Tracker;"
    code += "print(Tracker.local(Path(sys.argv[1])).open_run('race', 'r', {}).experiment_id)"
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate(timeout=300) for process in both]

    assert [out for out, _ in said] == [b"1\n", b"1\n"], said
    assert not any(b"INFO" in err for _, err in said), "no word of MLflow's migrations"


def test_nothing_is_written_to_the_working_directory(home: Path, client: MlflowClient, finished: RunIds) -> None:
    """Artifacts lie in the directory that the tracker was given."""
    location = client.get_experiment(finished.experiment_id).artifact_location

    assert (home / "mlflow-artifacts").as_uri() == location
    assert not Path("mlruns").exists()


def test_the_parts_are_inputs_of_the_run(client: MlflowClient, finished: RunIds) -> None:
    """Name, digest within MLflow's 36 characters, context, shapes and counts."""
    inputs = {each.tags[0].value: each.dataset for each in client.get_run(finished.run_id).inputs.dataset_inputs}

    assert {context: data.name for context, data in inputs.items()} == {"train": "watch-train", "test": "watch-test"}
    assert DIGEST[:36] == inputs["train"].digest
    assert json.loads(inputs["train"].profile)["num_rows"] == 20
    features = json.loads(json.loads(inputs["train"].schema)["mlflow_tensorspec"]["features"])
    assert features == [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 128, 6]}}]


def test_a_variant_logged_twice_is_one_run_with_one_point_a_metric(client: MlflowClient, finished: RunIds) -> None:
    """A retried task doubles nothing: run, model, metric."""
    found = client.search_runs([finished.experiment_id], f"tags.mlflow.parentRunId = '{finished.run_id}'")
    (pruned,) = [run for run in found if run.info.run_name == PRUNED.recipe]
    models = client.search_logged_models([finished.experiment_id], f"source_run_id = '{pruned.info.run_id}'")

    assert len(found) == 3
    assert len(models) == 1
    assert len(client.get_metric_history(pruned.info.run_id, "accuracy")) == 1
    assert len([metric for metric in models[0].metrics if metric.key == "accuracy"]) == 1


def test_the_same_recipe_in_another_pipeline_run_is_another_run(tracker: Tracker, client: MlflowClient, finished: RunIds) -> None:
    """Only this parent's nested runs are reused."""
    ids = tracker.open_run("watch", "r2", {})
    child = tracker.log_variant(ids, CONTEXT, INT8, [])

    assert ids.run_id == client.get_run(child).data.tags["mlflow.parentRunId"]
    assert len(client.search_runs([ids.experiment_id], f"tags.mlflow.parentRunId = '{ids.run_id}'")) == 1


def test_all_variants_have_the_same_keys(children: dict[str, Run]) -> None:
    """Only what needs TFLM is missing where TFLM refuses, and a tag says so."""
    metrics = {name: set(run.data.metrics) for name, run in children.items()}

    assert {"int8": METRICS | ON_THE_CHIP, PRUNED.recipe: METRICS | ON_THE_CHIP, "dynamic": METRICS} == metrics
    assert [set(run.data.params) for run in children.values()] == [PARAMS] * 3
    assert all(set(run.data.tags) >= TAGS for run in children.values())
    assert children["dynamic"].data.tags["tflm"] == "refused: hybrid kernels"
    assert children["int8"].data.tags["tflm"] == "runs"


FIGURES = {"stack_bytes", "instructions", "latency_estimate_us", "parity_differing_bytes", "parity_samples", "chip_arena_bytes"}
FIGURES |= {"packing_saved_bytes", "accuracy_on_chip"}


def on_chip(**more: Any) -> OnChip:
    """812,345 instructions at 168 MHz are 4,835 µs."""
    equal = Parity(runtime="firmware", samples=100, bytes=700, differing_bytes=0, differing_samples=0, largest_difference=0, distinct_outputs=90)
    linked = Linked(flash_bytes=20_000, variable_bytes=4000, arena_bytes=3900, reserved_stack_bytes=1024, sections={}, missing_bytes={})
    counts = dict.fromkeys(("instructions", "least_instructions", "most_instructions"), 812_345)
    emulated = Emulated(core="cortex-m4f", parity=equal, first_difference=None, stack_bytes=220, **counts)
    return OnChip(**({"target": "m4", "linked": linked, "layers": (), "emulated": emulated, "on_host": equal, "host_differing_bytes": 0} | more))


def compiled(figures: OnChip | None, **more: Any) -> Variant:
    """int8 with firmware."""
    packing = (Packed(layer="conv_2d_0", encoding="table", plain_bytes=900, stored_bytes=500, added_instructions=30),)
    firmware = Firmware(sources=blob(Kind.SOURCES), packing=packing, on_chip=figures, quality=QUALITY, **more)
    footprint = measured(figures, RECORD.target) if figures else INT8.verdict.footprint
    return INT8.model_copy(update={"firmware": firmware, "verdict": INT8.verdict.model_copy(update={"footprint": footprint, "notes": ("a note",)})})


@pytest.mark.parametrize(
    ("sparse", "logged"),
    [
        (SparseStorage(plain_bytes=4000, sparse_bytes=3000, plain_us=20.0, sparse_us=21.0), {"sparse_saved_bytes": 1000, "sparse_saved_us": -1.0}),
        (SparseStorage(plain_bytes=4000, sparse_bytes=5000, why_not="it grows"), {"sparse_saved_bytes": 0}),
        (None, {}),
    ],
)
def test_what_sparse_tensors_saved_is_logged(sparse: SparseStorage | None, logged: dict[str, float]) -> None:
    """Nothing where they are not kept; no key where they were not tried."""
    metrics = of_variant(INT8.model_copy(update={"sparse": sparse}), CONTEXT).metrics

    assert logged == {key: value for key, value in metrics.items() if key.startswith("sparse_")}


def test_what_the_product_showed_of_itself_is_logged() -> None:
    """Three figures and a tag; the deeper of both stacks."""
    test = SelfTest(core="cortex-m4f", samples=16, failures=3, flash_bytes=26_000, stack_bytes=240)
    figures = of_variant(compiled(on_chip(self_test=test)), CONTEXT)

    assert {"self_test_failures": 3, "self_test_samples": 16, "self_test_flash_bytes": 26_000, "stack_bytes": 240} == {
        key: value for key, value in figures.metrics.items() if key.startswith(("self_test", "stack"))
    }
    assert figures.tags["self_test"] == "the self-test passes 13 of 16 samples on the emulated cortex-m4f"
    assert "- of the product the self-test passes 13 of 16 samples on the emulated cortex-m4f" in figures.tags["mlflow.note.content"]


def test_what_the_emulated_core_showed_is_logged() -> None:
    """Keys of their own; they are absent where nothing was run."""
    figures = of_variant(compiled(on_chip()), CONTEXT)
    expected = {"flash_bytes": 20_000, "ram_bytes": 5024, "stack_bytes": 220, "instructions": 812_345, "parity_differing_bytes": 0}
    expected |= {"packing_saved_bytes": 400, "accuracy_on_chip": 0.75, "chip_arena_bytes": 3900}

    assert expected == {key: figures.metrics[key] for key in expected}
    assert set(figures.metrics) == METRICS | ON_THE_CHIP | FIGURES
    assert (figures.tags["on_chip"], figures.tags["self_test"]) == ("equal to TFLM", "not run")
    note = figures.tags["mlflow.note.content"]
    assert "- 812,345 instructions an inference, 4.84 ms at one a cycle (an estimate)" in note
    assert "- stack 220 B\n- packed weights take 400 B less flash than plain ones" in note
    assert "**What could not be checked**\n\n- a note" in note


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (INT8, "not compiled: only int8 and uint8 models for a microcontroller are"),
        (compiled(None, why_not="no compiler"), "not run: no compiler"),
        (compiled(on_chip(fault="wrote to flash", emulated=None)), "wrote to flash"),
        (compiled(on_chip(unproven="no emulator", emulated=None)), "nothing is proven: no emulator"),
    ],
)
def test_a_tag_says_what_became_of_the_firmware(made: Variant, words: str) -> None:
    """Also where there is none."""
    assert of_variant(made, CONTEXT).tags["on_chip"] == words
    assert "instructions" not in of_variant(made, CONTEXT).metrics


def test_size_and_accuracy_come_first_in_a_comparison(children: dict[str, Run]) -> None:
    """MLflow's compare page takes the first param and the first metric of the alphabet as the axes of its scatter plot."""
    run = children["int8"]

    assert min(run.data.params.items()) == ("bytes", "1000")
    assert min(run.data.metrics) == "accuracy"


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("int8", {"steps": "baseline", "format": "int8", "sparsity_target": "0", "clusters": "0", "qat": "false", "target": "m4"}),
        (PRUNED.recipe, {"steps": "prune70-cluster16-qat", "format": "int8", "sparsity_target": "0.7", "clusters": "16", "qat": "true"}),
        ("dynamic", {"format": "dynamic", "metric": "accuracy", "scored_by": "TFLM"}),
    ],
)
def test_params_say_how_a_variant_was_made(children: dict[str, Run], recipe: str, expected: dict[str, str]) -> None:
    """No pruning and no clustering are numbers too."""
    assert expected == {key: children[recipe].data.params[key] for key in expected}


def test_blocks_of_zeros_have_a_sparsity_target(tracker: Tracker, client: MlflowClient) -> None:
    """2 of 4 is 0.5."""
    ids = tracker.open_run("blocks", "r1", {})
    child = tracker.log_variant(ids, CONTEXT, variant("prune2of4-int8"), [])

    assert client.get_run(child).data.params["sparsity_target"] == "0.5"


def test_metrics_are_those_of_the_variant(children: dict[str, Run]) -> None:
    """Units stand in the keys."""
    expected = {"accuracy": 0.75, "accuracy_drop": 0.01, "accuracy_drop_low": -0.02, "file_bytes": 1000.0, "flash_bytes": 51_000.0}
    expected |= {"arena_bytes": 2048.0, "host_latency_p95_us": 36.0, "parity_default_differing_bytes": 3.0}

    assert expected == {key: children["int8"].data.metrics[key] for key in expected}


def test_a_variant_tells_its_verdict(children: dict[str, Run]) -> None:
    """As tags to filter by, and as a description to read."""
    fits, fails = children["int8"].data.tags, children[PRUNED.recipe].data.tags

    assert (fits["fits"], fits["verdict"]) == ("true", "fits")
    assert ("false", REASON.message) == (fails["fits"], fails["verdict"])
    assert f"- {REASON.message}; {REASON.advice}" in fails["mlflow.note.content"]
    assert "- left dense\\_1 alone" in fits["mlflow.note.content"]
    assert "- against LiteRT's default kernels, 4 samples: 3 of 8 bytes differ, by 1 at most" in fits["mlflow.note.content"]


def test_only_the_champion_is_the_champion(children: dict[str, Run]) -> None:
    """Told when all are judged."""
    assert {"int8": "true", PRUNED.recipe: "false", "dynamic": "false"} == {name: run.data.tags["champion"] for name, run in children.items()}


def test_each_variant_has_a_model_with_its_metrics_on_the_test_part(client: MlflowClient, children: dict[str, Run]) -> None:
    """What MLflow's Models tab shows: ready, with size and accuracy on a data set."""
    run = children["int8"]
    (model,) = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    on = {metric.key: (metric.value, metric.dataset_name, metric.dataset_digest) for metric in model.metrics}

    assert (model.name, model.status.value, model.model_type) == ("int8", "READY", "tflite")
    assert (0.75, "watch-test", DIGEST[:36]) == on["accuracy"]
    assert (1000.0, "watch-test", DIGEST[:36]) == on["file_bytes"]
    assert set(model.params) == PARAMS
    assert [model.model_id] == [each.model_id for each in run.outputs.model_outputs]
    assert {"MLmodel", "model.tflite"} < {file.path for file in client.list_logged_model_artifacts(model.model_id)}


def test_a_variants_model_is_loaded_and_predicts(
    tracker: Tracker, client: MlflowClient, children: dict[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its address, as MLflow's own page tells; the bytes are those of the variant, and it says what it is."""
    run = children["int8"]
    (model,) = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracker.uri)
    loaded = mlflow.pyfunc.load_model(f"models:/{model.model_id}")
    kept = load_model(f"models:/{model.model_id}")

    assert (2, 3) == loaded.predict(np.zeros((2, 6, 6, 2), np.float32)).shape
    assert (small_tflite(), SPLITS.standardization) == (kept.bytes, kept.standardization)
    assert ("watch", "int8", list(SPLITS.labels)) == tuple(loaded.metadata.metadata[key] for key in ("project", "recipe", "labels"))


def test_plots_lie_with_the_run(tracker: Tracker, client: MlflowClient, files: list[tuple[Path, str]]) -> None:
    """Under the names asked for, whatever the local files are called; the model is not among them."""
    ids = tracker.open_run("plots", "r1", {})
    child = tracker.log_variant(ids, CONTEXT, INT8, files)

    assert names(client, child) == ["plots"]
    assert names(client, child, "plots") == ["plots/confusion.png"]


def test_the_parent_shows_the_choice(client: MlflowClient, finished: RunIds) -> None:
    """The champion's figures, what was asked for, the choice in words, and a link that compares the variants."""
    run = client.get_run(finished.run_id)

    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "target": "m4",
        "metric": "accuracy",
        "task": "classification",
        "recipes": "3",
        "budget_ram": "8192",
        "budget_accuracy_drop": "0.02",
    }
    expected = {
        "accuracy": 0.75,
        "flash_bytes": 51_000.0,
        "baseline_accuracy": 0.75,
        "variants": 3.0,
        "variants_fitting": 1.0,
        "recipes_failed": 0.0,
        "recipes_skipped": 2.0,
    }
    assert expected == {key: run.data.metrics[key] for key in expected}
    assert (run.data.tags["champion"], run.data.tags["version.python"]) == ("int8", "3.11")
    assert run.data.tags["skipped"] == "qat-uint8, qat-int8: no layers"
    assert run.data.tags["mlflow.note.content"].startswith("[Compare the variants side by side](#/compare-runs?runs=")
    assert "int8 alone fits" in run.data.tags["mlflow.note.content"]


def test_the_training_is_a_curve_over_epochs(client: MlflowClient, finished: RunIds) -> None:
    """Epochs count from 1."""
    assert [(point.step, point.value) for point in client.get_metric_history(finished.run_id, "epoch_loss")] == [(1, 0.9), (2, 0.5)]


def test_the_parent_keeps_table_and_bundle(client: MlflowClient, finished: RunIds) -> None:
    """A directory arrives as a directory."""
    table = Path(client.download_artifacts(finished.run_id, "variants.csv")).read_text().splitlines()

    assert names(client, finished.run_id) == ["bundle", "variants.csv"]
    assert names(client, finished.run_id, "bundle/firmware") == ["bundle/firmware/main.c"]
    assert table[0].startswith("bytes,recipe,format,steps,")
    assert [line[: line.index(",", 5) + 1] for line in table[1:]] == ["1000,int8,", "1000,prune70-cluster16-qat-int8,", "1000,dynamic,"]


def test_a_run_without_champion_has_no_champions_figures(tracker: Tracker, client: MlflowClient) -> None:
    """When nothing fits, the parent says so."""
    ids = tracker.open_run("nothing", "r1", {})
    choice = Choice(champion=None, nearest="int8", pareto=(), explanation="None fits.")
    tracker.log_outcome(ids, RECORD.model_copy(update={"choice": choice}))

    run = client.get_run(ids.run_id)
    assert run.data.tags["champion"] == "none"
    assert "accuracy" not in run.data.metrics


@pytest.mark.parametrize("status", [Status.FAILED, Status.KILLED])
def test_a_run_that_ends_early_ends_its_open_variants(tracker: Tracker, client: MlflowClient, tmp_path: Path, status: Status) -> None:
    """No nested run stays "running" for ever; those that were done stay done."""
    ids = tracker.open_run("early", "r1", {})
    done = tracker.log_variant(ids, CONTEXT, INT8, [])
    with pytest.raises(ModelError, match="gone', which can't be read"):
        tracker.log_variant(ids, CONTEXT, DYNAMIC, [(tmp_path / "gone", "model/dynamic.tflite")])
    tracker.finish(ids, status)

    found = client.search_runs([ids.experiment_id], f"tags.mlflow.parentRunId = '{ids.run_id}'")
    assert {"int8": "FINISHED", "dynamic": status} == {run.info.run_name: run.info.status for run in found}
    assert status == client.get_run(ids.run_id).info.status
    assert client.get_run(done).info.status == "FINISHED"


@pytest.mark.slow
def test_a_run_whose_process_was_killed_is_marked_by_the_next(tracker: Tracker, client: MlflowClient) -> None:
    """Its open variants too; a run that is at work is left alone, and so are those of other projects."""
    tags = {"prefect.flow_run_id": "f-lost"}
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom emberflow.adapters.tracking import Tracker\n"
        f"ids = Tracker({tracker.uri!r}, Path({str(tracker.artifacts)!r})).open_run('lost', 'l1', {tags!r})\n"
        "print(ids.run_id, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    lost = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout.split()[-1]
    experiment = client.get_run(lost).info.experiment_id
    nested = client.create_run(experiment, tags={"mlflow.parentRunId": lost}).info.run_id
    working = tracker.open_run("lost", "l2", {"prefect.flow_run_id": "f-working"})

    assert tracker.end_lost_runs("another project") == ()
    assert tracker.end_lost_runs("lost") == ("f-lost",)
    assert tracker.end_lost_runs("lost") == ()
    assert {client.get_run(run).info.status for run in (lost, nested)} == {"KILLED"}
    assert client.get_run(working.run_id).info.status == "RUNNING"


def test_long_words_are_cut_with_dots(tracker: Tracker, client: MlflowClient) -> None:
    """MLflow holds 8,000 characters in a tag."""
    long = variant("int8", reasons=(REASON.model_copy(update={"message": "x" * 9000}),))
    ids = tracker.open_run("long", "r1", {})
    child = tracker.log_variant(ids, CONTEXT, long, [])

    assert client.get_run(child).data.tags["verdict"] == "x" * 7996 + " ..."


def test_a_tracker_travels(tracker: Tracker, finished: RunIds) -> None:
    """To another process by pickle, though this one is connected; run ids as JSON."""
    assert tracker == pickle.loads(pickle.dumps(tracker))  # noqa: S301
    assert finished == RunIds.model_validate_json(finished.model_dump_json())
    assert isinstance(Context.model_validate_json(CONTEXT.model_dump_json()), Context)


def test_links_open_the_pages_for_models_not_for_chat(tracker: Tracker) -> None:
    """A path over a data base, a whole address for a server, and no account in either."""
    ids = RunIds(experiment_id="3", run_id="abc")
    page = "#/experiments/3/runs/abc?workflowType=machine_learning"

    assert f"/{page}" == tracker.ui_link(ids)
    assert f"http://mlflow:5000/{page}" == Tracker("http://ann:secret@mlflow:5000/").ui_link(ids)


def test_the_comparison_names_all_variants(tracker: Tracker, finished: RunIds, children: dict[str, Run]) -> None:
    """["<id>", ...] as MLflow's page reads it, percent-encoded."""
    link = tracker.compare_link(finished)

    assert link.startswith("/#/compare-runs?runs=%5B%22")
    assert link.endswith(f"&experiments=%5B%22{finished.experiment_id}%22%5D&workflowType=machine_learning")
    assert all(run.info.run_id in link for run in children.values())


def test_the_environment_bounds_the_retries() -> None:
    """What the command line sets before it tracks to a server."""
    assert ENVIRONMENT["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "3"


# What it refuses


@pytest.mark.parametrize(
    ("uri", "artifacts", "message"),
    [
        ("./mlruns", None, "received './mlruns' as MLflow's address; expected a server such as http://127.0.0.1:5000, or a data base"),
        ("sqlite:///mlflow.db", Path("/tmp/a"), "received 'sqlite:///mlflow.db' as MLflow's address; expected an absolute path"),  # noqa: S108
        ("sqlite:////tmp/mlflow.db", None, "received no directory for the artifacts of sqlite:////tmp/mlflow.db; expected an absolute path"),
        ("postgresql://ann:secret@db/m", None, "received no directory for the artifacts of postgresql://ann:***@db/m;"),
        ("sqlite:////tmp/mlflow.db", Path("a"), "received the directory 'a' for the artifacts of sqlite:////tmp/mlflow.db;"),
        ("http://ann:secret@host", Path("/a"), "received the directory '/a' for artifacts with the server http://ann:***@host; expected none"),
    ],
)
def test_an_address_that_can_not_be_is_refused_at_birth(uri: str, artifacts: Path | None, message: str) -> None:
    """With what was received, without the password."""
    with pytest.raises(ProjectError) as error:
        Tracker(uri, artifacts)

    assert str(error.value).startswith(message)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port bound and not listened on: whoever connects is turned away at once."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


CALLS: dict[str, Callable[[Tracker, RunIds], object]] = {
    "open_run": lambda tracker, _: tracker.open_run("watch", "r1", {}),
    "log_data": lambda tracker, ids: tracker.log_data(ids, CONTEXT),
    "log_variant": lambda tracker, ids: tracker.log_variant(ids, CONTEXT, INT8, []),
    "log_outcome": lambda tracker, ids: tracker.log_outcome(ids, RECORD),
    "finish": lambda tracker, ids: tracker.finish(ids, Status.FINISHED),
    "compare_link": lambda tracker, ids: tracker.compare_link(ids),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_is_down_is_a_passing_error(closed_port: int, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Every call says where nobody answers and what to do, without the password."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    address = f"http://ann:secret@127.0.0.1:{closed_port}"
    with pytest.raises(TrackingError) as error:
        CALLS[call](Tracker(address), RunIds(experiment_id="1", run_id="a" * 32))

    assert str(error.value).startswith(
        f"MLflow at http://ann:***@127.0.0.1:{closed_port} doesn't answer; start the server or check the address, then run again"
    )
    assert "secret" not in str(error.value)
    assert error.value.__suppress_context__, "or the traceback would print the password"


def test_a_data_base_that_can_not_be_opened_is_a_passing_error(tmp_path: Path) -> None:
    """Here its path is a directory; MLflow itself would try for 100 s."""
    (tmp_path / "mlflow.db").mkdir()
    with pytest.raises(TrackingError, match=r"mlflow\.db doesn't answer; see that the path can be written and that nobody else holds"):
        Tracker.local(tmp_path).open_run("watch", "r1", {})


def ask_for_two_pages() -> None:
    """Of a SQLite data base that may have one."""
    with create_engine("sqlite://").connect() as connection:
        connection.execute(text("PRAGMA max_page_count = 1"))
        connection.execute(text("CREATE TABLE runs (name TEXT)"))


def test_a_data_base_that_finds_no_room_is_a_full_disk(tmp_path: Path) -> None:
    """SQLite says so itself; it is no error that passes, so nobody tries again."""
    with pytest.raises(StoreError) as told, answering(f"sqlite:///{tmp_path / 'mlflow.db'}"):
        ask_for_two_pages()

    assert str(told.value) == f"no space left at '{tmp_path}'; free some, then run again: what was finished is kept"


def test_a_data_base_of_another_mlflow_is_refused(home: Path, client: MlflowClient, tmp_path: Path) -> None:
    """Its tables are of another version; MLflow's own advice is passed on."""
    import sqlite3

    with sqlite3.connect(home / "mlflow.db") as source, sqlite3.connect(tmp_path / "mlflow.db") as copy:
        source.backup(copy)
        copy.execute("UPDATE alembic_version SET version_num = 'bda7b8c39065'")
    with pytest.raises(ProjectError, match=r"refused: Detected out-of-date database schema.*mlflow db upgrade"):
        Tracker.local(tmp_path).open_run("watch", "r1", {})


def test_a_deleted_experiment_says_how_to_restore_it(tracker: Tracker, client: MlflowClient) -> None:
    """MLflow keeps its name."""
    ids = tracker.open_run("deleted", "r1", {})
    client.delete_experiment(ids.experiment_id)

    with pytest.raises(ProjectError, match=f"experiment 'deleted' is deleted; restore it with 'mlflow experiments restore -x {ids.experiment_id}'"):
        tracker.open_run("deleted", "r2", {})


def test_a_run_that_is_not_there_is_refused(tracker: Tracker, client: MlflowClient) -> None:
    """Trying again would not help, so it is no passing error."""
    with pytest.raises(ProjectError, match=r"refused: Run with id=a+ not found\. Check the address, the account and the experiment"):
        tracker.log_data(RunIds(experiment_id="1", run_id="a" * 32), CONTEXT)
