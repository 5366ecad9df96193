"""`emberflow convert`: a .tflite with its signature's names, or a short word of what is wrong, told before TensorFlow is asked where it can be."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.cli import convert as command
from emberflow.cli.convert import Order, convert_file, describe_calls, signature_of
from emberflow.errors import ConversionError, EmberflowError, ModelError, ProjectError
from emberflow.evaluate import litert
from emberflow.keras_bridge import keras, save
from emberflow.keras_bridge.which import keras_3
from emberflow.recipe import Format
from emberflow.trust import Trust

pytestmark = pytest.mark.xdist_group("tensorflow")
X = np.random.default_rng(0).normal(size=(32, 12)).astype(np.float32)


@pytest.fixture
def order(saved_models: Path, tmp_path: Path) -> Order:
    """`convert classifier --signature classify --format int8 --data x.npy --out out.tflite`."""
    np.save(tmp_path / "x.npy", X)
    return Order(saved_models / "classifier", Format.INT8, tmp_path / "out.tflite", "classify", tmp_path / "x.npy")


def test_a_signature_is_converted_and_described(order: Order, capsys: pytest.CaptureFixture[str]) -> None:
    """Its names stay, its calls agree."""
    assert 0 == convert_file(order)

    printed = capsys.readouterr().out
    assert "classify(signal: int8 (1, 12)) -> scores: int8 (1, 3)\ncalled by name and by tensor index: the same bytes\n" in printed
    assert f"out.tflite  {order.out.stat().st_size:,} B, int8" in printed
    assert "classify" == signature_of(order.out.read_bytes()).name


def test_one_step_a_tensor_is_smaller(order: Order) -> None:
    """The scales of 131 channels are gone."""
    convert_file(order)
    plain = order.out.stat().st_size
    convert_file(replace(order, per_channel=False))

    assert order.out.stat().st_size < plain


def test_without_data_the_other_formats_run(order: Order) -> None:
    """Float16, say."""
    assert 0 == convert_file(replace(order, number_format=Format.FLOAT16, data=None))
    assert "float32" == litert.read_borders(order.out.read_bytes()).input.dtype


def test_several_inputs_need_an_archive_of_their_names(order: Order, saved_models: Path, tmp_path: Path) -> None:
    """The pipeline asks for one input; this doesn't."""
    np.savez(tmp_path / "x.npz", left=X[:, :4], right=X[:, 4:8])

    assert 0 == convert_file(replace(order, model=saved_models / "pair", signature=None, data=tmp_path / "x.npz"))
    assert ["left", "right"] == [tensor.name for tensor in signature_of(order.out.read_bytes()).inputs]


def test_a_keras_file_is_converted(order: Order, tmp_path: Path) -> None:
    """One with an input for integers beside one for numbers, which a .npz feeds."""
    layers = keras().layers
    word, number = keras().Input((2,), dtype="int32", name="word"), keras().Input((4,), name="number")
    joined = layers.Concatenate()([layers.Flatten()(layers.Embedding(8, 4)(word)), number])
    save(keras().Model([word, number], layers.Dense(3, name="sum")(joined)), tmp_path / "model.h5")
    np.savez(tmp_path / "x.npz", word=np.arange(64).reshape(32, 2) % 8, number=X[:, :4])

    assert 0 == convert_file(replace(order, model=tmp_path / "model.h5", signature=None, data=tmp_path / "x.npz"))
    assert {"word": "int32", "number": "int8"} == {tensor.name: tensor.dtype for tensor in signature_of(order.out.read_bytes()).inputs}


def test_layers_of_the_user_s_in_keras_3_are_converted(order: Order, strangers: Any, tmp_path: Path) -> None:
    """Refused without trust; with it, the .tflite computes what Keras 3 does."""
    strangers.write_module(tmp_path, "own_of_the_convert", "keras")
    model = strangers.write_model(tmp_path / "m.keras", keras_3(), strangers.load_module(tmp_path, "own_of_the_convert"))
    plain = replace(order, model=tmp_path / "m.keras", number_format=Format.FLOAT32, signature=None, data=None)
    with pytest.raises(ModelError, match=r"or --trust-model-code and --custom-objects$"):
        convert_file(plain)

    assert 0 == convert_file(replace(plain, trust=Trust.of(True, "own_of_the_convert:OBJECTS", tmp_path)))

    x = X.reshape(8, 12, 4)
    assert np.allclose(np.asarray(model(x)), litert.run(order.out.read_bytes(), x), atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"out": Path("model.h5")}, ProjectError, "received 'model.h5' as the file to write; expected a name that ends in .tflite"),
        ({"out": Path("nowhere/a.tflite")}, ProjectError, "expected a folder that exists, and there is no 'nowhere'"),
        (
            {"data": None},
            ConversionError,
            "int8 needs data to find the range of each tensor, and is never calibrated on noise: give some with --data",
        ),
        ({"model": Path(__file__)}, ProjectError, "which is none of these; expected a .keras, .h5 file or the directory of a SavedModel"),
        ({"model": Path("missing.keras"), "signature": None}, ProjectError, "received 'missing.keras' as the model; expected a .keras file, and"),
        ({"model": Path("model.keras")}, ProjectError, "received --signature 'classify' for a Keras model"),
        ({"model": Path("missing")}, ProjectError, "received 'missing' as a SavedModel; expected a directory, and there is none"),
        ({"signature": "clasify"}, ProjectError, "Did you mean 'classify'"),
        ({"data": Path("missing.npy")}, ProjectError, "received 'missing.npy' as data, which can't be read"),
    ],
)
def test_what_is_wrong_is_told(order: Order, changes: dict[str, Any], error: type[EmberflowError], said: str) -> None:
    """And nothing is written."""
    with pytest.raises(error, match=said):
        convert_file(replace(order, **changes))

    assert not order.out.exists()


@pytest.mark.parametrize(("name", "said"), [("reader", "holds the operator ReadFile"), ("text", "takes text"), ("ragged", "takes a ragged")])
def test_a_model_that_isn_t_safe_or_can_t_be_is_refused(order: Order, saved_models: Path, name: str, said: str) -> None:
    """As in a project."""
    with pytest.raises(ModelError, match=said):
        convert_file(replace(order, model=saved_models / name, signature=None))


def test_trusted_operators_are_left_to_the_converter(order: Order, saved_models: Path) -> None:
    """Which has no equal of them."""
    with pytest.raises(ConversionError, match="the converter refused 'peep' as int8"):
        convert_file(replace(order, model=saved_models / "reader", signature=None, trust=Trust(runs_code=True)))


def test_calls_that_disagree_are_told(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which no converter has done yet: here the second call is of another input."""
    convert_file(order)
    honest = command.by_index
    monkeypatch.setattr(command, "by_index", lambda model, inputs, name: honest(model, {key: -1 - x for key, x in inputs.items()}, name))

    with pytest.raises(ConversionError, match=r"the \.tflite gives other scores by name than by tensor index; please report the model"):
        describe_calls(order.out.read_bytes())


def test_what_can_be_told_at_once_needs_no_tensorflow(order: Order) -> None:
    """The command as it is installed: a mistyped signature, in less time than TensorFlow's import takes."""
    code = "import sys; from emberflow.cli import main\ntry: main()\nfinally: print('SLOW', 'tensorflow' in sys.modules)"
    words = ["convert", str(order.model), "--format", "int8", "--signature", "clasify", "--data", str(order.data), "--out", str(order.out)]

    answer = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)

    assert (2, "SLOW False\n") == (answer.returncode, answer.stdout)
    assert answer.stderr.endswith("Did you mean 'classify'?\n")
