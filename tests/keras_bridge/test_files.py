"""Model files of either Keras."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.errors import ModelError
from emberflow.keras_bridge import is_keras_2, keras, largest_difference, load, save, to_keras_2

pytestmark = pytest.mark.xdist_group("tensorflow")


def three() -> Any:
    """Keras 3; imported when a test runs, so that only the process that runs it imports TensorFlow."""
    import keras as keras_3

    return keras_3


def chain(*layers: Any) -> Any:
    """A functional Keras 3 model of a window of 16 steps of 4 channels."""
    tensor = source = three().Input((16, 4))
    for layer in layers:
        tensor = layer(tensor)
    return three().Model(source, tensor)


def double(name: str) -> Any:
    """A layer of the user's own."""

    class Double(three().layers.Layer):
        def call(self, x: Any) -> Any:
            return 2 * x

    return Double(name=name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same two models saved by Keras 3 and Keras 2, in both forms, and Keras 3's with some bytes wrong."""
    path = tmp_path_factory.mktemp("saved")
    newer = three().Sequential([three().Input((16, 4)), three().layers.Conv1D(2, 3), three().layers.Flatten(), three().layers.Dense(2, "softmax")])
    older = to_keras_2(newer)
    for ending in ("keras", "h5"):
        newer.save(path / f"newer.{ending}")
        older.save(path / f"older.{ending}")
    whole = (path / "newer.keras").read_bytes()
    (path / "half.keras").write_bytes(whole[: len(whole) // 2])
    (path / "half.h5").write_bytes((path / "newer.h5").read_bytes()[:4000])
    wrong = bytearray(whole)
    wrong[200:260] = bytes(255 - byte for byte in wrong[200:260])  # within config.json, whose checksum then is wrong
    (path / "flipped.keras").write_bytes(wrong)
    (path / "empty.keras").write_bytes(b"")
    (path / "text.h5").write_bytes(b"not a model")
    with zipfile.ZipFile(path / "other.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    chain(double("own")).save(path / "own.keras")
    return path


@pytest.mark.parametrize("name", ["newer.keras", "newer.h5", "older.keras", "older.h5"])
def test_what_either_keras_saved_is_read_as_keras_2(folder: Path, name: str) -> None:
    """Same outputs as the model that was saved."""
    loaded = load(folder / name)

    assert is_keras_2(loaded)
    assert largest_difference(load(folder / "older.h5"), loaded) == 0.0


@pytest.mark.parametrize("name", ["half.keras", "half.h5", "flipped.keras", "empty.keras", "text.h5", "other.keras", "own.keras"])
def test_a_file_that_can_t_be_read_is_told_shortly(folder: Path, name: str) -> None:
    """What both Keras say of it, three hundred letters each at most."""
    with pytest.raises(ModelError, match=f"'{name}' can't be read as a Keras model: .+; nor with Keras 3: ") as told:
        load(folder / name)

    assert len(str(told.value)) < 750


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A folder is no file either."""
    for path in (tmp_path, tmp_path / "none.keras"):
        with pytest.raises(ModelError, match=r"as the baseline; expected a .keras or .h5 file, and there is none"):
            load(path)


def test_a_saved_model_comes_back_equal_and_without_optimizer(tmp_path: Path) -> None:
    """Compiled and trained or not, the file holds layers and weights."""
    model = keras().Sequential([keras().Input((3,)), keras().layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    save(model, tmp_path / "model.h5")

    loaded = load(tmp_path / "model.h5")

    assert largest_difference(model, loaded) == 0.0
    assert getattr(loaded, "optimizer", None) is None
