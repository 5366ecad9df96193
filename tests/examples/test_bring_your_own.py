"""The example of models from elsewhere: a Keras 3 file, a SavedModel with two signatures, and the .tflite that came of it, through the whole chain."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emberflow.adapters.workshop import Workshop
from emberflow.evaluate import litert

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow, pytest.mark.long]
EXAMPLE = Path(__file__).parents[2] / "examples" / "bring_your_own"
STAYS = ("README.md", "pixels.py", "make_models.py", "keras.yaml", "saved_model.yaml")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example with its models made by its script."""
    place = tmp_path_factory.mktemp("bring_your_own")
    for name in STAYS:
        shutil.copy(EXAMPLE / name, place)
    subprocess.run([sys.executable, "make_models.py"], cwd=place, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, check=True, capture_output=True)
    return place


@pytest.fixture(scope="module")
def run(folder: Path, prefect_api: Path) -> Any:
    """A function that runs one of the project files, all with one home folder."""
    from flows.retrain_to_deploy import retrain_to_deploy
    from flows.settings import RunConfig

    return lambda name: retrain_to_deploy(RunConfig(project=str(folder / name), home=str(folder / "home")))


@pytest.fixture(scope="module")
def of_signature(run: Any) -> Any:
    """The record of the SavedModel."""
    return run("saved_model.yaml")


def test_a_keras_3_file_is_compressed_and_proven_on_the_chip(run: Any) -> None:
    """Each recipe gave a variant, and the champion's firmware equals TFLM."""
    record = run("keras.yaml")

    assert ["float32", "int8", "prune50-int8"] == [variant.recipe for variant in record.variants]
    assert ((), ()) == (record.failures, record.skipped)
    assert record.baseline.quality.scores["accuracy"] > 0.93
    assert record.variant(record.choice.champion).firmware.on_chip.is_proven
    assert record.variant("prune50-int8").evaluation.size.sparsity > 0.45  # all but the depthwise weights


def test_a_signature_is_converted_and_what_it_can_t_be_is_skipped(of_signature: Any, folder: Path) -> None:
    """The model keeps the signature's name, its input's and its output's; TensorFlow's own answers are what the variants are compared with."""
    assert ["float32", "int8", "uint8"] == [variant.recipe for variant in of_signature.variants]
    assert () == of_signature.failures
    assert [("prune50-int8", "a SavedModel is a graph without layers")] == [(each.recipe, each.reason[:38]) for each in of_signature.skipped]
    assert ("TensorFlow", None) == (of_signature.baseline.quality.runtime, of_signature.baseline.curve)
    assert of_signature.baseline.quality.scores["accuracy"] > 0.93
    for recipe in ("int8", "uint8"):
        variant = of_signature.variant(recipe)
        data = Workshop.at(folder / "home").store.path(variant.model).read_bytes()
        assert {"classify": {"inputs": ["image"], "outputs": ["digit"]}} == litert.open_model(data).get_signature_list()
        assert variant.firmware.on_chip.is_proven
        assert variant.evaluation.drop.estimate < 0.02
    assert abs(of_signature.variant("float32").evaluation.drop.estimate) < 1e-9


def test_a_tflite_is_judged_as_it_is(of_signature: Any, run: Any, folder: Path) -> None:
    """One variant, the file itself; compared with its own answers, which its notes say; everything else is skipped."""
    model = of_signature.variant("int8").model
    shutil.copyfile(Workshop.at(folder / "home").store.path(model), folder / "digits.tflite")
    text = (folder / "saved_model.yaml").read_text().replace("digits_model/", "digits.tflite").replace("signature: classify", "per_channel: true")
    (folder / "tflite.yaml").write_text(text)

    record = run("tflite.yaml")

    (variant,) = record.variants
    assert ("int8", model) == (variant.recipe, variant.model)
    assert ["float32", "uint8", "prune50-int8"] == [each.recipe for each in record.skipped]
    assert ("LiteRT", model) == (record.baseline.quality.runtime, record.baseline.model)
    assert any("says nothing of what quantization cost" in note for note in variant.notes)
    assert variant.firmware.on_chip.is_proven
    assert "int8" == record.choice.champion
