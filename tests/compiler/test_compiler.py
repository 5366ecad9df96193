"""Whole models, from .tflite to bytes."""

import numpy as np
import pytest

from emberflow.compiler import Parity, compile_model
from emberflow.errors import CompileError, GraphError
from emberflow.evaluate.litert import Kernels, open_model
from emberflow.graph import read_graph
from tests.compiler.harness import FLAVOURS, Native, random_codes, run_tflm, trace_tflm
from tests.models import tiny_tflite

MODELS = ("image", "signal")
SAMPLES = 50


def inputs_of(model, count=SAMPLES):
    graph = read_graph(model)
    generator = np.random.default_rng(7)
    return [random_codes(generator, graph.tensors[index], count) for index in graph.inputs]


def run_litert(model, codes):
    interpreter = open_model(model, Kernels.REFERENCE)
    source, sink = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    answers = []
    for sample in codes:
        interpreter.set_tensor(source, sample)
        interpreter.invoke()
        answers.append(interpreter.get_tensor(sink).copy())
    return np.stack(answers)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("name", MODELS)
def test_a_model_equals_tflm(name, flavour):
    """Every output byte of 50 inputs, which give different outputs."""
    model = tiny_tflite(name, "int8")
    inputs = inputs_of(model)

    expected = run_tflm(model, inputs)[0]
    np.testing.assert_array_equal(expected, Native(compile_model(model, "m"), flavour).run(inputs)[0])
    assert len(np.unique(expected.reshape(SAMPLES, -1), axis=0)) > SAMPLES // 2


@pytest.mark.parametrize("name", MODELS)
def test_a_model_equals_litert_on_request(name):
    """LiteRT's reference kernels, which round the fully connected layer once."""
    model = tiny_tflite(name, "int8")
    inputs = inputs_of(model)

    actual = Native(compile_model(model, "m", Parity.LITERT_REFERENCE)).run(inputs)[0]
    np.testing.assert_array_equal(run_litert(model, inputs[0]), actual)


def test_every_layer_equals_tflm():
    """What the trace shows of each tensor, and not of the last alone."""
    model = tiny_tflite("image", "int8")
    inputs = inputs_of(model, 1)

    native = Native(compile_model(model, "m"), trace=True)
    native.run(inputs)
    expected = trace_tflm(model, [codes[0] for codes in inputs])
    assert set(native.traced) <= set(expected)
    assert len(native.traced) >= 4
    assert [] == [index for index, data in native.traced.items() if data != expected[index].tobytes()]


def test_the_same_model_gives_the_same_text():
    """Twice compiled, once in the store."""
    model = tiny_tflite("signal", "int8")

    assert compile_model(model, "m").files == compile_model(model, "m").files


def test_a_float_model_is_refused():
    """By its first layer."""
    with pytest.raises(CompileError, match=r"operator 0 CONV_2D .* is float32; expected int8; convert the model with full-integer quantization"):
        compile_model(tiny_tflite("image", "float32"), "m")


def test_what_is_no_model_is_refused():
    """The reader says what it received."""
    with pytest.raises(GraphError, match=r"received 5 B .* expected a \.tflite"):
        compile_model(b"hello", "m")
