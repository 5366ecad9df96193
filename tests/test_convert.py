"""Each number format gives a .tflite with a batch of 1, the right borders and a signature, that computes what Keras does; refusals are told."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.compress.rewrite import lift_to_2d
from emberflow.convert import SETTINGS, Conversion, QuietNativeCode, convert, signature_to_tflite, to_tflite, with_batch_of_one
from emberflow.errors import ConversionError, DataError, ModelError
from emberflow.evaluate import litert, signature
from emberflow.evaluate.borders import dequantize, quantize
from emberflow.evaluate.size import measure_size
from emberflow.frozen import SignatureModel
from emberflow.graph import read_graph
from emberflow.keras_bridge import keras, save
from emberflow.recipe import Format

pytestmark = pytest.mark.xdist_group("tensorflow")
RANDOM = np.random.default_rng(0)
X = (RANDOM.normal(size=(32, 16, 4)) + 2 * RANDOM.normal(size=(32, 1, 4))).astype(np.float32)  # a level of its own in each window


def two() -> Any:
    """Keras 2's layers; asked for when a test runs, so that only the process that runs it imports TensorFlow."""
    return keras().layers


def build(*layers: Any, steps: int | None = 16, name: str = "tiny") -> Any:
    """A model of a window of 16 steps of 4 channels."""
    keras().utils.set_random_seed(3)
    return keras().Sequential([keras().Input((steps, 4)), *layers], name=name)


def classifier(steps: int | None = 16) -> Any:
    """Conv1D of 2,560 weights (the dynamic format leaves those under 1,024 in float), mean, three classes."""
    return build(two().Conv1D(128, 5, activation="relu"), two().GlobalAveragePooling1D(), two().Dense(3, "softmax"), steps=steps)


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> dict[Format, bytes]:
    """The classifier in every format, from its file."""
    folder = tmp_path_factory.mktemp("converted")
    save(classifier(), folder / "model.h5")
    for number_format in Format:
        convert(folder / "model.h5", number_format, X, folder / f"{number_format}.tflite")
    return {number_format: (folder / f"{number_format}.tflite").read_bytes() for number_format in Format}


def test_every_format_has_settings() -> None:
    """A format added to recipe.py needs a line in SETTINGS."""
    assert set(SETTINGS) == set(Format)


# how far probabilities may be: int8 has steps of 1/256 at the output and rounds activations before; int16x8 rounds the weights only
FORMATS = [
    (Format.FLOAT32, "float32", "float32", 1e-5),
    (Format.FLOAT16, "float32", "float16", 2e-3),
    (Format.DYNAMIC, "float32", "int8", 2e-2),
    (Format.INT8, "int8", "int8", 2e-2),
    (Format.UINT8, "uint8", "int8", 2e-2),
    (Format.INT16X8, "int16", "int8", 1e-2),
]


@pytest.mark.parametrize(("number_format", "border", "weights", "tolerance"), FORMATS)
def test_a_format_has_its_borders_and_weights_and_computes_the_same(
    converted: dict[Format, bytes], number_format: Format, border: str, weights: str, tolerance: float
) -> None:
    """Batch 1 in front; uint8 is at the borders only; the probabilities are those of the Keras model."""
    data = converted[number_format]
    borders = litert.read_borders(data)

    assert (borders.input.shape, borders.input.dtype) == ((1, 16, 4), border)
    assert (borders.output.shape, borders.output.dtype) == ((1, 3), border)
    assert measure_size(data).layers[0].dtype == weights
    expected = np.asarray(classifier()(X))
    assert np.ptp(expected, axis=0).max() > 10 * tolerance  # outputs that don't vary would prove nothing
    assert np.abs(dequantize(litert.run(data, X), borders.output) - expected).max() <= tolerance


@pytest.mark.parametrize("number_format", Format)
def test_a_format_keeps_a_signature(converted: dict[Format, bytes], number_format: Format) -> None:
    """Callers in Python or Java find input and output by name."""
    signature = litert.open_model(converted[number_format]).get_signature_list()["serving_default"]

    assert (len(signature["inputs"]), len(signature["outputs"])) == (1, 1)


def test_one_dimensional_layers_are_converted_in_2d(converted: dict[Format, bytes]) -> None:
    """One reshape at the front and none behind: the mean takes the signal as it is."""
    operators = measure_size(converted[Format.INT8]).operators

    assert operators == {"CONV_2D": 1, "FULLY_CONNECTED": 1, "MEAN": 1, "RESHAPE": 1, "SOFTMAX": 1}


def test_an_open_number_of_steps_becomes_that_of_the_data() -> None:
    """A chip needs constant shapes."""
    source = classifier(steps=None)
    model = with_batch_of_one(source, {source.input_names[0]: X})

    assert model.input_shape == (1, 16, 4)
    assert with_batch_of_one(classifier(), {}).input_shape == (1, 16, 4)
    with pytest.raises(ModelError, match=r"the input 'input_\d+' has open sizes, \(any, any, 4\); expected constant ones"):
        with_batch_of_one(source, {})


def test_a_file_with_an_open_number_of_steps_is_converted(tmp_path: Path) -> None:
    """Through the rewriting in 2D, too."""
    save(classifier(steps=None), tmp_path / "model.h5")
    convert(tmp_path / "model.h5", Format.INT8, X, tmp_path / "model.tflite")

    assert litert.read_borders((tmp_path / "model.tflite").read_bytes()).input.shape == (1, 16, 4)


@pytest.mark.parametrize("number_format", [f for f in Format if f.is_full_integer])
def test_full_integer_without_calibration_is_refused(number_format: Format) -> None:
    """With both ways out."""
    expected = f"{number_format} needs a calibration set and received an empty one; give some samples, or choose float32, float16 or dynamic"

    with pytest.raises(ConversionError, match=expected):
        to_tflite(classifier(), number_format, X[:0])


@pytest.mark.parametrize("number_format", [f for f in Format if not f.is_full_integer])
def test_other_formats_need_no_calibration(number_format: Format) -> None:
    """Their ranges are not quantized."""
    assert to_tflite(build(two().Flatten(), two().Dense(2)), number_format, X[:0])[4:8] == b"TFL3"


@pytest.fixture(scope="module")
def signatures(saved_models: Path) -> dict[Format, bytes]:
    """The signature 'classify' of a SavedModel without Keras in every format, calibrated on what it is asked below."""
    how = Conversion(signature="classify")
    return {each: signature_to_tflite(saved_models / "classifier", each, {"signal": SIGNALS}, how) for each in Format}


SIGNALS = RANDOM.normal(size=(64, 12)).astype(np.float32)


@pytest.mark.parametrize(("number_format", "border", "weights", "tolerance"), FORMATS)
def test_a_signature_keeps_its_names_and_computes_the_same_by_name_and_by_index(
    saved_models: Path, signatures: dict[Format, bytes], number_format: Format, border: str, weights: str, tolerance: float
) -> None:
    """The name, the input and the output are those of the SavedModel; the runner's bytes are those that tensor indices give."""
    data = signatures[number_format]
    borders = litert.read_borders(data)
    codes = quantize(SIGNALS, borders.input)
    by_name = [signature.call(data, "classify", {"signal": each[None]})["scores"][0] for each in codes]
    by_index = [signature.by_index(data, {"signal": each[None]}, "classify")["scores"][0] for each in codes]

    assert {"classify": {"inputs": ["signal"], "outputs": ["scores"]}} == litert.open_model(data).get_signature_list()
    assert ((1, 12), border, (1, 3), border) == (borders.input.shape, borders.input.dtype, borders.output.shape, borders.output.dtype)
    assert weights == measure_size(data).layers[0].dtype
    assert np.array_equal(by_name, by_index)
    assert np.array_equal(by_name, litert.run(data, SIGNALS))
    expected = SignatureModel(saved_models / "classifier", "classify")(SIGNALS)
    assert np.ptp(expected, axis=0).max() > 10 * tolerance
    assert np.abs(dequantize(np.array(by_name), borders.output) - expected).max() <= tolerance


def test_the_classic_signature(saved_models: Path) -> None:
    """x + 4: 5.0 out for 1.0 in; another shape is refused, though LiteRT would take it."""
    data = signature_to_tflite(saved_models / "adder", Format.FLOAT32, {}, Conversion(signature="my_signature"))

    assert {"my_signature": {"inputs": ["x"], "outputs": ["result"]}} == litert.open_model(data).get_signature_list()
    assert [[5.0] * 10] == signature.call(data, "my_signature", {"x": np.ones((1, 10), np.float32)})["result"].tolist()
    assert [[5.0] * 10] == litert.run(data, np.ones((1, 10), np.float32)).tolist()
    with pytest.raises(DataError, match=r"^the input 'x' was given shape \(1, 1\); expected \(1, 10\)$"):
        signature.call(data, "my_signature", {"x": np.ones((1, 1), np.float32)})


def test_open_sizes_of_a_signature_become_those_of_the_data(saved_models: Path) -> None:
    """Without data they stay open, which is told."""
    how = Conversion(signature="serving_default")
    data = signature_to_tflite(saved_models / "open_steps", Format.INT8, {"signal": X}, how)

    assert (1, 16, 4) == litert.read_borders(data).input.shape
    with pytest.raises(ModelError, match=r"the input 'signal' has open sizes, \(any, any, 4\); expected constant ones"):
        signature_to_tflite(saved_models / "open_steps", Format.FLOAT32, {}, how)


def test_several_inputs_and_outputs_keep_their_names(saved_models: Path) -> None:
    """The pipeline asks for one of each; a conversion doesn't."""
    pair = {"left": RANDOM.normal(size=(16, 4)).astype(np.float32), "right": RANDOM.normal(size=(16, 4)).astype(np.float32)}
    data = signature_to_tflite(saved_models / "pair", Format.FLOAT32, pair, Conversion(signature="serving_default"))
    given = signature.call(data, "serving_default", {key: each[:1] for key, each in pair.items()})

    assert pair["left"][:1] - pair["right"][:1] == pytest.approx(given["difference"])
    assert pair["left"][:1] + pair["right"][:1] == pytest.approx(given["sum"])


@pytest.mark.parametrize("number_format", Format)
def test_a_signature_without_data_is_never_calibrated_on_noise(saved_models: Path, number_format: Format) -> None:
    """Full-integer formats are refused, the others run."""
    how = Conversion(signature="classify")
    if number_format.is_full_integer:
        with pytest.raises(ConversionError, match=f"{number_format} needs a calibration set and received an empty one"):
            signature_to_tflite(saved_models / "classifier", number_format, {}, how)
    else:
        assert signature_to_tflite(saved_models / "classifier", number_format, {}, how)[4:8] == b"TFL3"


@pytest.mark.parametrize("number_format", [Format.INT8, Format.UINT8, Format.INT16X8])
def test_weights_have_one_step_a_channel_or_one_a_tensor(converted: dict[Format, bytes], number_format: Format) -> None:
    """Of a convolution and of a dense layer; per tensor, probabilities stray no further than the next step of the largest channel."""
    plain, whole = converted[number_format], to_tflite(lift_to_2d(classifier()), number_format, X, Conversion(per_channel=False))

    assert ([128, 3], [1, 1]) == (steps_of(plain), steps_of(whole))
    assert len(whole) < len(plain)
    given = dequantize(litert.run(whole, X), litert.read_borders(whole).output)
    assert np.asarray(classifier()(X)) == pytest.approx(given, abs=0.03)


def steps_of(data: bytes) -> list[int]:
    """How many steps the weights of each layer have."""
    graph = read_graph(data)
    layers = [operator for operator in graph.operators if operator.name in ("CONV_2D", "FULLY_CONNECTED")]
    return [len(graph.operand(layer, 1).quantization.scales) for layer in layers]


def asinh() -> Any:
    import tensorflow as tf

    return build(two().Activation(tf.math.asinh), name="arcs")


def wrong_samples() -> Any:
    return build(two().Flatten(), two().Dense(2), name="square")


@pytest.mark.parametrize(
    ("make", "number_format", "samples", "said"),
    [
        (asinh, Format.FLOAT32, X, "the converter refused 'arcs' as float32: .*'tf.Asinh' op is neither a custom op nor a flex op"),
        (asinh, Format.INT8, X, "the converter refused 'arcs' as int8: .*'tf.Asinh' op"),
        (wrong_samples, Format.INT8, X[:, :3], "the converter refused 'square' as int8: "),
    ],
)
def test_what_the_converter_refuses_is_told_in_its_words(make: Callable[[], Any], number_format: Format, samples: np.ndarray, said: str) -> None:
    """An operator that .tflite has no equal of, and samples of another shape; shortly."""
    with pytest.raises(ConversionError, match=said) as told:
        to_tflite(make(), number_format, samples)

    assert len(str(told.value)) < 600


def test_native_code_is_quiet_inside_and_heard_again_afterwards(capfd: pytest.CaptureFixture[str]) -> None:
    """File descriptor 2 comes back, also when the converter raises."""
    with contextlib.suppress(ValueError), QuietNativeCode():
        os.write(2, b"inside")
        raise ValueError("as planned")
    os.write(2, b"afterwards")

    assert capfd.readouterr().err == "afterwards"
