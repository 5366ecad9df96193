"""A SavedModel is read without TensorFlow: its signatures as they are, and everything that is wrong with it in one sentence."""

import os
import shutil
from pathlib import Path

import pytest

from emberflow.errors import ModelError, ProjectError
from emberflow.saved_model import FILE, SavedModel, Signature, Tensor, check_tensors, read_saved_model

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.mark.parametrize(
    ("name", "signatures"),
    [
        ("adder", ["my_signature(x: float32 (1, 10)) -> result: float32 (1, 10)"]),
        (
            "classifier",
            ["classify(signal: float32 (any, 12)) -> scores: float32 (any, 3)", "raw(signal: float32 (any, 12)) -> logits: float32 (any, 3)"],
        ),
        ("open_steps", ["serving_default(signal: float32 (any, any, 4)) -> scores: float32 (any, 3)"]),
        (
            "pair",
            ["serving_default(left: float32 (any, 4), right: float32 (any, 4)) -> difference: float32 (any, 4), sum: float32 (any, 4)"],
        ),
        ("saved_by_keras", ["serving_default(signal: float32 (any, 12)) -> scores: float32 (any, 3)"]),
    ],
)
def test_signatures_are_read_as_they_were_saved(saved_models: Path, name: str, signatures: list[str]) -> None:
    """By name; inputs and outputs in the order of the alphabet, as TensorFlow has them."""
    assert signatures == [str(signature) for signature in read_saved_model(saved_models / name).signatures.values()]


@pytest.mark.parametrize(("name", "is_keras"), [("saved_by_keras", True), ("exported", False), ("adder", False)])
def test_who_wrote_it_is_told(saved_models: Path, name: str, is_keras: bool) -> None:
    """What `export` writes holds no layers, and says nothing of Keras."""
    assert is_keras == read_saved_model(saved_models / name).is_keras


def test_a_signature_is_found_by_name_or_because_it_is_the_only_one(saved_models: Path) -> None:
    """Or because it is called serving_default: an export has 'serve' beside it."""
    found = [
        read_saved_model(saved_models / name).signature(wanted).name for name, wanted in [("adder", None), ("classifier", "raw"), ("exported", None)]
    ]

    assert ["my_signature", "raw", "serving_default"] == found


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (None, r"'classifier' has 2 signatures and none called serving_default; name one of: classify\(signal: .*\) -> scores: .*; raw\("),
        ("clasify", r"'classifier' has no signature 'clasify'; it offers classify\(.*; raw\(.*\. Did you mean 'classify'\?"),
    ],
)
def test_a_signature_that_isnt_clear_is_told_with_all_there_are(saved_models: Path, name: str | None, said: str) -> None:
    """None named, and a name mistyped."""
    with pytest.raises(ProjectError, match=said):
        read_saved_model(saved_models / "classifier").signature(name)


def test_a_model_without_signatures_is_told(tmp_path: Path) -> None:
    """As a model that was saved without any."""
    with pytest.raises(ProjectError, match=r"has 0 signatures and none called serving_default; name one of: none"):
        SavedModel(tmp_path, {}, is_keras=False).signature(None)


def copy(saved_models: Path, folder: Path) -> Path:
    return Path(shutil.copytree(saved_models / "classifier", folder / "model"))


def test_a_path_that_is_no_directory_is_told(tmp_path: Path) -> None:
    """Nothing is there."""
    with pytest.raises(ProjectError, match=r"received '.*/nothing' as a SavedModel; expected a directory, and there is none"):
        read_saved_model(tmp_path / "nothing")


def test_a_directory_without_the_graph_is_told_with_what_it_holds(saved_models: Path, tmp_path: Path) -> None:
    """Mistyped, one level too high, empty, or in text."""
    model = copy(saved_models, tmp_path)
    (tmp_path / "empty").mkdir()

    with pytest.raises(ProjectError, match=rf"holds no {FILE}, but empty, model; expected the directory of a SavedModel. Is it one level deeper\?$"):
        read_saved_model(tmp_path)
    with pytest.raises(ProjectError, match=rf"holds no {FILE}, but nothing; expected the directory of a SavedModel\.$"):
        read_saved_model(tmp_path / "empty")
    (model / FILE).rename(model / "saved_model.pbtxt")
    with pytest.raises(ProjectError, match=rf"holds no {FILE}, but .*Did you mean 'saved_model.pbtxt'\?"):
        read_saved_model(model)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.99])
def test_a_graph_cut_short_is_told(saved_models: Path, tmp_path: Path, share: float) -> None:
    """Wherever it ends."""
    model = copy(saved_models, tmp_path)
    whole = (model / FILE).read_bytes()
    (model / FILE).write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(ModelError, match=rf"'model/{FILE}' (ends after .* it was cut short: copy it again|holds 0 graphs; expected one)"):
        read_saved_model(model)


def test_two_graphs_are_told(saved_models: Path, tmp_path: Path) -> None:
    """TensorFlow 2 writes one; bytes after each other are a message with the fields of both."""
    model = copy(saved_models, tmp_path)
    (model / FILE).write_bytes((model / FILE).read_bytes() * 2)

    with pytest.raises(ModelError, match=f"'model/{FILE}' holds 2 graphs; expected one, as tf.saved_model.save writes it"):
        read_saved_model(model)


def test_a_model_of_tensorflow_1_is_told(saved_models: Path, tmp_path: Path) -> None:
    """It has no graph of objects, here because it was taken out."""
    from tensorflow.core.protobuf import saved_model_pb2

    model = copy(saved_models, tmp_path)
    message = saved_model_pb2.SavedModel.FromString((model / FILE).read_bytes())
    message.meta_graphs[0].ClearField("object_graph_def")
    (model / FILE).write_bytes(message.SerializeToString())

    with pytest.raises(ModelError, match="'model' is a SavedModel of TensorFlow 1; expected one of TensorFlow 2: load it there and save it again"):
        read_saved_model(model)


def test_a_link_that_leads_out_is_told(saved_models: Path, tmp_path: Path) -> None:
    """A link within is none of our business."""
    model = copy(saved_models, tmp_path)
    (model / "assets" / "here").symlink_to(model / FILE)
    assert read_saved_model(model).signatures

    (model / "assets" / "there").symlink_to("/etc/hostname")
    with pytest.raises(ModelError, match="'model/assets/there' is a link that leads out of the SavedModel; expected all of it in one directory"):
        read_saved_model(model)


def test_a_pipe_is_told(saved_models: Path, tmp_path: Path) -> None:
    """TensorFlow would wait for it."""
    model = copy(saved_models, tmp_path)
    os.mkfifo(model / "variables" / "more")

    with pytest.raises(ModelError, match="'model/variables/more' is no file, which TensorFlow would wait for; expected plain files alone"):
        read_saved_model(model)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("text", r"signature 'serving_default' takes text \(words: string \(any\)\); expected numbers: turn text into numbers before the model"),
        ("ragged", r"signature 'total' takes a ragged or sparse tensor \(rows: float32 \(any\)\); expected dense ones: pad its rows to one length"),
    ],
)
def test_inputs_that_no_tflite_takes_are_told(saved_models: Path, name: str, said: str) -> None:
    """Strings, and ragged tensors, which TensorFlow saves as values and ends of rows."""
    with pytest.raises(ModelError, match=said):
        check_tensors(read_saved_model(saved_models / name).signature(None))


def test_sparse_and_absent_inputs_are_told() -> None:
    """Neither is saved by TensorFlow's own hand today."""
    sparse = Tensor("x", "float32", None, is_dense=False)

    with pytest.raises(ModelError, match=r"takes a ragged or sparse tensor \(x: float32 any shape\)"):
        check_tensors(Signature("f", (sparse,), ()))
    with pytest.raises(ModelError, match="signature 'f' takes no input; expected at least one"):
        check_tensors(Signature("f", (), ()))
