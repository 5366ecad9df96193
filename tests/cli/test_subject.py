"""Models of every kind as a .tflite, alone or with their float twin."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.cli.subject import Origin, read_subject
from emberflow.errors import ConversionError, DataError, ModelError, ProjectError
from emberflow.inspection import Trial, describe_form, inspect_model
from emberflow.trust import Trust

pytestmark = pytest.mark.xdist_group("tensorflow")
TRIAL = Trial.of(np.random.default_rng(0).normal(size=(16, 12)).astype(np.float32), "x.npy")


def test_a_tflite_is_taken_as_it_is(models: Any, tmp_path: Path) -> None:
    """With the file that it was made of, if one is named."""
    (tmp_path / "a.tflite").write_bytes(models.small_tflite())
    alone, both = (read_subject(Origin(tmp_path / "a.tflite", against)) for against in (None, tmp_path / "a.tflite"))

    assert ("a.tflite", "a .tflite of int8", None) == (alone.name, alone.form, alone.twin)
    assert ("a .tflite of int8, compared with a.tflite", both.model) == (both.form, both.twin)


def test_a_saved_model_is_converted_by_its_signature(saved_models: Path) -> None:
    """With samples to int8, and to float32 in any case."""
    origin = Origin(saved_models / "classifier", signature="classify")
    plain, tried = read_subject(origin), read_subject(origin, TRIAL)

    assert ("float32", None) == (describe_form(plain.model), plain.twin)
    assert "signature classify of a SavedModel, converted to float32; with --data, to int8" == plain.form
    assert "signature classify of a SavedModel, converted to int8 with x.npy" == tried.form
    assert ("int8", "float32") == (describe_form(tried.model), describe_form(tried.twin))


@pytest.mark.parametrize(
    ("name", "more", "kind", "told"),
    [
        ("none.keras", {}, ProjectError, "as a model; expected a .keras file, and there is none"),
        ("none", {}, ProjectError, "as a model, which can't be read (No such file or directory); expected a .tflite, .keras or .h5 file, or the"),
        ("classifier", {"signature": "clasify"}, ProjectError, "Did you mean 'classify'?"),
        ("classifier", {"against": Path("f.tflite")}, ProjectError, "received --against 'f.tflite' for a model that isn't converted yet"),
        ("none.tflite", {"signature": "classify"}, ProjectError, "only a SavedModel's signature can be named"),
    ],
)
def test_what_is_wrong_is_told(saved_models: Path, name: str, more: dict[str, Any], kind: type[Exception], told: str) -> None:
    """Before TensorFlow is asked."""
    with pytest.raises(kind) as caught:
        read_subject(Origin(saved_models / name, **more))
    assert told in str(caught.value)


def two_inputs(path: Path) -> Path:
    """A Keras model with two inputs and two outputs, at `path`."""
    from emberflow.keras_bridge import keras, save

    layers = keras().layers
    left, right = (keras().Input(shape, name=name) for shape, name in (((6,), "left"), ((4,), "right")))
    x = layers.Concatenate(name="both")([layers.Dense(5, "relu", name="wide")(left), right])
    save(keras().Model([left, right], [layers.Dense(2, name="one")(x), layers.Dense(3, name="other")(x)]), path)
    return path


def test_several_inputs_get_an_array_each(saved_models: Path, tmp_path: Path) -> None:
    """Of a SavedModel and of a Keras model, both of two inputs and two outputs; noise is measured of both inputs and both outputs."""
    random = np.random.default_rng(0)
    both = Trial({name: random.normal(size=(16, 4)).astype(np.float32) for name in ("right", "left")}, "x.npz")
    wide = Trial({"right": both.arrays["right"], "left": random.normal(size=(16, 6)).astype(np.float32)}, "x.npz")

    for path, trial in ((saved_models / "pair", both), (two_inputs(tmp_path / "m.h5"), wide)):
        found = inspect_model(read_subject(Origin(path), trial), trial)
        assert 16 == found.samples
        assert {"input0", "input1"} < {noise.layer for noise in found.noise}
        assert all(noise.sqnr_db is not None and noise.sqnr_db > 20 for noise in found.noise)
    assert {"one", "other", "wide"} < {noise.layer for noise in found.noise}
    assert "float32" == describe_form(read_subject(Origin(tmp_path / "m.h5")).model)


def test_one_array_is_too_few_for_several_inputs(saved_models: Path) -> None:
    """With the names that are expected."""
    with pytest.raises(DataError, match=r"the model has 2 inputs: expected an \.npz with an array for each, called left, right, or input0, input1"):
        read_subject(Origin(saved_models / "pair"), TRIAL)


def test_a_keras_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """In the bridge's words."""
    (tmp_path / "bad.h5").write_bytes(b"nonsense")

    with pytest.raises(ModelError, match=r"bad\.h5"):
        read_subject(Origin(tmp_path / "bad.h5"))


@pytest.mark.parametrize("version", [2, 3])
def test_own_classes_are_the_user_s_where_the_file_is_trusted(strangers: Any, tmp_path: Path, version: int) -> None:
    """And refused by name where it isn't."""
    from emberflow.keras_bridge.which import keras, keras_3

    name = f"own_of_the_subject_{version}"
    strangers.write_module(tmp_path, name, "tf_keras" if version == 2 else "keras")
    strangers.write_model(tmp_path / "m.h5", keras() if version == 2 else keras_3(), strangers.load_module(tmp_path, name))

    with pytest.raises(
        ModelError, match=r"'m\.h5': layer 'conv' \(Conv1D\) names the function 'halve' .*or --trust-model-code and --custom-objects$"
    ):
        read_subject(Origin(tmp_path / "m.h5"))
    assert "float32" == describe_form(read_subject(Origin(tmp_path / "m.h5", trust=Trust.of(True, f"{name}:objects", tmp_path))).model)


def test_operators_that_touch_files_need_trust(saved_models: Path) -> None:
    """Of a SavedModel too; TensorFlow Lite has none of them."""
    with pytest.raises(ModelError, match=r"ReadFile.*let it run with your rights: `trust_model_code: true`, or --trust-model-code"):
        read_subject(Origin(saved_models / "reader"))
    with pytest.raises(ConversionError, match="the converter refused 'peep' as float32"):
        read_subject(Origin(saved_models / "reader", trust=Trust(runs_code=True)))
