"""The whole chain on a small project, with a real Prefect API, a real MLflow store and real workers."""

import os
import shutil
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

import emberflow
from emberflow.adapters.workshop import Workshop
from emberflow.bundle import verify_files
from emberflow.errors import DataError, ModelError, NothingFits, ProjectError, RecipeError, TargetError, TrackingError
from emberflow.runs import bundle_folder, last_record, run_folder
from emberflow.stages.compile import read_sources

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow]


STAGES = ("train", "compress", "convert", "evaluate", "compile", "run_on_chip")
HIDE = """import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "{name}" else real(name, *more)
"""


def run(path, home, **more):
    from flows.retrain_to_deploy import retrain_to_deploy
    from flows.settings import RunConfig

    return retrain_to_deploy(RunConfig(project=str(path), home=str(home), **more))


def client(home):
    return MlflowClient(f"sqlite:///{home / 'mlflow.db'}")


def children(home, record):
    ids = record.provenance
    return client(home).search_runs([ids.mlflow_experiment_id], f"tags.`mlflow.parentRunId` = '{ids.mlflow_run_id}'")


def stages_kept(results):
    """How many results of each stage are kept: a stage that is carried out adds one."""
    names = [path.name.split("-")[0] for path in results.iterdir()]
    return {name: names.count(name) for name in STAGES}


def test_every_recipe_becomes_a_judged_variant(first_run):
    """In the project's order, none failed, and the champion is one of the small ones."""
    assert [variant.recipe for variant in first_run.variants] == ["float32", "int8", "prune50-int8"]
    assert first_run.failures == ()
    assert first_run.choice.champion in ("int8", "prune50-int8")


def test_the_model_learned_something(first_run):
    """Three classes: chance is a third."""
    assert first_run.baseline.quality.scores["accuracy"] > 0.8


def test_pruned_weights_are_zero_in_the_tflite(first_run):
    """Half of each layer, as the recipe says; the Conv1D went through as its 2D form."""
    size = first_run.variant("prune50-int8").evaluation.size

    assert {layer.operator for layer in size.layers} == {"CONV_2D", "FULLY_CONNECTED"}
    assert all(layer.sparsity >= 0.5 for layer in size.layers)


def test_the_bundle_is_whole(first_run, home):
    """Every file has the digest that the manifest gives it."""
    manifest = verify_files(bundle_folder(home, "tiny", first_run.provenance.run_id))

    assert {
        "tiny.tflite",
        "src/model_data.c",
        "src/test_vectors.c",
        "tflm/main.cc",
        "report.html",
        "model_card.md",
        "firmware/model/tiny.c",
        "firmware/CMakeLists.txt",
    } <= set(manifest.files)


def test_the_report_names_every_variant(first_run, home):
    """One page, with no address to fetch anything from."""
    page = (run_folder(home, "tiny", first_run.provenance.run_id) / "report.html").read_text()

    assert all(variant.recipe in page for variant in first_run.variants)
    assert 'src="http' not in page


def test_raw_data_became_proven_firmware_on_the_emulated_chip(first_run):
    """Linked for the STM32F405, run on its Cortex-M4F over 100 test samples, and equal to TFLM in every byte."""
    for recipe in ("int8", "prune50-int8"):
        variant = first_run.variant(recipe)
        on_chip, footprint = variant.firmware.on_chip, variant.verdict.footprint

        assert on_chip.is_proven
        assert (100, 0) == (on_chip.emulated.parity.samples, on_chip.emulated.parity.differing_bytes)
        assert on_chip.emulated.parity.distinct_outputs > 10
        assert (footprint.flash_bytes, footprint.ram_bytes) == (on_chip.linked.flash_bytes, on_chip.linked.ram_bytes)
        assert footprint.basis.startswith("measured from the linked firmware")
        assert 0 <= sum(layer.instructions or 0 for layer in on_chip.layers) - footprint.instructions < 10 * len(on_chip.layers)
        assert variant.verdict.notes == ()


def test_accuracy_on_the_chip_stands_beside_tflms(first_run):
    """The C decides every test sample as TFLM does."""
    variant = first_run.variant("int8")

    assert variant.firmware.on_chip.on_host.differing_bytes == 0
    assert variant.firmware.on_chip.host_differing_bytes == 0
    assert variant.firmware.quality.scores == variant.evaluation.quality.scores


def test_the_c_sources_are_kept(first_run, home):
    """As a zip in the store, and beside the variant in MLflow."""
    firmware = first_run.variant("int8").firmware
    nested = next(run for run in children(home, first_run) if run.info.run_name == "int8")

    assert read_sources(Workshop.at(home).store.path(firmware.sources)).keys() == {"tiny.h", "tiny.c", "tiny_kernels.h"}
    assert ["firmware/tiny-int8.zip"] == [file.path for file in client(home).list_artifacts(nested.info.run_id, "firmware")]


def test_float_models_are_not_compiled(first_run):
    """Their figures stay estimates, and say so."""
    variant = first_run.variant("float32")

    assert variant.firmware is None
    assert variant.verdict.footprint.basis.startswith("estimated, no firmware was linked")


def test_mlflow_has_a_nested_run_for_each_variant_with_the_same_keys(first_run, home):
    """Of float32 those of the chip are missing, for nothing was run there."""
    runs = children(home, first_run)
    figures = {run.info.run_name: set(run.data.metrics) for run in runs}

    assert {run.info.run_name for run in runs} == {"float32", "int8", "prune50-int8"}
    assert figures["int8"] == figures["prune50-int8"] > figures["float32"]
    assert {"stack_bytes", "instructions", "parity_differing_bytes"} <= figures["int8"] - figures["float32"]
    assert len({tuple(sorted(run.data.params)) for run in runs}) == 1
    assert [run.info.run_name for run in runs if run.data.tags["champion"] == "true"] == [first_run.choice.champion]


def test_mlflow_has_the_data_and_the_files(first_run, home):
    """The data set as input; report and bundle as artifacts of the parent."""
    ids = first_run.provenance
    parent = client(home).get_run(ids.mlflow_run_id)

    assert parent.info.status == "FINISHED"
    assert {each.dataset.name for each in parent.inputs.dataset_inputs}
    assert {"bundle", "report.html"} <= {file.path for file in client(home).list_artifacts(ids.mlflow_run_id)}


def test_prefect_has_table_plot_and_progress(first_run, prefect_api):
    """By the keys under which the UI lists them."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as prefect:
        kinds = {artifact.key: artifact.type for artifact in prefect.read_latest_artifacts()}

    assert {"variants-tiny": "markdown", "pareto-tiny": "image", "variants": "progress"}.items() <= kinds.items()


def test_an_unchanged_run_computes_nothing_and_is_logged_in_full(first_run, prefect_api, write_project, home):
    """The project lies in another folder: where it lies decides nothing."""
    before = stages_kept(prefect_api)

    again = run(write_project(), home)

    assert before == stages_kept(prefect_api)
    assert again.variants == first_run.variants
    assert len(children(home, again)) == 3
    assert again.provenance.mlflow_run_id != first_run.provenance.mlflow_run_id


def test_a_recipe_more_needs_only_its_own_stages(first_run, prefect_api, write_project, home):
    """prune50 is there already: one conversion, one evaluation, and the timing of all four together; nothing for the chip."""
    before = stages_kept(prefect_api)

    run(write_project(), home, recipes="float32,int8,prune50-int8,prune50-float32")

    after = stages_kept(prefect_api)
    assert {"train": 0, "compress": 0, "convert": 1, "evaluate": 2, "compile": 0, "run_on_chip": 0} == {
        name: after[name] - before[name] for name in after
    }


def test_with_new_data_only_what_depends_on_them_runs_again(first_run, prefect_api, write_project, home):
    """Another test part: the baseline is asked again and is the same, so no step, no conversion and no C is made anew; all is measured anew."""
    before = stages_kept(prefect_api)

    record = run(write_project(data="tiny:load_another_test"), home)

    after = stages_kept(prefect_api)
    assert {"train": 1, "compress": 0, "convert": 0, "evaluate": 4, "compile": 0, "run_on_chip": 2} == {
        name: after[name] - before[name] for name in after
    }
    assert first_run.baseline.model == record.baseline.model


def test_a_deleted_blob_is_made_anew(first_run, write_project, home):
    """Not an error; the run ends as if nothing had happened."""
    model = first_run.variant("int8").model
    Workshop.at(home).store.path(model).unlink()

    again = run(write_project(), home)

    assert again.variant("int8").evaluation.size == first_run.variant("int8").evaluation.size
    assert Workshop.at(home).store.has(again.variant("int8").model)


def test_altered_blobs_are_set_aside_and_made_anew(first_run, write_project, home):
    """One byte of a model, of the baseline and of the test data: the run ends as if nothing had happened, with the same bytes."""
    made = [first_run.variant("int8").model, first_run.baseline.model, first_run.splits.test.x]
    store = Workshop.at(home).store
    for artifact in made:
        file = store.path(artifact)
        data = bytearray(file.read_bytes())
        data[-9] ^= 1
        file.write_bytes(data)

    again = run(write_project(), home)

    assert [again.variant("int8").model, again.baseline.model, again.splits.test.x] == made
    assert all(store.has(artifact) for artifact in made)
    assert {f"{artifact.sha256}.{artifact.kind}" for artifact in made} == {path.name for path in (home / "store" / "altered").iterdir()}


@pytest.mark.long
def test_the_same_seed_gives_the_same_models_byte_for_byte(prefect_api, write_project, tmp_path):
    """Two home folders that share nothing, each with workers of its own; every kind of step, and the converter after it."""
    recipes = "cluster8-int8,prune50-cluster8-qat-int8"

    one, other = (run(write_project(), tmp_path / name, recipes=recipes) for name in ("one", "other"))

    assert one.baseline.model == other.baseline.model
    assert [(variant.recipe, variant.model) for variant in one.variants] == [(variant.recipe, variant.model) for variant in other.variants]
    assert len({variant.model for variant in one.variants}) == 2


def test_a_target_more_needs_only_its_own_stages(first_run, prefect_api, write_project, home):
    """The C is the same; it is linked and run anew for each of the two."""
    before = stages_kept(prefect_api)

    record = run(write_project(), home, target="stm32g071")

    after = stages_kept(prefect_api)
    assert {"train": 0, "compress": 0, "convert": 0, "evaluate": 0, "compile": 0, "run_on_chip": 2} == {
        name: after[name] - before[name] for name in after
    }
    assert record.variant("int8").firmware.on_chip.emulated.core == "cortex-m0plus"


def test_a_pruned_float_model_for_linux_is_stored_without_zeros_where_that_pays(first_run, write_project, home):
    """What it saved stands in the variant, its notes and MLflow; a microcontroller's variant was never tried."""
    record = run(write_project(), home, recipes="prune50-float32", target="linux-arm64")

    (variant,) = record.variants
    size = variant.evaluation.size
    assert size.file_bytes == min(variant.sparse.plain_bytes, variant.sparse.sparse_bytes)
    assert all(layer.sparsity >= 0.5 for layer in size.layers)
    assert any("as sparse tensors" in note for note in variant.notes)
    (nested,) = children(home, record)
    saved = variant.sparse.plain_bytes - variant.sparse.sparse_bytes if variant.sparse.is_kept else 0
    assert saved == nested.data.metrics["sparse_saved_bytes"]
    assert first_run.variant("prune50-int8").sparse is None


@pytest.mark.parametrize(
    ("package", "target", "note", "basis"),
    [
        ("ziglang", "stm32h743", "the chip's figures are missing: found no C compiler for chips: the package ziglang is missing;", "estimated"),
        ("unicorn", "stm32u575", "nothing is proven on the chip: found no emulated core: the package unicorn is missing;", "measured"),
    ],
)
def test_without_a_tool_the_run_goes_on_and_every_verdict_says_so(
    first_run, write_project, home, tmp_path, monkeypatch, package, target, note, basis
):
    """Workers that can't find the package; a home of their own, with what was made so far, and another chip, so that nothing is kept of it."""
    (tmp_path / "sitecustomize.py").write_text(HIDE.format(name=package))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    shutil.copytree(home / "store", tmp_path / "home" / "store")

    record = run(write_project(), tmp_path / "home", target=target)

    assert record.choice.champion in ("int8", "prune50-int8")
    for recipe in ("int8", "prune50-int8"):
        verdict = record.variant(recipe).verdict
        (said,) = verdict.notes
        assert said.startswith(note)
        assert "pip install 'emberflow[chip]'" in said
        assert verdict.footprint.basis.startswith(basis)
        assert verdict.fits


def test_a_variant_whose_firmware_computes_something_else_can_not_be_champion(first_run, write_project, home, tmp_path, monkeypatch):
    """Workers whose kernels don't round: prune65-int8 is compiled with them, and int8 was compiled before. It would take less flash and lose nothing."""
    shutil.copytree(Path(emberflow.__file__).parent, tmp_path / "emberflow", ignore=shutil.ignore_patterns("__pycache__"))
    kernel = tmp_path / "emberflow" / "compiler" / "kernels" / "requantize.h"
    right, wrong = "(value + half - (value < 0)) >> right", "value >> right"
    assert 1 == kernel.read_text().count(right)
    kernel.write_text(kernel.read_text().replace(right, wrong))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    shutil.copytree(home / "store", tmp_path / "home" / "store")

    record = run(write_project(), tmp_path / "home", recipes="int8,prune65-int8")

    faulty, sound = record.variant("prune65-int8"), record.variant("int8")
    assert faulty.firmware.on_chip.is_refuted
    assert faulty.verdict.footprint.flash_bytes < sound.verdict.footprint.flash_bytes
    told = [reason.message.split(": ")[0] for reason in faulty.verdict.reasons]
    assert ["the firmware is not equal to TFLM", "the product fails on the chip"] == told
    assert "operator 1 CONV_2D (conv_2d_1) is the first layer that differs" in faulty.verdict.reasons[0].message
    assert "int8" == record.choice.champion
    metrics = {child.info.run_name: child.data.metrics["parity_differing_bytes"] for child in children(tmp_path / "home", record)}
    assert 0 == metrics["int8"] < metrics["prune65-int8"]
    with pytest.raises(NothingFits, match="the firmware is not equal to TFLM"):  # alone it is none either
        run(write_project(), tmp_path / "home", recipes="prune65-int8")


def test_when_no_variant_fits_the_run_fails_and_keeps_what_it_measured(first_run, write_project, home):
    """One byte of flash is too little for anything."""
    with pytest.raises(NothingFits) as told:
        run(write_project(budget={"flash": 1, "accuracy_drop": 0.5}), home)

    record = last_record(home, "tiny")
    assert str(told.value) == record.choice.explanation
    assert "nearest" in str(told.value)
    assert [variant.verdict.fits for variant in record.variants] == [False] * 3
    assert client(home).get_run(record.provenance.mlflow_run_id).info.status == "FAILED"
    assert len(children(home, record)) == 3
    assert not bundle_folder(home, "tiny", record.provenance.run_id).exists()


def test_a_recipe_that_fails_does_not_sink_the_others(first_run, write_project, home):
    """Its stage and the layer are named."""
    path = write_project(baseline="tiny:build_with_normalized_input", recipes=["int8", "qat-int8"])

    record = run(path, home)

    (failure,) = record.failures
    assert [variant.recipe for variant in record.variants] == ["int8"]
    assert (failure.recipe, failure.stage) == ("qat-int8", "compress qat")
    assert "'on_its_own' (BatchNormalization)" in failure.reason
    with pytest.raises(NothingFits, match="No variant could be made, so there is nothing to choose from: see why each recipe failed"):
        run(path, home, recipes="qat-int8")


def test_an_mlflow_that_does_not_answer_fails_the_run_and_keeps_the_variants(first_run, write_project, home, monkeypatch):
    """Port 9 is nobody's, and here it is asked twice; the report is written all the same."""
    monkeypatch.setattr("tasks.track.open_run.retries", 1)
    with pytest.raises(TrackingError, match="The variants are kept: their report is"):
        run(write_project(), home, mlflow="http://127.0.0.1:9")

    record = last_record(home, "tiny")
    assert record.provenance.mlflow_run_id is None
    assert (run_folder(home, "tiny", record.provenance.run_id) / "report.html").is_file()


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"data": "tiny:load_with_gaps"}, DataError, r"the train part holds 1 values that are NaN .* in sample 7 at \(3, 1\)"),
        ({"baseline": "tiny:build_nothing"}, ModelError, "received builtins.str; expected a Keras model"),
        ({"baseline": "tiny:build_and_fail"}, ProjectError, "'tiny:build_and_fail' raised RuntimeError: the builder's own words"),
    ],
)
def test_bad_input_ends_before_any_training_and_leaves_nothing(first_run, prefect_api, write_project, home, changes, error, words):
    """The stage's own error leaves the flow; MLflow's run is closed as failed; no unfinished file stays."""
    before = stages_kept(prefect_api)

    with pytest.raises(error, match=words):
        run(write_project(**changes), home)

    newest = client(home).search_runs([first_run.provenance.mlflow_experiment_id], order_by=["attributes.start_time DESC"], max_results=1)[0]
    assert newest.info.status == "FAILED"
    assert before == stages_kept(prefect_api)
    assert list((home / "store" / "unfinished").iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"recipes": ["int9"]}, RecipeError, "Did you mean 'int8'"),
        ({"target": "stm32f4"}, TargetError, "Did you mean 'stm32f405'"),
        ({"buget": {}}, ProjectError, "Did you mean 'budget'"),
        ({"baseline": "missing.keras"}, ProjectError, "missing.keras' as the baseline; expected a .keras file, and there is none"),
        ({"baseline": "missing/"}, ProjectError, "missing' as a SavedModel; expected a directory, and there is none"),
    ],
)
def test_a_wrong_project_ends_before_anything_is_written(write_project, tmp_path, changes, error, words):
    """Not even the home folder is made."""
    from flows.settings import RunConfig, set_up

    with pytest.raises(ProjectError, match=words) as told:
        set_up(RunConfig(project=str(write_project(**changes)), home=str(tmp_path / "home")))

    assert isinstance(told.value, ProjectError | error)
    assert not (tmp_path / "home").exists()
