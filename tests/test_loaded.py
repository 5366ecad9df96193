"""A SavedModel is packed and unpacked whole, and given constant sizes from the data; what TensorFlow can't load is told."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from emberflow.artifact import digest_file
from emberflow.errors import ModelError
from emberflow.loaded import constant_sizes, load_signature, pack, unpacked, with_constant_sizes
from emberflow.saved_model import read_saved_model

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_a_packed_model_is_whole_again(saved_models: Path, tmp_path: Path) -> None:
    """Every file; and the same directory gives the same bytes."""
    for name in ("one", "other"):
        pack(saved_models / "classifier", tmp_path / name)

    assert digest_file(tmp_path / "one") == digest_file(tmp_path / "other")
    with unpacked(tmp_path / "one") as folder:
        assert read_saved_model(saved_models / "classifier").signatures == read_saved_model(folder).signatures
        assert (saved_models / "classifier" / "variables" / "variables.index").read_bytes() == (folder / "variables" / "variables.index").read_bytes()
    assert not folder.exists()


def test_sizes_become_constant_and_names_stay(saved_models: Path) -> None:
    """Open steps are those of the samples; the other signatures are gone."""
    samples = {"signal": np.zeros((7, 16, 4), np.float32)}
    with with_constant_sizes(saved_models / "open_steps", "serving_default", samples) as folder:
        (signature,) = read_saved_model(folder).signatures.values()
    with with_constant_sizes(saved_models / "classifier", "raw", {}) as folder:
        (raw,) = read_saved_model(folder).signatures.values()

    assert "serving_default(signal: float32 (1, 16, 4)) -> scores: float32 (1, 3)" == str(signature)
    assert "raw(signal: float32 (1, 12)) -> logits: float32 (1, 3)" == str(raw)


def test_constant_sizes_are_worked_out() -> None:
    """The batch is 1 where it is open; what is constant stays, whatever the samples are."""
    samples = np.zeros((9, 5, 6))

    assert (1, 5, 4) == constant_sizes("x", (None, None, 4), samples)
    assert (8, 5, 6) == constant_sizes("x", (8, None, None), samples)
    assert (1, 4) == constant_sizes("x", (None, 4), None)
    assert () == constant_sizes("x", (), None)


@pytest.mark.parametrize("samples", [None, np.zeros((9, 5))])
def test_a_size_that_stays_open_is_told(samples: np.ndarray | None) -> None:
    """Without samples, and with samples of another number of dimensions."""
    with pytest.raises(ModelError, match=r"the input 'x' has open sizes, \(any, any, 4\); expected constant ones, which a device needs: give data"):
        constant_sizes("x", (None, None, 4), samples)


def test_variables_cut_short_are_told(saved_models: Path, tmp_path: Path) -> None:
    """The graph is whole, its weights are not."""
    model = Path(shutil.copytree(saved_models / "classifier", tmp_path / "model"))
    data = model / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])

    with pytest.raises(ModelError, match=r"^TensorFlow can't load 'model': .*; save the model again$"):
        load_signature(model, "raw")


def test_a_signature_that_tensorflow_doesn_t_find_is_told(saved_models: Path) -> None:
    """It was looked up before; a directory may change."""
    with pytest.raises(ModelError, match="TensorFlow finds the signatures classify, raw in 'classifier'; expected 'other'"):
        load_signature(saved_models / "classifier", "other")


def test_a_shape_that_the_function_can_t_compute_is_told(saved_models: Path, tmp_path: Path) -> None:
    """The signature says any number of columns, the weights know better."""
    import tensorflow as tf

    class Loose(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, None), tf.float32)])
        def serve(self, x: tf.Tensor) -> tf.Tensor:
            return {"y": tf.ensure_shape(x, (None, 3)) @ tf.ones((3, 2))}

    tf.saved_model.save(module := Loose(), str(tmp_path / "loose"), signatures={"serve": module.serve})
    samples = {"x": np.zeros((4, 5), np.float32)}

    with pytest.raises(ModelError, match=r"signature 'serve' can't compute x: \(1, 5\): "), with_constant_sizes(tmp_path / "loose", "serve", samples):
        pass


def test_a_number_of_dimensions_that_stays_open_is_told(tmp_path: Path) -> None:
    """No data can fill it."""
    import tensorflow as tf

    class Open(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec(None, tf.float32)])
        def serve(self, x: tf.Tensor) -> tf.Tensor:
            return {"y": x + 1}

    tf.saved_model.save(module := Open(), str(tmp_path / "open"), signatures={"serve": module.serve})

    said = "the signature leaves open how many dimensions 'x' has; expected their number"
    with pytest.raises(ModelError, match=said), with_constant_sizes(tmp_path / "open", "serve", {}):
        pass
