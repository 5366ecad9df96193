"""What TFLM answers for the chains of a graph, and that it is asked once for those that are alike."""

import numpy as np
import pytest

from emberflow.compiler import tables
from emberflow.compiler.requantize import Parity
from emberflow.compiler.tables import read_tables
from emberflow.errors import GraphError
from emberflow.evaluate.codes import Reference
from emberflow.graph import read_graph
from tests.compiler.harness import activation, one_operator, side_by_side

X = activation("x", (1, 2, 3), 0.1)


def test_a_table_has_the_answers_of_the_operator_alone():
    """The graph's tensor has 6 elements, the table 256: RELU to steps half as large, so twice the code."""
    graph = read_graph(one_operator("RELU", [X], [activation("y", (1, 2, 3), 0.05)]))

    assert np.clip(2 * np.arange(-128, 128), 0, 127).tolist() == read_tables(graph)[0].answers.table.tolist()


def test_the_operators_options_are_kept():
    """LEAKY_RELU with alpha 0.5 halves what is negative; halves go away from zero, as TFLM rounds."""
    graph = read_graph(one_operator("LEAKY_RELU", [X], [activation("y", (1, 2, 3), 0.1)], "LeakyReluOptions", Alpha=0.5))

    assert [-64, -2, -1, 0, 1] == [read_tables(graph)[0].answers.table[128 + code] for code in (-128, -4, -2, 0, 1)]


def test_each_parity_asks_its_own_reference():
    """TFLM's RELU6 takes the output's scale for the input's, 6 being code 60; LiteRT's goes to half steps, twice the code and at most 120."""
    graph = read_graph(one_operator("RELU6", [X], [activation("y", (1, 2, 3), 0.05)]))
    codes = np.arange(-128, 128)

    assert np.clip(codes, 0, 60).tolist() == read_tables(graph)[0].answers.table.tolist()
    assert np.clip(2 * codes, 0, 120).tolist() == read_tables(graph, Parity.LITERT_REFERENCE)[0].answers.table.tolist()


def test_operators_that_are_alike_are_asked_once(monkeypatch):
    """Two of three have the same scales; shapes don't count."""
    steps = [("RELU", activation("y", (1, 2, 3), scale), "", {}) for scale in (0.1, 0.05, 0.1)]
    asked = []

    def count(models, reference):
        assert Reference.TFLM is reference
        asked.extend(models)
        return tuple(f"answers {index}" for index in range(len(models)))

    monkeypatch.setattr(tables, "ask", count)

    found = read_tables(read_graph(side_by_side([X], steps)))
    assert {0: "answers 0", 1: "answers 1", 2: "answers 0"} == {index: table.answers for index, table in found.items()}
    assert 2 == len(asked)


def test_nobody_is_asked_without_need(monkeypatch):
    """A start of TFLM costs a second."""
    monkeypatch.setattr(tables, "ask", None)

    assert {} == read_tables(read_graph(one_operator("RESHAPE", [X], [activation("y", (1, 6), 0.1)])))


def test_an_operator_without_input_is_refused():
    """Before anyone is asked."""
    model = one_operator("RELU", [], [activation("y", (1, 4))])

    with pytest.raises(GraphError, match="operator 0 RELU reads nothing at position 0"):
        read_tables(read_graph(model))
