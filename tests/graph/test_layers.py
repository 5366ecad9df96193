"""Layers told from the names that converters give."""

import pytest
import tflite

from emberflow.graph import read_graph
from emberflow.graph.layers import name_layers, scopes_of


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
