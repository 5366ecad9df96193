"""Files recognized by their bytes: the two forms of a Keras model, and what else people bring."""

import pickle
import zipfile
from pathlib import Path

import pytest

from emberflow.errors import ModelError
from emberflow.keras_file import Form, recognize


def test_the_two_forms_are_recognized_whatever_they_are_called(tmp_path: Path) -> None:
    """An extension says what somebody thought."""
    import h5py

    with zipfile.ZipFile(tmp_path / "a.h5", "w") as archive:
        archive.writestr("config.json", "{}")
    h5py.File(tmp_path / "b.keras", "w").close()

    assert [recognize(tmp_path / name) for name in ("a.h5", "b.keras")] == [Form.ZIP, Form.HDF5]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "'m.keras' is empty; expected a .keras or .h5 file"),
        (b"\x1c\0\0\0TFL3\0\0", "is a .tflite; expected a .keras or .h5 file: give it that extension"),
        (pickle.dumps([1]), "is a pickle, which runs code when it is read; expected a .keras or .h5 file: save the model with model.save("),
        (b"\x93NUMPY\x01\0", "is a NumPy array; expected"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
            "is a pointer of Git LFS; expected a .keras or .h5 file: fetch the file itself",
        ),
        (b'{"class_name": "Sequential", "config": {}}', "holds an architecture without weights; expected a .keras or .h5 file: save the whole model"),
        (b"<!DOCTYPE html><html>", "is a web page; expected a .keras or .h5 file: download the file itself"),
        (b"not a model\n", 'is text, and begins with "not a model\\n"; expected a .keras or .h5 file'),
        (b"\0\1\2\3\4\5\6\7", "is neither a zip archive nor an HDF5 file; expected a .keras or .h5 file, and this one may be damaged"),
    ],
)
def test_anything_else_is_told_by_what_it_is(tmp_path: Path, data: bytes, said: str) -> None:
    """With what to do."""
    (tmp_path / "m.keras").write_bytes(data)

    with pytest.raises(ModelError) as told:
        recognize(tmp_path / "m.keras")

    assert said in str(told.value)


def test_a_folder_and_nothing_are_told(tmp_path: Path) -> None:
    """A SavedModel is a folder, and is named by it."""
    with pytest.raises(
        ModelError, match=r"received the folder '.*'; expected a .keras or .h5 file: of a SavedModel, name the folder that holds saved_model.pb"
    ):
        recognize(tmp_path)
    with pytest.raises(ModelError, match=r"received '.*none.keras' as the baseline; expected a .keras or .h5 file, and there is none"):
        recognize(tmp_path / "none.keras")
