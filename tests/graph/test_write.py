"""Writing operators: what `read_graph` reads back is what was given."""

from dataclasses import replace

import numpy as np
import pytest

from emberflow.graph import read_graph
from emberflow.graph.values import ABSENT
from emberflow.graph.write import write_operators


def written(graph, *operators):
    """The graph of a model with `operators` alone, and the tensors that it was to have."""
    tensors = {index: graph.tensors[index] for operator in operators for index in (*operator.inputs, *operator.outputs)}
    return read_graph(write_operators(operators, tensors)), tuple(tensors.values())


def described(tensors):
    """What must survive of tensors."""
    return [
        (t.shape, t.dtype, t.quantization and (t.quantization.scales.tolist(), t.quantization.zero_points.tolist(), t.quantization.axis))
        for t in tensors
    ]


@pytest.mark.parametrize("name", ["image", "signal"])
def test_every_operator_of_a_real_model_survives(name, tiny_tflite):
    """Convolutions, pools, RESHAPE with its vector, SOFTMAX with its beta: options, shapes, scales and constants."""
    graph = read_graph(tiny_tflite(name, "int8"))

    for operator in graph.operators:
        again, tensors = written(graph, operator)
        assert [(operator.name, operator.version, operator.options)] == [(o.name, o.version, o.options) for o in again.operators]
        assert described(tensors) == described(again.tensors)
        for expected, actual in zip(tensors, again.tensors, strict=True):
            assert np.array_equal(expected.data, actual.data) if expected.data is not None else actual.data is None


def test_inputs_are_what_is_computed(tiny_tflite):
    """Constants are part of the model."""
    graph = read_graph(tiny_tflite("image", "int8"))

    again, _ = written(graph, graph.operators[0])

    assert (0,) == again.inputs
    assert (3,) == again.outputs
    assert [False, True, True, False] == [tensor.data is not None for tensor in again.tensors]


def test_what_one_operator_writes_for_the_next_is_neither_input_nor_output(tiny_tflite):
    """CONV_2D and DEPTHWISE_CONV_2D: one way in, one way out, both codes."""
    graph = read_graph(tiny_tflite("image", "int8"))

    again, _ = written(graph, *graph.operators[:2])

    assert [operator.name for operator in graph.operators[:2]] == [operator.name for operator in again.operators]
    assert again.operators[0].outputs[0] == again.operators[1].inputs[0]
    assert (again.operators[0].inputs[:1], again.operators[1].outputs) == (again.inputs, again.outputs)


def test_an_input_that_is_left_out_stays_out(tiny_tflite):
    """A convolution without biases."""
    graph = read_graph(tiny_tflite("image", "int8"))
    conv = graph.operators[0]
    operator = replace(conv, inputs=(*conv.inputs[:2], ABSENT))
    tensors = {index: graph.tensors[index] for index in (*conv.inputs[:2], *conv.outputs)}

    assert (0, 1, ABSENT) == read_graph(write_operators((operator,), tensors)).operators[0].inputs


def test_a_tensor_may_be_given_another_shape(tiny_tflite):
    """How tables are read: all 256 codes in one row."""
    graph = read_graph(tiny_tflite("image", "int8"))
    softmax = graph.operators[-1]
    rows = {tensor.index: replace(tensor, shape=(1, 256)) for tensor in (graph.operand(softmax, 0), graph.result(softmax))}

    again = read_graph(write_operators((softmax,), rows))

    assert [(1, 256), (1, 256)] == [tensor.shape for tensor in again.tensors]
    assert {"beta": 1.0} == again.operators[0].options
