"""Bounds on what is read from a stranger's file."""

import struct

import numpy as np
import pytest
import tflite

from emberflow.errors import GraphError
from emberflow.graph import read_graph
from emberflow.graph.source import Source, decoding


@pytest.fixture
def tensor(models):
    """A tensor's table out of a file, and a Source of that file: name and shape are 12 and 12 bytes."""
    tensors = (models.TensorSpec("x" * 12, (1, 2, 3)), models.TensorSpec("y"))
    data = models.write_tflite(tensors, (models.OperatorSpec(tflite.BuiltinOperator.RELU, (0,), (1,)),))
    return Source(data), tflite.Model.GetRootAs(data, 0).Subgraphs(0).Tensors(0)


def test_numbers_are_a_read_only_view(tensor):
    """int32 of the shape, as the file has them."""
    source, table = tensor

    shape = source.numbers(table, "Shape")

    assert (shape.tolist(), shape.dtype, shape.flags.writeable) == ([1, 2, 3], np.int32, False)


def test_vector_left_out_is_empty(tensor):
    """A schema's default."""
    source, table = tensor

    assert source.integers(table, "ShapeSignature") == ()


def test_text_that_is_not_utf8_is_shown(tensor):
    """0xFF begins no character."""
    source, _ = tensor

    assert source.text(b"a\xff") == "a\N{REPLACEMENT CHARACTER}"


def test_name_left_out_is_empty(tensor):
    """The tflite package gives None."""
    source, _ = tensor

    assert source.text(None) == ""


def test_vectors_may_not_add_up_to_more_than_twice_the_file(tensor):
    """A vector that is read again and again, as by many tables that share it, uses the allowance up: 12 bytes each time."""
    source, table = tensor
    reads = 2 * len(source.data) // 12

    for _ in range(reads):
        source.numbers(table, "Shape")

    message = rf"tensor 0 can't be decoded \(vector Shape claims 3 elements, more than a file of {len(source.data):,} B"
    with pytest.raises(GraphError, match=message), decoding("tensor 0"):
        source.numbers(table, "Shape")


def test_tables_that_share_their_place_are_refused(models):
    """A thousand subgraphs of at least 24 bytes don't fit into 5 KiB."""
    tensors = (models.TensorSpec("x"), models.TensorSpec("y"))
    data = models.write_tflite(tensors, (models.OperatorSpec(tflite.BuiltinOperator.RELU, (0,), (1,)),), subgraphs=1000)

    with pytest.raises(GraphError, match=r"the model's header can't be decoded \(vector Subgraphs claims 1,000 elements, more than a file of 4,"):
        read_graph(data)


def test_absurd_length_is_refused_before_it_is_read(models):
    """The shape's length becomes 4,294,967,295."""
    tensors = (models.TensorSpec("x", (7, 11, 13)), models.TensorSpec("y"))
    data = models.write_tflite(tensors, (models.OperatorSpec(tflite.BuiltinOperator.RELU, (0,), (1,)),))
    spoiled = data.replace(struct.pack("<4I", 3, 7, 11, 13), struct.pack("<4I", 0xFFFFFFFF, 7, 11, 13))

    assert spoiled != data
    with pytest.raises(GraphError, match=r"tensor 0 can't be decoded \(vector Shape claims 4,294,967,295 elements"):
        read_graph(spoiled)


@pytest.mark.parametrize("error", [struct.error("short"), IndexError("short"), TypeError("short"), ValueError("short"), OverflowError("short")])
def test_what_flatbuffers_raises_becomes_a_graph_error(error):
    """With the place, the cause, and what to do."""
    with pytest.raises(GraphError) as caught, decoding("tensor 3"):
        raise error

    assert str(caught.value) == "tensor 3 can't be decoded (short): the file is damaged or cut short; copy or convert the model again"
    assert caught.value.__cause__ is error


def test_other_errors_pass():
    """A mistake of ours is not the file's."""
    with pytest.raises(ZeroDivisionError), decoding("tensor 3"):
        1 / 0  # noqa: B018


def test_graph_error_keeps_its_words():
    """One that says what is wrong already is not wrapped again."""
    with pytest.raises(GraphError, match=r"^already said$"), decoding("tensor 3"):
        raise GraphError("already said")
