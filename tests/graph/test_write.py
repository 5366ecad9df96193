"""Writing one operator: what `read_graph` reads back is what was given."""

from dataclasses import replace

import numpy as np
import pytest

from emberflow.graph import read_graph
from emberflow.graph.write import write_operator


def written(graph, operator):
    """The graph of a model with `operator` alone, and the tensors that it was to have."""
    inputs = tuple(graph.tensors[index] for index in operator.inputs)
    outputs = tuple(graph.tensors[index] for index in operator.outputs)
    return read_graph(write_operator(operator, inputs, outputs)), (*inputs, *outputs)


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


def test_a_tensor_may_be_given_another_shape(tiny_tflite):
    """How tables are read: all 256 codes in one row."""
    graph = read_graph(tiny_tflite("image", "int8"))
    softmax = graph.operators[-1]
    row = replace(graph.operand(softmax, 0), shape=(1, 256))

    again = read_graph(write_operator(softmax, (row,), (replace(graph.result(softmax), shape=(1, 256)),)))

    assert [(1, 256), (1, 256)] == [tensor.shape for tensor in again.tensors]
    assert {"beta": 1.0} == again.operators[0].options
