"""Reading a .tflite: what a good file gives, and that a bad one gives a GraphError with the place, and nothing else."""

import struct
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tflite
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.errors import GraphError
from emberflow.graph import read_graph

OPERATOR = tflite.BuiltinOperator
TYPE = tflite.TensorType
WEIGHTS = bytes([1, 2, 3, 4, 251, 252, 253, 254])  # int8 1 2 3 4 / -5 -4 -3 -2
BIAS = struct.pack("<2i", 10, -10)


@pytest.fixture(scope="module")
def dense(models):
    """x (1, 4) int8 times weights (2, 4), plus a bias: y (1, 2). The parts, for a test to spoil one."""
    tensors = (
        models.TensorSpec("x", (1, 4), scales=(0.5,), zero_points=(-3,), signature=(-1, 4)),
        models.TensorSpec("y", (1, 2), scales=(0.25,), zero_points=(7,)),
        models.TensorSpec("weights", (2, 4), data=WEIGHTS, scales=(0.125, 0.0625), zero_points=(0, 0)),
        models.TensorSpec("bias", (2,), TYPE.INT32, BIAS, scales=(0.0625, 0.03125), zero_points=(0, 0)),
    )
    options = {"FusedActivationFunction": tflite.ActivationFunctionType.RELU6}
    operator = models.OperatorSpec(OPERATOR.FULLY_CONNECTED, (0, 2, 3), (1,), "FullyConnectedOptions", options, version=4)
    return tensors, operator


@pytest.fixture(scope="module")
def window(models):
    """A 2 x 2 mean pool with stride 2, whose options a test may spoil."""
    tensors = (models.TensorSpec("x", (1, 4, 4, 1)), models.TensorSpec("y", (1, 2, 2, 1)))
    options = {"StrideH": 2, "StrideW": 2, "FilterHeight": 2, "FilterWidth": 2}
    return tensors, models.OperatorSpec(OPERATOR.AVERAGE_POOL_2D, (0,), (1,), "Pool2DOptions", options)


def spoil(tensors, index, **changes):
    """`tensors` with one of them changed."""
    return tuple(replace(tensor, **changes) if position == index else tensor for position, tensor in enumerate(tensors))


def test_graph_holds_what_the_file_says(models, dense):
    """Header, ends and the number of subgraphs."""
    tensors, operator = dense

    graph = read_graph(models.write_tflite(tensors, (operator,), subgraphs=2))

    assert (graph.inputs, graph.outputs) == ((0,), (1,))
    assert (graph.description, graph.version, graph.subgraphs) == ("by hand", 3, 2)
    assert [str(tensor) for tensor in graph.tensors] == ["tensor 0 'x'", "tensor 1 'y'", "tensor 2 'weights'", "tensor 3 'bias'"]


def test_operator_holds_what_the_file_says(models, dense):
    """Name, version, indices, and options with names for codes."""
    tensors, operator = dense

    (read,) = read_graph(models.write_tflite(tensors, (operator,))).operators

    assert str(read) == "operator 0 FULLY_CONNECTED"
    assert (read.version, read.inputs, read.outputs) == (4, (0, 2, 3), (1,))
    assert read.options == {"keep_num_dims": False, "weights_format": "DEFAULT", "activation": "RELU6"}


def test_activation_tensor_has_no_data(models, dense):
    """Shape, the open batch in the signature, one scale and one zero point."""
    tensors, operator = dense

    x = read_graph(models.write_tflite(tensors, (operator,))).tensors[0]

    assert (x.shape, x.signature, x.dtype, x.data, x.is_variable) == ((1, 4), (-1, 4), "int8", None, False)
    assert (x.quantization.scales.tolist(), x.quantization.zero_points.tolist()) == ([0.5], [-3])
    assert not x.quantization.per_channel


def test_constant_is_a_read_only_view(models, dense):
    """Two's complement, row by row; a scale for each row."""
    tensors, operator = dense

    weights = read_graph(models.write_tflite(tensors, (operator,))).tensors[2]

    assert weights.data.tolist() == [[1, 2, 3, 4], [-5, -4, -3, -2]]
    assert (weights.data.dtype, weights.data.flags.writeable, weights.data.flags.owndata) == (np.int8, False, False)
    assert (weights.quantization.scales.tolist(), weights.quantization.axis, weights.quantization.per_channel) == ([0.125, 0.0625], 0, True)
    assert weights.quantization.scales.dtype == np.float32
    assert not weights.quantization.scales.flags.writeable
    assert not weights.quantization.zero_points.flags.writeable


@pytest.mark.parametrize(
    ("code", "dtype", "data", "expected"),
    [
        (TYPE.FLOAT16, "float16", b"\x00\x3c\x00\xc0", [1.0, -2.0]),  # sign, 5 bits of exponent (bias 15), 10 of mantissa
        (TYPE.FLOAT32, "float32", struct.pack("<2f", 1.5, -2.5), [1.5, -2.5]),
        (TYPE.INT16, "int16", b"\xff\xff\x00\x01", [-1, 256]),
        (TYPE.INT32, "int32", BIAS, [10, -10]),
        (TYPE.INT64, "int64", struct.pack("<2q", -(2**40), 1), [-(2**40), 1]),
        (TYPE.UINT8, "uint8", b"\xff\x01", [255, 1]),
        (TYPE.BOOL, "bool", b"\x00\x01", [False, True]),
    ],
)
def test_types_are_read_by_their_name(models, code, dtype, data, expected):
    """Little endian, the schema's widths."""
    tensors = (models.TensorSpec("x", (2,), code), models.TensorSpec("y", (2,), code), models.TensorSpec("c", (2,), code, data))

    constant = read_graph(models.write_tflite(tensors, (models.OperatorSpec(OPERATOR.ADD, (0, 2), (1,)),))).tensors[2]

    assert (constant.dtype, constant.data.tolist(), constant.size_bytes) == (dtype, expected, len(data))


def test_scalar_empty_and_state(models):
    """A scalar has one element, an empty shape vector may have no bytes, and a state has a value before anything writes it."""
    tensors = (
        models.TensorSpec("x", (1,), TYPE.FLOAT32),
        models.TensorSpec("y", (), TYPE.FLOAT32),
        models.TensorSpec("shape", (0,), TYPE.INT32),
        models.TensorSpec("state", (3,), TYPE.FLOAT32, is_variable=True),
    )

    graph = read_graph(models.write_tflite(tensors, (models.OperatorSpec(OPERATOR.RESHAPE, (0, 2, 3), (1,)),)))

    assert [tensor.elements for tensor in graph.tensors] == [1, 1, 0, 3]
    assert [tensor.is_variable for tensor in graph.tensors] == [False, False, False, True]


@pytest.mark.parametrize(("custom", "name"), [("CONV_2D", "CUSTOM CONV_2D"), ("", "CUSTOM ")])
def test_custom_operator_does_not_pass_for_a_builtin_one(models, dense, custom, name):
    """Whoever looks an operator up by its name must not find another's arithmetic."""
    tensors, _ = dense

    graph = read_graph(models.write_tflite(tensors, (models.OperatorSpec(OPERATOR.CUSTOM, (0, -1), (1,), custom=custom),)))

    assert name == graph.operators[0].name


def test_custom_operator_goes_by_its_own_name(models, dense):
    """Builtin code 32 stands for custom."""
    tensors, _ = dense

    graph = read_graph(models.write_tflite(tensors, (models.OperatorSpec(OPERATOR.CUSTOM, (0, -1), (1,), custom="Wavelet"),)))

    assert (graph.operators[0].name, graph.operators[0].inputs, graph.operators[0].options) == ("Wavelet", (0, -1), {})


def test_operator_codes_above_127_are_read(models, dense):
    """They stand in the newer field; the older, 8-bit one holds 127."""
    tensors, _ = dense

    graph = read_graph(models.write_tflite(tensors, (models.OperatorSpec(OPERATOR.GELU, (0,), (1,)),)))

    assert graph.operators[0].name == "GELU"


def test_weights_behind_the_flatbuffer_are_read(models, dense):
    """Models over 2 GiB keep weights after the tables, by offset and size from the start of the file."""
    tensors, operator = dense
    data = models.write_tflite(tensors, (operator,), outside=2)

    assert data.endswith(WEIGHTS)
    assert read_graph(data).tensors[2].data.tolist() == [[1, 2, 3, 4], [-5, -4, -3, -2]]


@pytest.mark.parametrize(
    ("data", "received"),
    [(b"", "received 0 B with b''"), (b"TFL3", "received 4 B with b''"), (b"PK\x03\x04" + bytes(40), r"received 44 B with b'\x00\x00\x00\x00'")],
)
def test_other_files_are_refused_by_their_magic(data, received):
    """`TFL3` stands at offset 4."""
    with pytest.raises(GraphError) as caught:
        read_graph(data)

    assert received in str(caught.value)
    assert "expected a .tflite, which has b'TFL3' there" in str(caught.value)


@pytest.mark.parametrize(
    ("index", "changes", "message"),
    [
        (0, {"type": TYPE.STRING}, "tensor 0 'x' has type STRING; expected one of float16"),
        (0, {"type": 77}, "tensor 0 'x' has type 77"),
        (0, {"shape": (1, -4)}, "tensor 0 'x' has shape (1, -4); expected sizes of 0 or more"),
        (0, {"shape": (-1, -4)}, "tensor 0 'x' has shape (-1, -4)"),
        (0, {"shape": (2**31 - 1,) * 4}, "and at most 2,147,483,647 B in all; fix the model's input shape"),
        (0, {"shape": (1,) * 9}, "tensor 0 'x' has 9 dimensions; expected at most 8"),
        (2, {"shape": (2, 5)}, "tensor 2 'weights' has 8 B of data; expected 10 B for shape (2, 5) of int8"),
        (2, {"buffer": 99}, "the buffer of tensor 2 'weights': received index 99; expected 0 to 4"),
        (2, {"scales": (0.125, 0.0)}, "tensor 2 'weights' has a scale of 0.0; expected finite and positive ones"),
        (2, {"scales": (-0.5, 0.125)}, "has a scale of -0.5"),
        (2, {"scales": (float("nan"), 0.125)}, "has a scale of nan"),
        (2, {"scales": (0.125, float("inf"))}, "has a scale of inf"),
        (2, {"axis": 1}, "tensor 2 'weights' has 2 scales along axis 1 of shape (2, 4); expected one, or one for each slice"),
        (2, {"axis": 2}, "has 2 scales along axis 2 of shape (2, 4)"),
        (2, {"axis": -1}, "has 2 scales along axis -1 of shape (2, 4)"),
        (2, {"zero_points": (0, 0, 0)}, "tensor 2 'weights' has 3 zero points for 2 scales; expected one, or as many"),
        (0, {"zero_points": ()}, "tensor 0 'x' has 0 zero points for 1 scales; expected one, or as many"),
        (2, {"zero_points": (0, 128)}, "tensor 2 'weights' has a zero point of 128; expected -128 to 127, the range of int8"),
    ],
)
def test_impossible_tensors_are_refused(models, dense, index, changes, message):
    """The message names the tensor, what it has, and what was expected."""
    tensors, operator = dense

    with pytest.raises(GraphError) as caught:
        read_graph(models.write_tflite(spoil(tensors, index, **changes), (operator,)))

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": (0, 2, 4)}, "the inputs of operator 0 FULLY_CONNECTED: received index 4; expected -1 to 3"),
        ({"inputs": (0, 2, -2)}, "received index -2"),
        ({"outputs": (-1,)}, "the outputs of operator 0 FULLY_CONNECTED: received index -1; expected 0 to 3"),
        ({"opcode_index": 1}, "the code of operator 0: received index 1; expected 0 to 0"),
        ({"code": 999}, "operator code 0 is 999, which schema version 3 as packaged doesn't know; expected 0 to"),
        ({"inputs": (1, 2, 3)}, "operator 0 FULLY_CONNECTED reads tensor 1 'y' before anything writes it"),
        ({"outputs": (0,)}, "operator 0 FULLY_CONNECTED writes tensor 0 'x', which is constant, a graph input, or written before"),
        ({"outputs": (2,)}, "operator 0 FULLY_CONNECTED writes tensor 2 'weights'"),
        ({"outputs": (1, 1)}, "operator 0 FULLY_CONNECTED writes tensor 1 'y'"),
        ({"kind": "Conv2DOptions", "options": {}}, "operator 0 FULLY_CONNECTED carries options of kind 1; expected 8"),
    ],
)
def test_impossible_operators_are_refused(models, dense, changes, message):
    """The message names the operator, what it has, and what was expected."""
    tensors, operator = dense

    with pytest.raises(GraphError) as caught:
        read_graph(models.write_tflite(tensors, (replace(operator, **changes),)))

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": ""}, "operator 0 AVERAGE_POOL_2D has no options; expected strides and padding"),
        ({"options": {"StrideH": 2, "FilterHeight": 2, "FilterWidth": 2}}, "operator 0 AVERAGE_POOL_2D has stride_w 0; expected at least 1"),
        ({"options": {"StrideH": 1, "StrideW": 1, "FilterHeight": -2, "FilterWidth": 2}}, "operator 0 AVERAGE_POOL_2D has filter_h -2"),
    ],
)
def test_impossible_windows_are_refused(models, window, changes, message):
    """A window must move, and have a size."""
    tensors, operator = window

    with pytest.raises(GraphError) as caught:
        read_graph(models.write_tflite(tensors, (replace(operator, **changes),)))

    assert message in str(caught.value)


def test_cycle_is_refused(models):
    """Two operators that wait for each other: neither can be first."""
    tensors = tuple(models.TensorSpec(name) for name in ("x", "y", "a"))
    operators = (models.OperatorSpec(OPERATOR.ADD, (0, 1), (2,)), models.OperatorSpec(OPERATOR.ADD, (0, 2), (1,)))

    with pytest.raises(GraphError, match="operator 0 ADD reads tensor 1 'y' before anything writes it; expected operators in an order"):
        read_graph(models.write_tflite(tensors, operators))


def test_output_that_nothing_writes_is_refused(models, dense):
    """A graph must be able to give out what it promises."""
    tensors, operator = dense

    with pytest.raises(GraphError, match="the graph gives out tensor 4 'z', which nothing writes"):
        read_graph(models.write_tflite((*tensors, models.TensorSpec("z")), (operator,), outputs=(1, 4)))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"version": 2}, "the file has schema version 2; expected 3"),
        ({"subgraphs": 0}, "the file holds no subgraph; expected at least one"),
        ({"inputs": (9,)}, "the graph's inputs and outputs: received index 9; expected 0 to 3"),
        ({"outputs": (-1,)}, "the graph's inputs and outputs: received index -1; expected 0 to 3"),
    ],
)
def test_impossible_headers_are_refused(models, dense, header, message):
    """Version, number of subgraphs, and the graph's ends."""
    tensors, operator = dense

    with pytest.raises(GraphError) as caught:
        read_graph(models.write_tflite(tensors, (operator,), **header))

    assert message in str(caught.value)


def test_every_truncation_is_refused(models, dense):
    """The builder writes the root's tables last, so a file cut anywhere lacks something."""
    tensors, operator = dense
    data = models.write_tflite(tensors, (operator,))

    for length in range(len(data)):
        with pytest.raises(GraphError, match=r"can't be decoded|expected"):
            read_graph(data[:length])


def test_reading_needs_no_tensorflow():
    """A worker that only judges files must not pay ten seconds for an import."""
    code = "import sys, emberflow.graph, emberflow.evaluate.size; sys.exit('tensorflow' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(max_examples=300, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_bytes_give_a_graph_or_a_graph_error(models, dense, changes):
    """Whatever bytes of a small file change: no other exception, and a Graph whose indices hold."""
    tensors, operator = dense
    data = bytearray(models.write_tflite(tensors, (operator,)))
    for position, value in changes:
        data[position % len(data)] = value

    assert check_read(bytes(data)) in ("read", "refused")


EXTREMES = (0, 1, 2, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@pytest.mark.parametrize("number_format", ["float16", "int8"])
def test_mutated_real_models_give_a_graph_or_a_graph_error(tiny_tflite, number_format):
    """300 seeded mutations: aligned words, where offsets and lengths stand, become extreme; some files are cut too."""
    original, generator = tiny_tflite("image", number_format), np.random.default_rng(7)
    outcomes = set()
    for _ in range(300):
        data = bytearray(original)
        for place in generator.integers(len(data) // 4, size=3):
            word = generator.choice((*EXTREMES, len(data), generator.integers(len(data)), generator.integers(2**32)))
            struct.pack_into("<I", data, place * 4, word)
        outcomes.add(check_read(bytes(data[: generator.choice((len(data), len(data), len(data), generator.integers(len(data))))])))

    assert outcomes == {"read", "refused"}


def check_read(data):
    """Whether `data` was read, into a Graph that can be walked, or refused by a GraphError; any other exception fails."""
    try:
        graph = read_graph(data)
    except GraphError:
        return "refused"
    known = set(graph.inputs)
    for operator in graph.operators:
        reads = [graph.tensors[index] for index in operator.inputs if index >= 0]
        assert all(t.index in known or t.data is not None or t.is_variable or not t.elements for t in reads)
        known.update(operator.outputs)
    assert all(tensor.data is None or tensor.data.shape == tensor.shape for tensor in graph.tensors)
    return "read"
