"""Multiply-accumulates worked out by hand."""

import pytest
import tflite

from emberflow.errors import GraphError
from emberflow.evaluate.macs import MACS, count_macs
from emberflow.graph import read_graph

OPERATOR = tflite.BuiltinOperator
STRIDES = {"StrideH": 1, "StrideW": 1}
CONV = (OPERATOR.CONV_2D, "Conv2DOptions", STRIDES)
DEPTHWISE = (OPERATOR.DEPTHWISE_CONV_2D, "DepthwiseConv2DOptions", STRIDES)
DENSE = (OPERATOR.FULLY_CONNECTED, "FullyConnectedOptions", {})
TRANSPOSE_CONV = (OPERATOR.TRANSPOSE_CONV, "TransposeConvOptions", STRIDES)
MATMUL = (OPERATOR.BATCH_MATMUL, "BatchMatMulOptions", {})
MATMUL_OF_TRANSPOSED = (OPERATOR.BATCH_MATMUL, "BatchMatMulOptions", {"AdjX": True})


@pytest.fixture(scope="module")
def graph_of(models):
    """A graph with one operator that reads tensors of the given shapes, all graph inputs, and writes one."""

    def build(operator, shapes, result):
        code, kind, options = operator
        count = len(shapes)
        tensors = tuple(models.TensorSpec(f"t{index}", shape) for index, shape in enumerate((*shapes, result)))
        step = models.OperatorSpec(code, tuple(range(count)), (count,), kind, options)
        return read_graph(models.write_tflite(tensors, (step,), inputs=tuple(range(count)), outputs=(count,)))

    return build


@pytest.mark.parametrize(
    ("operator", "shapes", "result", "expected"),
    [
        (CONV, [(1, 6, 6, 2), (4, 3, 3, 2)], (1, 6, 6, 4), 6 * 6 * 4 * 3 * 3 * 2),
        (CONV, [(1, 6, 6, 4), (4, 3, 3, 2)], (1, 6, 6, 4), 6 * 6 * 4 * 3 * 3 * 2),  # two groups: each sums 2 of 4 channels
        (DEPTHWISE, [(1, 6, 6, 2), (1, 3, 3, 4)], (1, 4, 4, 4), 4 * 4 * 4 * 3 * 3),  # depth multiplier 2
        (DENSE, [(1, 64), (20, 64)], (1, 20), 20 * 64),
        (DENSE, [(1, 8, 8, 1), (20, 64)], (1, 20), 20 * 64),  # a flattened input may keep its rank
        (DENSE, [(1, 7, 64), (20, 64)], (1, 7, 20), 7 * 20 * 64),  # one step at a time
        (TRANSPOSE_CONV, [(4,), (3, 2, 2, 5), (1, 4, 4, 5)], (1, 8, 8, 3), 4 * 4 * 5 * 2 * 2 * 3),
        (MATMUL, [(1, 2, 3, 4), (1, 2, 4, 5)], (1, 2, 3, 5), 2 * 3 * 5 * 4),
        (MATMUL_OF_TRANSPOSED, [(2, 4, 3), (2, 4, 5)], (2, 3, 5), 2 * 3 * 5 * 4),
    ],
)
def test_macs_are_what_the_formula_says(graph_of, operator, shapes, result, expected):
    """Output elements times what each sums; for the transposed convolution, input elements times where each goes."""
    graph = graph_of(operator, shapes, result)

    assert count_macs(graph) == {graph.operators[0].name: expected}


def test_other_operators_multiply_nothing_that_counts(graph_of):
    """An addition is no multiply-accumulate."""
    assert count_macs(graph_of((OPERATOR.ADD, "AddOptions", {}), [(1, 4), (1, 4)], (1, 4))) == {}


def test_macs_add_up_by_operator(tiny_tflite):
    """Convolution 6*6*4 outputs of 18, depthwise 4*4*4 of 9, dense 20 of 64."""
    counted = count_macs(read_graph(tiny_tflite("image", "float32")))

    assert counted == {"CONV_2D": 144 * 18, "DEPTHWISE_CONV_2D": 64 * 9, "FULLY_CONNECTED": 20 * 64}


def test_macs_of_an_lstm(tiny_tflite):
    """8 steps of four gates: 4 units by 3 inputs and 4 states each; then 2 classes of 4."""
    counted = count_macs(read_graph(tiny_tflite("recurrent", "int8")))

    assert counted == {"UNIDIRECTIONAL_SEQUENCE_LSTM": 8 * 4 * (4 * 3 + 4 * 4), "FULLY_CONNECTED": 2 * 4}


def test_open_batch_counts_as_one(tiny_tflite):
    """A batch that was left open stands as 1 in the file: 12 steps of 4 channels of 5*3, and 2 classes of 4."""
    assert count_macs(read_graph(tiny_tflite("signal", "float32", None))) == {"CONV_2D": 12 * 4 * 15, "FULLY_CONNECTED": 8}


@pytest.mark.parametrize(
    ("operator", "shapes", "message"),
    [
        (CONV, [(1, 6, 6, 2), (4, 3, 3)], "operator 0 CONV_2D has weights of shape (4, 3, 3); expected 4 dimensions"),
        (DEPTHWISE, [(1, 6, 6, 2), (4,)], "operator 0 DEPTHWISE_CONV_2D has weights of shape (4,); expected 4 dimensions"),
        (DENSE, [(1, 64), ()], "operator 0 FULLY_CONNECTED has weights of shape (); expected 2 dimensions"),
        (TRANSPOSE_CONV, [(4,), (3, 2), (1, 4)], "operator 0 TRANSPOSE_CONV has weights of shape (3, 2); expected 4 dimensions"),
        (TRANSPOSE_CONV, [(4,), (3, 2, 2, 5)], "operator 0 TRANSPOSE_CONV reads nothing at position 2"),
        (MATMUL, [(4,), (4, 2)], "operator 0 BATCH_MATMUL multiplies shape (4,); expected at least 2 dimensions"),
        (DENSE, [(1, 64)], "operator 0 FULLY_CONNECTED reads nothing at position 1"),
    ],
)
def test_impossible_weights_are_refused(graph_of, operator, shapes, message):
    """The formula needs as many dimensions as it names."""
    with pytest.raises(GraphError) as caught:
        count_macs(graph_of(operator, shapes, (1, 4)))

    assert message in str(caught.value)


def test_every_formula_has_a_name_of_the_schema():
    """A misspelt name would never be counted."""
    assert set(MACS) <= set(vars(OPERATOR))
