"""Finding one's way in a graph."""

import numpy as np
import pytest

from emberflow.errors import GraphError
from emberflow.graph import Graph, Operator, Tensor
from emberflow.graph.values import ABSENT


def tensor(index, shape=(1, 4), dtype="int8", data=None, name="x"):
    return Tensor(index, name, shape, shape, dtype, None, data, 0, False)


@pytest.fixture
def graph():
    """0 -> A -> 1; 0 and 1 -> B -> 2, which also leaves an optional input out; C writes nothing."""
    a = Operator(0, "A", 1, (0, 0), (1,), {})
    b = Operator(1, "B", 1, (0, 1, ABSENT), (2,), {})
    c = Operator(2, "C", 1, (2,), (), {})
    return Graph(tuple(tensor(index) for index in range(3)), (a, b, c), (0,), (2,), "", 3, 1)


def test_optional_input_is_none_where_it_is_left_out(graph):
    """By -1, or by a shorter list."""
    assert [t and t.index for t in (graph.optional(graph.operators[1], position) for position in range(4))] == [0, 1, None, None]


def test_operand_and_result(graph):
    """The tensors at an operator's two ends."""
    assert (graph.operand(graph.operators[1], 1).index, graph.result(graph.operators[1]).index) == (1, 2)


def test_missing_operand_is_refused(graph):
    """An operator's arithmetic can't do without."""
    with pytest.raises(GraphError, match="operator 1 B reads nothing at position 2; expected a tensor"):
        graph.operand(graph.operators[1], 2)


def test_missing_result_is_refused(graph):
    """Operators that only change a state write nothing."""
    with pytest.raises(GraphError, match="operator 2 C writes nothing; expected a tensor"):
        graph.result(graph.operators[2])


def test_producers_and_readers(graph):
    """Each reader once, in order, however often it reads."""
    assert {index: operator.name for index, operator in graph.producers.items()} == {1: "A", 2: "B"}
    assert {index: [o.name for o in operators] for index, operators in graph.readers.items()} == {0: ["A", "B"], 1: ["B"], 2: ["C"]}


@pytest.mark.parametrize(
    ("shape", "dtype", "elements", "size_bytes"),
    [((1, 6, 6, 2), "int8", 72, 72), ((3,), "float32", 3, 12), ((), "int64", 1, 8), ((0, 5), "float16", 0, 0), ((2,), "bool", 2, 2)],
)
def test_elements_and_bytes(shape, dtype, elements, size_bytes):
    """The product of the shape, times the width; a scalar is one."""
    assert (tensor(0, shape, dtype).elements, tensor(0, shape, dtype).size_bytes) == (elements, size_bytes)


def test_values_of_a_constant():
    """The data themselves."""
    data = np.zeros((1, 4), np.int8)

    assert tensor(0, data=data).values is data


def test_values_of_an_activation_are_refused():
    """They are known only while the model runs."""
    with pytest.raises(GraphError, match="tensor 3 'x' is computed while the model runs; expected a constant"):
        _ = tensor(3).values


def test_long_names_are_cut_in_messages():
    """The converter joins the names of fused layers: 60 characters are shown."""
    assert str(tensor(3, name="ab" * 40)) == f"tensor 3 '{'ab' * 30}...'"


def test_a_name_is_shown_on_one_line_and_to_its_60th_character():
    """Names are a stranger's: what moves a terminal's cursor or turns its text round is a question mark."""
    assert "tensor 0 'a?b?c?Ω'" == str(tensor(0, name="a\nb\x1bc\u202eΩ"))
    assert f"operator 7 {'x' * 60}..." == str(Operator(7, "x" * 61, 1, (), (), {}))
