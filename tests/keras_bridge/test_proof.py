"""The proof on random inputs: where it must complain, and what inputs it draws."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from emberflow.errors import ModelError
from emberflow.keras_bridge import keras, largest_difference
from emberflow.keras_bridge.proof import difference, random_inputs, run, sensitivity

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_the_difference_is_the_largest_of_all_outputs() -> None:
    """The second output is 0.25 x in one model and 0.5 x in the other: 0.25 of the largest x of a sample, where 0.25 x stays below 1."""
    layers, source = keras().layers, keras().Input((3,))
    one = keras().Model(source, [layers.Rescaling(1.0)(source), layers.Rescaling(0.25)(source)])
    other = keras().Model(source, [layers.Rescaling(1.0)(source), layers.Rescaling(0.5)(source)])

    largest = np.abs(random_inputs(one)[0]).max(axis=1)
    assert largest_difference(one, other) == pytest.approx(max(0.25 * x / max(1, 0.25 * x) for x in largest))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([[1.0, 2.0]], [[1.0, 2.5]], 0.25),  # 0.5 of 2
        ([[0.1, 0.2]], [[0.1, 0.7]], 0.5),
        ([[1000.0], [0.5]], [[1000.0], [0.6]], 0.1),  # a large sample doesn't hide a small one
        ([[np.inf, 1.0]], [[np.inf, 1.0]], 0.0),
        ([[np.nan, 1.0]], [[np.nan, 1.0]], 0.0),
        ([[np.inf, 1.0]], [[5.0, 1.0]], np.inf),
        ([[np.nan, 1.0]], [[5.0, 1.0]], np.inf),
        ([[1.0]], [[1.0, 1.0]], np.inf),
    ],
)
def test_a_difference_is_in_units_of_the_sample_s_largest_value(one: list[list[float]], other: list[list[float]], expected: float) -> None:
    """Where that is above 1."""
    assert difference(np.array(one, np.float32), np.array(other, np.float32)) == pytest.approx(expected, rel=1e-6)


def test_some_samples_reach_where_activations_are_clipped() -> None:
    """relu6 and relu are equal below 6."""
    layers, source = keras().layers, keras().Input((3,))
    one, other = (keras().Model(source, layers.ReLU(top)(source)) for top in (6.0, None))

    assert largest_difference(one, other) > 0.1


def test_an_input_that_is_looked_up_holds_positions() -> None:
    """Of the smallest vocabulary that it goes to, through layers that don't change it."""
    layers, words, signal = keras().layers, keras().Input((7,)), keras().Input((7,))
    looked_up = [layers.Embedding(size, 2)(layers.Reshape((7,))(words)) for size in (9, 5)]
    x = random_inputs(keras().Model([words, signal], [*looked_up, layers.Dense(2)(signal)]))

    assert set(np.unique(x[0])) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    assert x[1].min() < 0


def test_an_open_dimension_is_tried_with_larger_sizes(three: ModuleType, chain: Callable[..., Any]) -> None:
    """64 serves most models, and 224 one that reshapes an image of that size."""
    usual = chain(three.layers.Conv2D(1, 9), three.layers.GlobalMaxPooling2D(), shape=(None, None, 3))
    picky = chain(three.layers.Reshape((224, 672)), three.layers.GlobalMaxPooling1D(), shape=(None, None, 3))

    assert [random_inputs(model)[0].shape for model in (usual, picky)] == [(8, 64, 64, 3), (8, 224, 224, 3)]


def test_a_mapping_of_inputs_gets_one(three: ModuleType) -> None:
    """By its keys; outputs in the order of theirs."""
    a, b = three.Input((3,), name="a"), three.Input((3,), name="b")
    model = three.Model({"b": b, "a": a}, {"y": three.layers.Rescaling(2.0)(a), "x": three.layers.Rescaling(3.0)(b)})

    out = run(model, [np.ones((1, 3), np.float32), np.ones((1, 3), np.float32)])

    assert [y.tolist() for y in out] == [[[3.0] * 3], [[2.0] * 3]]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda make: make.Input((2,), dtype="string", name="text"), "the input 'text' takes text; expected numbers"),
        (
            lambda make: make.Input((1 << 20, 1 << 10), name="vast"),
            "the input 'vast' has shape (None, 1048576, 1024); expected at most 134,217,728 values",
        ),
    ],
)
def test_inputs_that_can_t_be_drawn_are_told(make: Callable[[ModuleType], Any], said: str) -> None:
    """By name."""
    source = make(keras())

    with pytest.raises(ModelError) as told:
        random_inputs(keras().Model(source, keras().layers.Flatten()(source)))

    assert said in str(told.value)


def test_a_model_that_can_t_be_run_is_told(three: ModuleType, chain: Callable[..., Any]) -> None:
    """With what TensorFlow says."""
    model = chain(three.layers.Reshape((2, 3)), shape=(None,))

    with pytest.raises(ModelError, match=r"the model '.*' can't be run on random inputs: .*The total size of the tensor must be unchanged"):
        run(model, [np.ones((1, 5), np.float32)])


def test_what_a_model_makes_of_a_rounding() -> None:
    """From 1 to its upper neighbour it is 2^-23, which times 2^20 is an eighth; the lower one is half as far."""
    source = keras().Input((1,))
    model = keras().Model(source, keras().layers.Rescaling(2.0**20, -(2.0**20))(source))

    assert 2.0**-3 == sensitivity(model, [np.ones((1, 1), np.float32)])
