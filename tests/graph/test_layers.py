"""Layers told from the names that converters give."""

import pytest
import tflite
from hypothesis import assume, given
from hypothesis import strategies as st

from emberflow.graph import read_graph
from emberflow.graph.layers import name_layers, scopes_of, short_names, shorten_names


def chain(models, *names, weights=""):
    """RELU after RELU, whose results have `names`; the first may read weights."""
    tensors = [models.TensorSpec("x"), *(models.TensorSpec(name) for name in names)]
    steps = [models.OperatorSpec(tflite.BuiltinOperator.RELU, (i,), (i + 1,)) for i in range(len(names))]
    if weights:
        tensors.append(models.TensorSpec(weights, data=bytes(4)))
        steps[0] = models.OperatorSpec(tflite.BuiltinOperator.PRELU, (0, len(tensors) - 1), (1,))
    return read_graph(models.write_tflite(tuple(tensors), tuple(steps), outputs=(len(names),)))


@pytest.mark.parametrize(
    ("names", "layers"),
    [
        (["model/conv/Conv2D", "model/relu/Relu"], [("conv",), ("relu",)]),
        (["m/m/relu/Relu;m/m/bn/FusedBatchNormV3;m/m/conv/Conv2D1", "m/m/dense/MatMul"], [("conv", "bn", "relu"), ("dense",)]),
        (["m/relu/Relu;m/bn/batchnorm/add_1;m/c/Conv1D/Squeeze;m/bn/batchnorm/mul_1", "m/d/MatMul"], [("c", "bn", "relu"), ("d",)]),
        (["m/inner/conv/Conv2D", "m/dense/MatMul"], [("inner/conv",), ("dense",)]),
        (["m/m/dense/MatMul;m/m/dense/BiasAdd"], [("dense",)]),
        (["m/Logits/MatMul", "m/a/Relu"], [("Logits",), ("a",)]),
        (["StatefulPartitionedCall:0"], [("relu_0",)]),
        (["m/a\x1b[31m/Relu", "m/b/Relu"], [("a?[31m",), ("b",)]),
    ],
)
def test_each_operator_has_the_layers_of_its_name(models, names, layers):
    """Fused ones in the order in which they run; scopes that all share, and what layers open inside, are left out."""
    assert layers == list(name_layers(chain(models, *names)).values())


def test_a_result_without_a_name_has_the_layer_of_its_weights(models):
    """As the last operator of most models."""
    assert [("slope",)] == list(name_layers(chain(models, "StatefulPartitionedCall:0", weights="model/slope/mul")).values())


def test_a_name_without_end_is_cut(models):
    """A stranger's file may hold one of a million letters."""
    (layers,) = name_layers(chain(models, f"{'a' * 1000}/Relu")).values()

    assert ("a" * 60 + "...",) == layers


def test_every_scope_of_a_name_can_be_asked_for():
    """But not what is computed in it."""
    assert frozenset({"model", "relu", "conv"}) == scopes_of("model/relu/Relu;model/conv/Conv2D")
    assert frozenset() == scopes_of("StatefulPartitionedCall:0")


SHORT = [
    (["m/relu/Relu;m/bn/FusedBatchNormV3;m/conv/BiasAdd/ReadVariableOp;m/conv/Conv2D"], [], ["relu/Relu;bn/FusedBatchNormV3;conv/Conv2D"]),
    (["m/a/Relu;m/a/BiasAdd", "m/b/Relu"], [], ["a/Relu", "b/Relu"]),
    (["m/bn/batchnorm/add_1;m/bn/batchnorm/mul;m/conv/Conv1D/Squeeze"], [], ["bn/batchnorm/add_1;conv/Conv1D/Squeeze"]),
    (["m/a/MatMul;m/a/BiasAdd"], ["m/a/MatMul", "m/relu/Relu;m/a/BiasAdd"], ["a/MatMul", "a/MatMul1", "a/BiasAdd"]),
    (["m/a/x;m/a/y", "m/a/x;m/a/z", "m/b/x"], ["m/a/x"], ["a/x;a/y", "a/x;a/z", "b/x", "a/x"]),
    (
        ["StatefulPartitionedCall:0", "m/a/x", "m/b/x"],
        ["arith.constant1", "m/a/x"],
        ["StatefulPartitionedCall:0", "a/x", "b/x", "arith.constant1", "a/x1"],
    ),
]


@pytest.mark.parametrize(("results", "constants", "short"), SHORT)
def test_a_short_name_has_each_layer_once(results, constants, short):
    """Of a constant the one that computes; two results that would be called alike keep all that told them apart, constants get a number."""
    names = [*results, *constants]

    assert short == shorten_names(names, set(range(len(results))), frozenset())


def test_names_that_others_go_by_stay():
    """So do the scopes then, where a result keeps its own: they would no longer be shared."""
    names = ["m/x", "m/a/Relu;m/a/BiasAdd", "m/b/Relu;m/b/BiasAdd"]

    assert ["m/x", "a/Relu", "b/Relu"] == shorten_names(names, {1, 2}, {0})
    assert ["m/x", "m/a/Relu", "m/b/Relu;m/b/BiasAdd"] == shorten_names(names, {1, 2}, {0, 2})


def test_a_graph_tells_what_others_go_by(models):
    """Its input and its output."""
    graph = chain(models, "m/a/Relu;m/a/BiasAdd", "m/b/Relu;m/b/BiasAdd", "out;out")

    assert ["x", "a/Relu", "b/Relu", "out;out"] == short_names(graph)


PARTS = st.lists(st.sampled_from(["m", "a", "b", "Relu", "batchnorm", "x", "x1"]), min_size=1, max_size=4).map("/".join)


@given(st.lists(st.lists(PARTS, min_size=1, max_size=3).map(";".join), min_size=1, max_size=6), st.data())
def test_short_names_are_different_stable_and_no_longer_than_a_number_more(names, data):
    """Whatever the names are, if those that must stay are different."""
    places = st.sets(st.integers(0, len(names) - 1))
    results, kept = data.draw(places), data.draw(places)
    assume(len({names[place] for place in kept}) == len(kept))
    short = shorten_names(names, results, kept)

    assert len(names) == len(set(short))
    assert [names[place] for place in kept] == [short[place] for place in kept]
    assert short == shorten_names(short, results, kept)
    assert all(len(after) <= len(before) + 2 for before, after in zip(names, short, strict=True))


@given(st.lists(st.lists(PARTS, min_size=1, max_size=3).map(";".join), min_size=1, max_size=5))
def test_a_graph_with_short_names_has_the_same_layers(models, names):
    """Results name layers, and none of them is lost."""
    short = shorten_names(["x", *names], set(range(1, len(names) + 1)), {0})

    assert name_layers(chain(models, *names)) == name_layers(chain(models, *short[1:]))
