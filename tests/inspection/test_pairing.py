"""Twins, found by name and by place, or not at all."""

import pytest
import tflite

from emberflow.graph import read_graph
from emberflow.inspection.pairing import pair

OP = tflite.BuiltinOperator
FLOAT, INT = tflite.TensorType.FLOAT32, tflite.TensorType.INT8


def chain(models, *steps, kind=FLOAT):
    """Operators one behind the other: `(code, name of the result, shape)`."""
    tensors = [models.TensorSpec("x", (1, 4), kind), *(models.TensorSpec(name, shape, kind) for _, name, shape in steps)]
    operators = [models.OperatorSpec(code, (i,), (i + 1,)) for i, (code, *_) in enumerate(steps)]
    return read_graph(models.write_tflite(tuple(tensors), tuple(operators), outputs=(len(steps),)))


def relu(name, shape=(1, 4)):
    return (OP.RELU, name, shape)


def test_results_of_one_name_are_twins(models):
    """So are the inputs, by their position."""
    pairs = pair(chain(models, relu("a"), relu("b"), kind=INT), chain(models, relu("a"), relu("b")))

    assert ({0: 0, 1: 1, 2: 2}, {0: 0, 1: 1}, ()) == (pairs.tensors, pairs.operators, pairs.unmatched)


def test_a_long_name_is_the_twin_of_its_short_form(models):
    """One of the two files comes from elsewhere: "m/a/Relu;m/a/BiasAdd" is what "a/Relu" was made of."""
    long = chain(models, relu("m/a/Relu;m/a/BiasAdd"), (OP.TANH, "m/b/Tanh;m/b/BiasAdd", (1, 4)), relu("out"))
    short = chain(models, relu("a/Relu"), relu("between"), (OP.TANH, "b/Tanh", (1, 4)), relu("out"), kind=INT)

    assert {0: 0, 1: 1, 3: 2, 4: 3} == pair(short, long).tensors


def test_between_two_pairs_the_place_decides(models):
    """Where kinds and shapes are the same on both sides."""
    pairs = pair(chain(models, relu("a"), relu("b1"), relu("c"), kind=INT), chain(models, relu("a"), relu("b2"), relu("c")))

    assert {0: 0, 1: 1, 2: 2, 3: 3} == pairs.tensors


@pytest.mark.parametrize(
    "other",
    [
        [relu("a"), relu("p"), relu("q"), relu("c")],
        [relu("a"), (OP.TANH, "b", (1, 4)), relu("c")],
        [relu("a"), relu("b", (1, 2)), relu("c")],
        [relu("a"), relu("c")],
    ],
)
def test_what_differs_in_number_kind_or_shape_is_left_alone(models, other):
    """Even where the name is the same; its neighbours are still twins."""
    pairs = pair(chain(models, relu("a"), relu("b"), relu("c"), kind=INT), chain(models, *other))

    assert ("b",) == pairs.unmatched
    assert {0: 0, 1: 1, 3: len(other)} == pairs.tensors


def test_names_in_another_order_are_trusted_no_more(models):
    """The graphs are built differently, whatever they are called: then places decide, if kinds allow."""
    pairs = pair(chain(models, relu("a"), relu("b"), kind=INT), chain(models, relu("b"), relu("a")))

    assert {0: 0, 1: 1, 2: 2} == pairs.tensors


def test_a_name_that_two_have_pairs_nothing(models):
    """Nor does an empty one; the place does."""
    pairs = pair(chain(models, relu("a"), relu("a"), relu(""), kind=INT), chain(models, relu("a"), relu("a"), relu("")))

    assert {0: 0, 1: 1, 2: 2, 3: 3} == pairs.tensors


def test_borders_are_passed_over(models):
    """A QUANTIZE at the front and a DEQUANTIZE at the end stand for what they read."""
    quantized = chain(models, (OP.QUANTIZE, "q", (1, 4)), relu("a"), (OP.DEQUANTIZE, "d", (1, 4)), kind=INT)
    pairs = pair(quantized, chain(models, relu("a")))

    assert ({0: 0, 1: 0, 2: 1, 3: 1}, ()) == (pairs.tensors, pairs.unmatched)


def test_a_real_model_is_paired_whole(case):
    """Every operator, under its own name."""
    healthy = case("healthy")
    quantized, real = read_graph(healthy.quantized), read_graph(healthy.real)
    pairs = pair(quantized, real)

    assert () == pairs.unmatched
    assert len(quantized.operators) == len(pairs.operators)
    named = [index for index in pairs.operators if "StatefulPartitionedCall" not in quantized.result(quantized.operators[index]).name]
    assert [quantized.result(quantized.operators[i]).name for i in named] == [real.result(real.operators[pairs.operators[i]]).name for i in named]


def test_another_model_is_not_taken_for_a_twin(case):
    """Only what is alike in kind and shape at the same place."""
    pairs = pair(read_graph(case("healthy").quantized), read_graph(case("heavy").real))

    assert 4 <= len(pairs.unmatched)


def test_inputs_are_twins_by_name_before_place(models):
    """A converter may put them in another order; names that differ leave the place."""

    def two(first, second, order):
        tensors = tuple(models.TensorSpec(name, (1, 4), FLOAT) for name in (first, second, "sum"))
        return read_graph(models.write_tflite(tensors, (models.OperatorSpec(OP.MAXIMUM, (0, 1), (2,)),), inputs=order, outputs=(2,)))

    assert {0: 0, 1: 1, 2: 2} == pair(two("a", "b", (0, 1)), two("a", "b", (1, 0))).tensors
    assert {0: 1, 1: 0, 2: 2} == pair(two("c", "d", (0, 1)), two("a", "b", (1, 0))).tensors
