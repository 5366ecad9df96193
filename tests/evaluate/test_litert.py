from collections.abc import Callable

import numpy as np
import pytest

from emberflow.errors import DataError, GraphError
from emberflow.evaluate.borders import Borders, dequantize
from emberflow.evaluate.litert import Kernels, input_borders, input_names, open_model, read_all_borders, read_borders, run, run_all
from tests.adapters.a_network import PAIRS, two_by_two

Models = Callable[[str], bytes]


def softmax_by_hand(model: bytes, x: np.ndarray) -> np.ndarray:
    """What the `wide` model computes, with the weights that stand in the file."""
    interpreter = open_model(model, Kernels.REFERENCE)  # XNNPACK's repack the weights and let go of the file's
    indices = {tuple(tensor["shape"]): tensor["index"] for tensor in interpreter.get_tensor_details()}
    first, last = interpreter.get_tensor(indices[64, 64]), interpreter.get_tensor(indices[3, 64])
    logits = np.maximum(x @ first.T, 0) @ last.T  # biases are zero in a model that was not trained
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def test_a_float_model_gives_what_its_formula_gives(tflite: Models) -> None:
    """A dense network of two layers, computed by numpy."""
    x = np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32)

    assert run(tflite("wide-float32"), x) == pytest.approx(softmax_by_hand(tflite("wide-float32"), x), abs=1e-5)


@pytest.mark.parametrize(("name", "dtype"), [("conv-float32", "float32"), ("conv-int8", "int8"), ("conv-int16x8", "int16")])
def test_outputs_are_raw(tflite: Models, signals: np.ndarray, name: str, dtype: str) -> None:
    """In the type of the model's output, one row a sample."""
    outputs = run(tflite(name), signals)

    assert (outputs.dtype.name, outputs.shape) == (dtype, (12, 3))


@pytest.mark.parametrize(("name", "tolerance"), [("conv-int8", 0.05), ("conv-int16x8", 0.02)])
def test_integer_models_come_near_the_float_model(tflite: Models, signals: np.ndarray, name: str, tolerance: float) -> None:
    """After the way back to float, so scales and zero points are read aright."""
    integer = dequantize(run(tflite(name), signals), read_borders(tflite(name)).output)

    assert integer == pytest.approx(run(tflite("conv-float32"), signals), abs=tolerance)


def test_reference_kernels_are_other_kernels(tflite: Models, signals: np.ndarray) -> None:
    """They agree with XNNPACK to two units of int8, and only there to the byte where it happens so."""
    default, reference = (run(tflite("conv-int8"), signals, kernels).astype(int) for kernels in Kernels)

    assert np.abs(default - reference).max() <= 2


def test_a_batch_left_open_is_one(tflite: Models, signals: np.ndarray) -> None:
    """A model converted without a batch size gives the same."""
    open_batch = tflite("conv-float32-anybatch")

    assert read_borders(open_batch).input.shape == (1, 16, 3)
    assert np.allclose(run(open_batch, signals), run(tflite("conv-float32"), signals), atol=1e-6)


def test_a_sample_does_not_depend_on_those_before(tflite: Models, signals: np.ndarray) -> None:
    """An LSTM's state is wiped between samples."""
    backwards = run(tflite("lstm-float32"), signals[::-1])[::-1]

    assert np.array_equal(run(tflite("lstm-float32"), signals), backwards)


def test_borders_of_an_int8_model(tflite: Models) -> None:
    """The specification fixes the scale of a softmax: 1/256, zero at -128."""
    borders = read_borders(tflite("conv-int8"))

    assert isinstance(borders, Borders)
    assert (borders.input.shape, borders.input.dtype) == ((1, 16, 3), "int8")
    assert (borders.output.scale, borders.output.zero_point) == (1 / 256, -128)


def test_samples_of_another_shape_are_refused(tflite: Models) -> None:
    """The message states both shapes."""
    with pytest.raises(DataError, match=r"received samples of shape \(3, 16\); the model takes \(16, 3\)"):
        run(tflite("conv-int8"), np.zeros((2, 3, 16), np.float32))


@pytest.mark.parametrize("junk", [b"", b"no model at all, but some bytes"], ids=["nothing", "junk"])
def test_bytes_that_are_no_model_are_refused(junk: bytes) -> None:
    """The message says how many bytes there were, and what LiteRT said."""
    with pytest.raises(GraphError, match=rf"LiteRT can't read the model \({len(junk)} B\): .*; expected a whole \.tflite"):
        read_borders(junk)


def test_a_torn_model_is_refused(tflite: Models) -> None:
    """Half a file is no model either."""
    whole = tflite("conv-int8")

    with pytest.raises(GraphError, match="not a valid Flatbuffer"):
        run(whole[: len(whole) // 2], np.zeros((1, 16, 3), np.float32))


def test_an_operator_that_is_not_built_in_is_refused(tflite: Models) -> None:
    """The message names it."""
    with pytest.raises(GraphError, match="LiteRT refuses the model: Encountered unresolved custom op: Erf; expected built-in operators alone"):
        run(tflite("erf-float32"), np.zeros((1, 8), np.float32))


def test_several_outputs_are_refused(tflite: Models) -> None:
    """The message counts both ends."""
    with pytest.raises(GraphError, match="the model has 1 inputs and 2 outputs; expected one of each"):
        read_borders(tflite("two_outputs-float32"))


def test_borders_of_several_outputs_are_read(tflite: Models) -> None:
    """In the model's order; those of one input are a tuple too."""
    inputs, outputs = read_all_borders(tflite("two_outputs-float32"))

    assert (1, 2) == (len(inputs), len(outputs))


def test_several_inputs_are_run() -> None:
    """Each output of the last sample is what the interpreter says when it is asked by hand."""
    interpreter = open_model(two_by_two(), Kernels.REFERENCE)
    for details, codes in zip(interpreter.get_input_details(), PAIRS, strict=True):
        interpreter.set_tensor(details["index"], codes[-1:])
    interpreter.invoke()
    by_hand = [interpreter.get_tensor(details["index"])[0] for details in interpreter.get_output_details()]

    found = run_all(two_by_two(), PAIRS, Kernels.REFERENCE)
    assert [(120, 4), (120, 3)] == [each.shape for each in found]
    assert [each.tolist() for each in by_hand] == [each[-1].tolist() for each in found]


def test_inputs_are_called_as_the_signature_has_them(tflite: Models) -> None:
    """Of a model without a signature, as its tensors."""
    converted = open_model(tflite("conv-int8"))
    bare = open_model(two_by_two())

    assert list(converted.get_signature_runner().get_input_details()) == list(input_names(converted))
    assert [each["name"] for each in bare.get_input_details()] == list(input_names(bare))
    assert len(input_borders(bare)) == len(input_names(bare)) == 2
