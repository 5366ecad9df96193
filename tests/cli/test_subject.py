"""Models of every kind as a .tflite, alone or with their float twin."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.cli.subject import Origin, read_subject
from emberflow.errors import ModelError, ProjectError
from emberflow.inspection import Trial, describe_form

pytestmark = pytest.mark.xdist_group("tensorflow")
TRIAL = Trial(np.random.default_rng(0).normal(size=(16, 12)).astype(np.float32), "x.npy")


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
        ("pair", {}, ProjectError, "has 2 inputs; expected one: convert it, and inspect the .tflite"),
    ],
)
def test_what_is_wrong_is_told(saved_models: Path, name: str, more: dict[str, Any], kind: type[Exception], told: str) -> None:
    """Before TensorFlow is asked."""
    with pytest.raises(kind) as caught:
        read_subject(Origin(saved_models / name, **more))
    assert told in str(caught.value)


def test_a_keras_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """In the bridge's words."""
    (tmp_path / "bad.h5").write_bytes(b"nonsense")

    with pytest.raises(ModelError, match=r"bad\.h5"):
        read_subject(Origin(tmp_path / "bad.h5"))
