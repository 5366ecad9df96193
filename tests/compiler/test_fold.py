"""What is computed before a model runs."""

import numpy as np
import pytest
from tflite import BuiltinOperator as Code
from tflite import TensorType

from emberflow.compiler import compile_model
from emberflow.compiler.fold import fold
from emberflow.graph import read_graph
from tests.compiler.harness import activation, constant, differing_bytes
from tests.models import OperatorSpec, TensorSpec, write_tflite

POOL = {"Padding": 1, "StrideH": 1, "StrideW": 1, "FilterHeight": 1, "FilterWidth": 1}


def integers(values, dtype=np.int32):
    return constant("k", np.array(values, dtype))


def known(code, operands, shape, kind="", dtype="int32", **options):
    """What `fold` makes of one operator on constants, or None."""
    tensors = (*operands, activation("y", shape, dtype=dtype))
    operator = OperatorSpec(getattr(Code, code), tuple(range(len(operands))), (len(operands),), kind, options)
    graph = fold(read_graph(write_tflite(tensors, (operator,), (), (len(operands),))))
    assert (graph.tensors[-1].data is None) == bool(graph.operators)
    return None if graph.operators else graph.tensors[-1].data.tolist()


ONE_TO_SIX = integers([1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize(
    ("code", "operands", "options", "expected"),
    [
        ("ADD", [integers([1, 2]), integers([3])], ("AddOptions", {}), [4, 5]),
        ("SUB", [integers([1, 2]), integers([3])], ("SubOptions", {}), [-2, -1]),
        ("MUL", [integers([2, 3]), integers([4, 5])], ("MulOptions", {}), [8, 15]),
        ("MUL", [integers([1 << 62], np.int64), integers([4], np.int64)], ("MulOptions", {}), [0]),
        ("MAXIMUM", [integers([2, 3]), integers([3, 2])], ("", {}), [3, 3]),
        ("MINIMUM", [integers([2, 3]), integers([3, 2])], ("", {}), [2, 2]),
        ("FLOOR_DIV", [integers([7, -7]), integers([2])], ("", {}), [3, -4]),
        ("FLOOR_MOD", [integers([7, -7]), integers([4])], ("", {}), [3, 1]),
        ("CAST", [integers([7], np.int64)], ("", {}), [7]),
        ("CONCATENATION", [integers([1]), integers([2, 3])], ("ConcatenationOptions", {"Axis": 0}), [1, 2, 3]),
        ("PACK", [integers(1), integers(2)], ("PackOptions", {"Axis": 0, "ValuesCount": 2}), [1, 2]),
        ("GATHER", [ONE_TO_SIX, integers([5, 0])], ("GatherOptions", {"Axis": 0}), [6, 1]),
        ("RESHAPE", [ONE_TO_SIX, integers([2, -1])], ("", {}), [[1, 2, 3], [4, 5, 6]]),
        ("RESHAPE", [ONE_TO_SIX], ("ReshapeOptions", {"NewShape": (3, 2)}), [[1, 2], [3, 4], [5, 6]]),
        ("EXPAND_DIMS", [integers([1, 2]), integers(0)], ("", {}), [[1, 2]]),
        ("SQUEEZE", [integers([[1, 2]])], ("SqueezeOptions", {"SqueezeDims": (0,)}), [1, 2]),
        ("SQUEEZE", [integers([[1], [2]])], ("", {}), [1, 2]),
        ("REDUCE_PROD", [integers([2, 3, 4]), integers([0])], ("ReducerOptions", {"KeepDims": True}), [24]),
        ("SLICE", [ONE_TO_SIX, integers([2]), integers([-1])], ("", {}), [3, 4, 5, 6]),
        ("SLICE", [ONE_TO_SIX, integers([2]), integers([2])], ("", {}), [3, 4]),
        ("STRIDED_SLICE", [ONE_TO_SIX, integers([4]), integers([0]), integers([-2])], ("StridedSliceOptions", {}), [5, 3]),
        ("STRIDED_SLICE", [ONE_TO_SIX, integers([4]), integers([5]), integers([1])], ("StridedSliceOptions", {"ShrinkAxisMask": 1}), 5),
        (
            "STRIDED_SLICE",
            [ONE_TO_SIX, integers([4]), integers([5]), integers([1])],
            ("StridedSliceOptions", {"BeginMask": 1, "EndMask": 1}),
            [1, 2, 3, 4, 5, 6],
        ),
    ],
)
def test_arithmetic_on_shapes_is_done(code, operands, options, expected):
    """Worked out by hand."""
    assert expected == known(code, operands, np.array(expected).shape, options[0], **options[1])


@pytest.mark.parametrize(
    ("code", "operands", "shape", "options"),
    [
        ("ADD", [integers([1, 2]), integers([1, 2, 3])], (3,), ("AddOptions", {})),  # they don't go together
        ("ADD", [integers([1, 2]), integers([3])], (2,), ("AddOptions", {"FusedActivationFunction": 1})),
        ("ADD", [constant("a", np.array([1], np.int8)), constant("b", np.array([1], np.int8))], (1,), ("AddOptions", {})),  # codes, not numbers
        ("ADD", [integers(range(257)), integers([1])], (257,), ("AddOptions", {})),  # no shape is so long
        ("FLOOR_DIV", [integers([1]), integers([0])], (1,), ("", {})),
        ("GATHER", [ONE_TO_SIX, integers([6])], (1,), ("GatherOptions", {"Axis": 0})),
        ("GATHER", [ONE_TO_SIX, integers([0])], (1,), ("GatherOptions", {"Axis": 0, "BatchDims": 1})),
        ("RESHAPE", [ONE_TO_SIX], (6,), ("", {})),  # nothing says to what
        ("PACK", [integers(1), integers(2)], (3,), ("PackOptions", {"ValuesCount": 2})),  # the file says three
        ("STRIDED_SLICE", [ONE_TO_SIX, integers([0]), integers([2]), integers([0])], (2,), ("StridedSliceOptions", {})),
        ("STRIDED_SLICE", [ONE_TO_SIX, integers([0]), integers([2]), integers([1])], (2,), ("StridedSliceOptions", {"EllipsisMask": 1})),
        ("TILE", [ONE_TO_SIX, integers([1])], (6,), ("", {})),
    ],
)
def test_what_cannot_be_computed_is_left_alone(code, operands, shape, options):
    """What no rule covers is refused later, by the operator's name."""
    assert known(code, operands, shape, options[0], **options[1]) is None


def reshaping(signature=(-1, 2, 3, 2)):
    """As Keras writes Reshape((6, 2)) behind an open batch: the shape of x, of which the first size is taken, is packed with 6 and 2."""
    shape = tuple(abs(size) for size in signature)
    tensors = (
        TensorSpec("x", shape, scales=(0.05,), zero_points=(3,), signature=signature),
        activation("shape", (4,), dtype="int32"),
        integers([0]),
        integers([1]),
        integers([1]),
        activation("batch", (), dtype="int32"),
        integers(6),
        integers(2),
        activation("packed", (3,), dtype="int32"),
        TensorSpec("y", (1, 6, 2), scales=(0.05,), zero_points=(3,), signature=(-1, 6, 2)),
        TensorSpec("dead", shape, scales=(0.05,), zero_points=(3,)),
    )
    operators = (
        OperatorSpec(Code.SHAPE, (0,), (1,)),
        OperatorSpec(Code.MAX_POOL_2D, (0,), (10,), "Pool2DOptions", POOL),
        OperatorSpec(Code.STRIDED_SLICE, (1, 2, 3, 4), (5,), "StridedSliceOptions", {"ShrinkAxisMask": 1}),
        OperatorSpec(Code.PACK, (5, 6, 7), (8,), "PackOptions", {"ValuesCount": 3}),
        OperatorSpec(Code.RESHAPE, (0, 8), (9,)),
    )
    return write_tflite(tensors, operators, (0,), (9,))


def test_a_shape_computed_from_an_open_batch_is_known():
    """The batch stands as 1; all that is left is the RESHAPE."""
    graph = fold(read_graph(reshaping()))
    assert ["RESHAPE"] == [operator.name for operator in graph.operators]
    assert [1, 6, 2] == graph.tensors[8].data.tolist()


def test_a_model_with_an_open_batch_equals_tflm():
    """Byte for byte; the call that nobody reads isn't there."""
    assert 0 == differing_bytes(reshaping(), samples=4)[0]
    assert b"ef_max_pool_2d" not in compile_model(reshaping(), "m").files["m.c"]


def test_another_open_size_is_not_guessed():
    """Only the batch is 1."""
    assert "SHAPE" in [operator.name for operator in fold(read_graph(reshaping((1, -1, 3, 2)))).operators]


def test_what_two_layers_deep_nobody_reads_is_dropped():
    """From the outputs back; what is constant needs no operator."""
    tensors = tuple(activation("x", (1, 1, 1, 1)) for _ in range(5))
    operators = tuple(
        OperatorSpec(Code.MAX_POOL_2D, (read,), (written,), "Pool2DOptions", POOL) for read, written in ((0, 1), (1, 2), (0, 3), (3, 4))
    )
    assert [0, 1] == [operator.index for operator in fold(read_graph(write_tflite(tensors, operators, (0,), (2,)))).operators]


def test_a_chain_behind_operators_that_are_dropped_equals_tflm():
    """Operators keep their places in the file: what is left of them isn't counted anew."""
    tensors = (
        activation("x", (1, 4), 0.05, 3),
        activation("dead", (2,), dtype="int32"),
        TensorSpec("real", (1, 4), TensorType.FLOAT32),
        TensorSpec("grown", (1, 4), TensorType.FLOAT32),
        activation("y", (1, 4), 0.05, 3),
    )
    operators = (
        OperatorSpec(Code.SHAPE, (0,), (1,)),
        OperatorSpec(Code.DEQUANTIZE, (0,), (2,)),
        OperatorSpec(Code.ELU, (2,), (3,)),
        OperatorSpec(Code.QUANTIZE, (3,), (4,)),
    )
    assert 0 == differing_bytes(write_tflite(tensors, operators, (0,), (4,)), samples=8)[0]
