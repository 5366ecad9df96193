"""The folder of a compiled model: what is in it, and that nothing of the user's is replaced."""

import json

import numpy as np
import pytest

from emberflow.compiler import Parity, Storage, compile_model
from emberflow.errors import BundleError, ProjectError
from emberflow.evaluate import litert, reference
from emberflow.export import (
    Making,
    check_files,
    compiled_sources,
    contents,
    describe,
    describe_product,
    read_export,
    read_vectors,
    refuse_other_contents,
    write_export,
)
from emberflow.firmware.folder import Build
from emberflow.samples import random_samples
from emberflow.target import find_target
from tests.adapters.a_network import two_by_two
from tests.compiler.harness import activation, side_by_side

MAKING = Making(emberflow="0.1.0", parity=Parity.TFLM, weights=Storage.SMALLEST, compiler="zig")


@pytest.fixture(scope="module")
def made(models):
    """Manifest and files of a small model for which no compiler was there."""
    model = models.small_tflite()
    samples = random_samples((litert.read_borders(model).input,), 12)
    outputs = reference.outputs(model, samples.codes)
    compiled = compile_model(model, "small")
    product = describe_product("small", model, samples, outputs, find_target("stm32f405"), Build(compiled.files))
    files = contents(product, samples, outputs)
    return describe(product, samples, MAKING, files), files


@pytest.fixture
def folder(made, tmp_path):
    """It, written."""
    write_export(tmp_path / "out", *made)
    return tmp_path / "out"


def test_what_is_in_it(made):
    """The model, vectors, firmware, and the application for TFLM."""
    names = {path.split("/")[0] for path in made[1]}

    assert {"small.tflite", "vectors", "firmware", "src", "tflm"} == names


def exported(model, parity=Parity.TFLM):
    """The files for a model of several inputs or outputs; whatever the outputs are."""
    inputs, outputs = litert.read_all_borders(model)
    samples = random_samples(inputs, 12)
    answers = tuple(np.zeros((12, *border.shape[1:]), border.dtype) for border in outputs)
    build = Build(compile_model(model, "pair", parity).files)
    return contents(describe_product("pair", model, samples, answers, find_target("stm32f405"), build), samples, answers)


def test_the_folder_of_several_inputs_has_all_that_the_one_of_one_input_has():
    """Firmware with its Arduino library and Zephyr module, and the application for TFLM."""
    files = exported(two_by_two())

    assert {"pair.tflite", "vectors", "firmware", "src", "tflm"} == {path.split("/")[0] for path in files}
    assert {"firmware/arduino/pair.zip", "firmware/zephyr/module.yml", "tflm/main.cc", "src/model_data.c"} <= files.keys()


def test_a_model_that_tflm_refuses_has_no_application_for_it():
    """LiteRT's reference leads uint8 to uint8, TFLM doesn't; a second output makes it one of several."""
    outputs = [activation("y", (1, 4), 0.07, 3, "uint8"), activation("z", (1, 4), 0.07, 3)]
    model = side_by_side([activation("x", (1, 4), 0.05, 9, "uint8")], [("QUANTIZE", output, "", {}) for output in outputs])
    files = exported(model, Parity.LITERT_REFERENCE)

    assert {"pair.tflite", "vectors", "firmware"} == {path.split("/")[0] for path in files}


def test_the_same_model_gives_the_same_bytes(made, models):
    """Every file, arrays and archive among them."""
    model = models.small_tflite()
    samples = random_samples((litert.read_borders(model).input,), 12)
    outputs = reference.outputs(model, samples.codes)
    product = describe_product("small", model, samples, outputs, find_target("stm32f405"), Build(compile_model(model, "small").files))

    assert made[1] == contents(product, samples, outputs)


def test_nobody_told_what_the_samples_are(made):
    """So the labels are numbers, and the truth is said to be unknown."""
    assert b'"0",\n    "1",\n    "2",' in made[1]["firmware/application/labels.h"]
    assert b"nobody told what they really are" in made[1]["firmware/application/test_vectors.h"]


def test_what_was_written_is_read(folder, made):
    """The manifest, the vectors and the sources."""
    export, files = made
    (inputs,), (outputs,) = read_vectors(folder, "input", 1), read_vectors(folder, "output", 1)

    assert export == read_export(folder)
    assert ((12, 6, 6, 2), np.int8, (12, 3)) == (inputs.shape, inputs.dtype, outputs.shape)
    assert {"small.h", "small.c", "small_kernels.h"} == compiled_sources(folder, export).keys()
    assert files["firmware/model/small.c"] == compiled_sources(folder, export)["small.c"]


def test_vectors_of_another_model_are_refused(folder):
    """One array lies there, and the model has two inputs."""
    with pytest.raises(BundleError, match=r"out, which has no vectors/input0\.npy; expected codes of 2 inputs, as many as the model has$"):
        read_vectors(folder, "input", 2)


def test_a_changed_file_is_named(folder, made):
    """What was built beside them is nobody's business."""
    (folder / "firmware" / "build").mkdir()
    (folder / "firmware" / "build" / "small.elf").touch()
    check_files(folder, made[0])
    (folder / "small.tflite").write_bytes(b"x")
    (folder / "firmware" / "README.md").unlink()

    with pytest.raises(BundleError, match=r"\(changed: small\.tflite; missing: firmware/README\.md\); expected every file as it was written$"):
        check_files(folder, made[0])


def test_what_may_be_replaced(folder, tmp_path):
    """Nothing, an empty folder, and an export as it was written."""
    (tmp_path / "empty").mkdir()

    for place in (tmp_path / "new" / "deep", tmp_path / "empty", folder):
        assert refuse_other_contents(place) is None


def test_work_of_the_users_is_not_replaced(folder):
    """A board.c that was filled in, and a build."""
    (folder / "firmware/application/board.c").write_text("int x;")
    for number in range(7):
        (folder / f"note{number}").touch()

    told = r"files were changed or added \(firmware/application/board\.c, note0, note1, note2, note3 and 3 more\); move them away"
    with pytest.raises(ProjectError, match=told):
        refuse_other_contents(folder)


@pytest.mark.parametrize("name", ["thesis.tex", "manifest.json"])
def test_other_folders_are_not_replaced(tmp_path, name):
    """Not those of other programs that have a manifest either."""
    (tmp_path / name).write_text("{}")

    with pytest.raises(ProjectError, match=r"which exists and was not written by `emberflow compile`; expected a new or empty folder"):
        refuse_other_contents(tmp_path)


def test_a_place_that_can_not_be_written_is_told_beforehand(tmp_path):
    """Here a file stands where a folder should."""
    (tmp_path / "file").touch()

    with pytest.raises(ProjectError, match=r"file/out', but '.*/file' is no folder that may be written to; give another folder"):
        refuse_other_contents(tmp_path / "file" / "out")


@pytest.mark.parametrize(("key", "value"), [("kind", "bundle"), ("schema_version", 2), ("target", None)])
def test_a_manifest_of_another_kind_is_refused(folder, key, value):
    """With what to do."""
    fields = json.loads((folder / "manifest.json").read_text()) | {key: value}
    (folder / "manifest.json").write_text(json.dumps(fields))

    with pytest.raises(BundleError, match=r"which is not that of a compiled model.*; compile the model again"):
        read_export(folder)
