"""A signature and a .tflite are called as a Keras model is: shapes with an open batch, samples in, outputs out, weights counted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.frozen import ReadyModel, SignatureModel
from emberflow.keras_bridge import keras

pytestmark = pytest.mark.xdist_group("tensorflow")
RANDOM = np.random.default_rng(0)


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def test_a_signature_computes_what_its_weights_say(saved_models: Path) -> None:
    """As numpy does it."""
    model = SignatureModel(saved_models / "classifier", "raw")
    hidden, out = (variable.numpy() for variable in model._function.variables)
    x = RANDOM.normal(size=(9, 12)).astype(np.float32)

    assert ((None, 12), (None, 3), (None, 3)) == (model.inputs[0].shape, model.outputs[0].shape, model.output_shape)
    assert relu(x @ hidden) @ out == pytest.approx(model(x), abs=1e-5)
    assert 12 * 128 + 128 * 3 == model.count_params()
    assert "TensorFlow" == model.runtime


def test_a_signature_of_one_sample_is_called_once_for_each(saved_models: Path) -> None:
    """The classic takes (1, 10)."""
    model = SignatureModel(saved_models / "adder", "my_signature")
    x = RANDOM.normal(size=(5, 10)).astype(np.float32)

    assert (x + 4).tolist() == model(x).tolist()
    assert (None, 10) == model.inputs[0].shape


@pytest.mark.parametrize(("number_format", "tolerance"), [("float32", 1e-5), ("int8", 0.12)])
def test_a_tflite_computes_what_its_keras_model_does(
    tiny_tflite: Callable[..., bytes], models: Any, tmp_path: Path, number_format: str, tolerance: float
) -> None:
    """Integers are read as the numbers that they stand for."""
    (tmp_path / "model.tflite").write_bytes(tiny_tflite("image", number_format))
    model = ReadyModel(tmp_path / "model.tflite")
    x = np.random.default_rng(0).standard_normal((8, 6, 6, 2)).astype(np.float32)  # what it was calibrated on

    source = models.image_model()
    assert isinstance(source, keras().Model)
    expected = np.asarray(source(x))
    assert np.ptp(expected) > 0.1
    assert expected == pytest.approx(model(x), abs=tolerance)
    assert ((None, 6, 6, 2), (None, 20), (None, 20)) == (model.inputs[0].shape, model.outputs[0].shape, model.output_shape)
    assert "LiteRT" == model.runtime
    # 20 outputs in steps of 1/256, each rounded by half of one at most
    assert model.rounding == pytest.approx(1e-3 + (20 / 512 if number_format == "int8" else 0))
    assert model.count_params() == source.count_params()
