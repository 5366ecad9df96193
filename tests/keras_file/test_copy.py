"""The copy that Keras is given: what was checked, and nothing else."""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from emberflow.errors import ModelError
from emberflow.keras_file import Form, checked, copy

CONFIG = {"class_name": "Sequential", "config": {"name": "m", "layers": [{"class_name": "Dense", "config": {"name": "d", "units": 2}}]}}


def weights(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file["d/kernel"] = np.zeros((3, 2), np.float32)
    return path


def a_keras(path: Path, config: bytes = json.dumps(CONFIG).encode(), metadata: bytes = b'{"keras_version": "3.15.1"}') -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", config)
        file.writestr("metadata.json", metadata)
        file.writestr("assets/words.txt", b"a")
        file.write(weights(path.with_suffix(".weights")), "model.weights.h5")
    return path


def an_h5(path: Path, config: bytes = json.dumps(CONFIG).encode()) -> Path:
    with h5py.File(weights(path), "r+") as file:
        file.attrs["model_config"] = config
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["training_config"] = b'{"loss": "mine"}'
    return path


def test_an_archive_is_written_anew(tmp_path: Path) -> None:
    """Without assets; of two keys that are the same, the one that was checked."""
    twice = json.dumps(CONFIG).replace('"units": 2', '"units": 1, "units": 2').encode()

    with checked(a_keras(tmp_path / "m.h5", twice)) as file:
        with zipfile.ZipFile(file.path) as archive:
            assert sorted(archive.namelist()) == ["config.json", "metadata.json", "model.weights.h5"]
            assert archive.read("config.json") == json.dumps(CONFIG).encode()
        assert (file.path.suffix, file.form, file.version, file.values) == (".keras", Form.ZIP, 3, 6)
    assert not file.path.exists()


def test_an_hdf5_file_is_written_anew(tmp_path: Path) -> None:
    """Without what belongs to training; the original stays as it is."""
    path = an_h5(tmp_path / "m.keras")
    before = path.read_bytes()

    with checked(path) as file:
        with h5py.File(file.path) as copied:
            assert dict(copied.attrs) == {"model_config": json.dumps(CONFIG), "keras_version": "2.15.0"}
        assert (file.path.suffix, file.form, file.version, file.values) == (".h5", Form.HDF5, 2, 6)
    assert path.read_bytes() == before


@pytest.mark.parametrize("write", [a_keras, an_h5])
def test_a_refusal_names_the_file(tmp_path: Path, write: object) -> None:
    """In front of what is wrong in it."""
    path = write(tmp_path / "m.keras", json.dumps(CONFIG).replace("Dense", "Lambda").encode())  # type: ignore[operator]

    with pytest.raises(ModelError, match=r"^'m.keras': layer 'd' \(Lambda\) carries Python code"), checked(path):
        pass
    with checked(path, trust_code=True) as file:
        assert file.config["config"]["layers"][0]["class_name"] == "Lambda"


def test_metadata_that_are_none_are_told(tmp_path: Path) -> None:
    """Damaged, or nothing."""
    with pytest.raises(ModelError, match=r"'m.keras': metadata.json isn't JSON: "), checked(a_keras(tmp_path / "m.keras", metadata=b"{")):
        pass
    with checked(a_keras(tmp_path / "m.keras", metadata=b"[]")) as file:
        assert file.version == 2


def test_weights_alone_are_told(tmp_path: Path) -> None:
    """What save_weights writes."""
    with (
        pytest.raises(
            ModelError, match=r"'m.weights.h5': holds weights without a model; expected the whole model: model.save\('model.keras'\) where"
        ),
        checked(weights(tmp_path / "m.weights.h5")),
    ):
        pass


def test_a_file_larger_than_any_model_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is copied; the limit is lowered for this test."""
    path = an_h5(tmp_path / "m.h5")
    monkeypatch.setattr(copy.content, "LARGEST_BYTES", 1000)

    with pytest.raises(ModelError, match=r"'m.h5' has .* KiB; expected at most 1000 B"), checked(path):
        pass
