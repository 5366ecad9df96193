"""Slices of Keras 3 become layers of Keras 2 that pick out the same numbers, or are refused."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.keras_bridge import keras, kind_of, largest_difference, to_keras_2
from emberflow.keras_bridge.slices import cut

pytestmark = pytest.mark.xdist_group("tensorflow")
X = np.arange(2 * 6 * 5 * 3, dtype=np.float32).reshape(2, 6, 5, 3)
INDICES = st.one_of(st.integers(-7, 7), st.builds(slice, st.one_of(st.none(), st.integers(-7, 7)), st.one_of(st.none(), st.integers(-7, 7))))


def cut_by_layers(key: Any) -> np.ndarray | None:
    """What layers of Keras 2 pick out of X, or None."""
    entrance = keras().Input(X.shape[1:])
    made = cut([entrance, key], {}, "part")
    return None if made is None else keras().Model(entrance, made)(X).numpy()


@pytest.mark.parametrize(
    "key",
    [
        (slice(None), slice(1, None)),
        [slice(None), slice(None, -2)],
        (slice(None), 2),
        (Ellipsis, -1),
        (Ellipsis, slice(1, 3)),
        (slice(None), slice(1, 4), Ellipsis, slice(0, 1)),
        (slice(None), 0, 1, 2),
        slice(None),
    ],
)
def test_a_slice_picks_out_what_numpy_does(key: Any) -> None:
    """Exactly: cropping moves numbers and computes nothing."""
    expected = X[tuple(key)] if isinstance(key, list) else X[key]

    assert np.array_equal(expected.reshape(len(X), -1), cut_by_layers(key).reshape(len(X), -1))


@settings(max_examples=40, deadline=None)
@given(st.lists(INDICES, max_size=3))
def test_any_index_gives_numpys_numbers_or_is_refused(parts: list[Any]) -> None:
    """Refused only where numpy gives an error or nothing."""
    key = (slice(None), *parts)
    made = cut_by_layers(key)
    try:
        expected = X[key]
    except IndexError:
        expected = X[:0]

    assert expected.size == (0 if made is None else made.size)
    assert made is None or np.array_equal(expected.reshape(made.shape), made)


@pytest.mark.parametrize("key", [0, slice(1, None), (slice(None), None), (slice(None), slice(None, None, 2)), (slice(None), True), (0, 0, 0, 0, 0)])
def test_what_cropping_cant_is_left(key: Any) -> None:
    """Samples, new axes, steps, masks, and more indices than axes."""
    assert cut_by_layers(key) is None


def test_an_open_size_is_left() -> None:
    """How much is left is then known only while the model runs."""
    assert cut([keras().Input((None, 3)), (slice(None), slice(1, None))], {}, "part") is None


def test_a_model_with_slices_is_rebuilt_exactly(three: ModuleType) -> None:
    """The last step, the first half of the channels, and both halves of a gate."""
    layers, x = three.layers, three.Input((16, 4))
    y = layers.Conv1D(8, 3, padding="same")(x)
    model = three.Model(x, [y[:, -1], y[..., :4] * three.ops.sigmoid(y[..., 4:]), y[:, 2:-2, 1]])

    assert largest_difference(model, to_keras_2(model)) <= 1e-6


def test_a_slice_with_a_step_goes_on_as_keras_3_computes_it(three: ModuleType) -> None:
    """No cropping does that."""
    x = three.Input((16, 4))
    model = three.Model(x, x[:, ::2])

    rebuilt = to_keras_2(model)

    assert largest_difference(model, rebuilt) == 0.0
    assert ["GetItem"] == [kind_of(layer) for layer in rebuilt.layers[1:]]
