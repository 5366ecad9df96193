"""Rewriting in 2D is exact for every layer it knows, and what has no 2D form is refused by name."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compress.rewrite import LIFTED, POINTWISE, lift_to_2d
from emberflow.errors import ModelError, UnsupportedLayer
from emberflow.keras_bridge import keras, largest_difference

pytestmark = pytest.mark.xdist_group("tensorflow")


def two() -> Any:
    """Keras 2's layers; asked for when a test runs, so that only the process that runs it imports TensorFlow."""
    return keras().layers


def chain(*layers: Any, steps: int | None = 16) -> Any:
    """A model of a window of 16 steps of 4 channels, no weight at its initial value."""
    tensor = source = keras().Input((steps, 4))
    for layer in layers:
        tensor = layer(tensor)
    return with_random_weights(keras().Model(source, tensor))


def with_random_weights(model: Any) -> Any:
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.1, 1, w.shape).astype(np.float32) for w in model.get_weights()])
    return model


def kinds(model: Any) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


EACH = {
    "Conv1D": [
        lambda: two().Conv1D(3, 5, strides=2, padding="same", activation="relu"),
        lambda: two().Conv1D(4, 3, dilation_rate=2, use_bias=False),
        lambda: two().Conv1D(4, 3, groups=2),
        lambda: two().Conv1D(3, 3, padding="causal", dilation_rate=4),
        lambda: two().Conv1D(3, 5, padding="causal", strides=2),
        lambda: two().Conv1D(3, 1, padding="causal"),
    ],
    "SeparableConv1D": [
        lambda: two().SeparableConv1D(3, 5, strides=2, depth_multiplier=2),
        lambda: two().SeparableConv1D(3, 3, padding="same"),
        lambda: two().SeparableConv1D(3, 3, padding="causal"),
    ],
    "DepthwiseConv1D": [lambda: two().DepthwiseConv1D(5, strides=2, padding="same", depth_multiplier=2), lambda: two().DepthwiseConv1D(3)],
    "MaxPooling1D": [lambda: two().MaxPooling1D(3, strides=2), lambda: two().MaxPooling1D(3, padding="same")],
    "AveragePooling1D": [lambda: two().AveragePooling1D(3, strides=1), lambda: two().AveragePooling1D(3, padding="same")],
    "GlobalAveragePooling1D": [lambda: two().GlobalAveragePooling1D(), lambda: two().GlobalAveragePooling1D(keepdims=True)],
    "GlobalMaxPooling1D": [lambda: two().GlobalMaxPooling1D(), lambda: two().GlobalMaxPooling1D(keepdims=True)],
    "ZeroPadding1D": [lambda: two().ZeroPadding1D(2), lambda: two().ZeroPadding1D((1, 3))],
    "Cropping1D": [lambda: two().Cropping1D(2), lambda: two().Cropping1D((0, 3))],
    "UpSampling1D": [lambda: two().UpSampling1D(3)],
    "SpatialDropout1D": [lambda: two().SpatialDropout1D(0.5)],
}


def test_every_layer_of_the_table_is_tried() -> None:
    """A layer added to LIFTED needs a line in EACH."""
    assert set(LIFTED) == set(EACH)


@pytest.mark.parametrize(("kind", "make"), [(kind, make) for kind, makes in EACH.items() for make in makes])
def test_a_layer_computes_the_same_in_2d(kind: str, make: Callable[[], Any]) -> None:
    """As many weights, the same output shape, no 1D layer left."""
    model = chain(make())

    lifted = lift_to_2d(model)

    assert kind not in kinds(lifted)
    assert lifted.output_shape == model.output_shape
    assert lifted.count_params() == model.count_params()
    assert largest_difference(model, lifted) <= 1e-5


@pytest.mark.parametrize(
    "make",
    [
        lambda: two().BatchNormalization(),
        lambda: two().BatchNormalization(axis=1),
        lambda: two().BatchNormalization(axis=-2),
        lambda: two().BatchNormalization(axis=2),
        lambda: two().Activation("softmax"),
        lambda: two().ReLU(6.0),
        lambda: two().LeakyReLU(0.2),
        lambda: two().ELU(),
        lambda: two().Dropout(0.5),
        lambda: two().GaussianNoise(0.5),
        lambda: two().Rescaling(0.5),
    ],
)
def test_what_treats_each_value_alone_goes_on_in_2d(make: Callable[[], Any]) -> None:
    """One reshape in front, one behind, none between."""
    layer = make()
    model = chain(two().Conv1D(3, 3), layer, two().Conv1D(2, 3))

    lifted = lift_to_2d(model)

    assert type(layer).__name__ in POINTWISE
    assert ["InputLayer", "Reshape", "Conv2D", type(layer).__name__, "Conv2D", "Reshape"] == kinds(lifted)
    assert largest_difference(model, lifted) <= 1e-5


@pytest.mark.parametrize(
    "make",
    [
        lambda: two().Add(),
        lambda: two().Subtract(),
        lambda: two().Multiply(),
        lambda: two().Average(),
        lambda: two().Maximum(),
        lambda: two().Minimum(),
        *(lambda axis=axis: two().Concatenate(axis=axis) for axis in (1, 2, -1, -2)),
    ],
)
def test_a_merge_of_branches_computes_the_same(make: Callable[[], Any]) -> None:
    """A residual: the convolved signal and the signal itself, along either axis."""
    source = keras().Input((16, 4))
    merged = make()([two().Conv1D(4, 3, padding="same")(source), source])
    model = with_random_weights(keras().Model(source, two().Conv1D(2, 3)(merged)))

    lifted = lift_to_2d(model)

    assert lifted.output_shape == model.output_shape
    assert largest_difference(model, lifted) <= 1e-5


def test_a_mixed_graph_computes_the_same() -> None:
    """Residual Add, Concatenate of channels, normalization, Dense on a signal, a recurrent layer, Flatten, two outputs."""
    source = keras().Input((16, 4))
    x = two().ReLU()(two().BatchNormalization()(two().Conv1D(4, 3, padding="same")(source)))
    x = two().Concatenate()([two().Add()([x, source]), two().AveragePooling1D(3, 1, "same")(x)])
    x = two().Dense(5, "tanh")(x)
    flat = two().Dense(2)(two().Flatten()(two().Conv1D(3, 3, name="last")(x)))
    model = with_random_weights(keras().Model(source, [flat, two().LSTM(3)(x)]))

    lifted = lift_to_2d(model)

    assert [tuple(shape) for shape in lifted.output_shape] == [(None, 2), (None, 3)]
    assert largest_difference(model, lifted) <= 1e-5


def test_a_gate_over_channels_computes_the_same() -> None:
    """Squeeze and excite: a factor for each channel, of rank 2, which Keras spreads over the steps and which has no 2D form."""
    source = keras().Input((16, 4))
    x = two().Conv1D(4, 3)(source)
    gate = two().Dense(4, "sigmoid")(two().GlobalAveragePooling1D()(x))
    model = with_random_weights(keras().Model(source, two().Multiply()([x, gate])))

    assert largest_difference(model, lift_to_2d(model)) <= 1e-5


def test_a_gate_that_keeps_its_dimension_computes_the_same() -> None:
    """Squeeze and excite in convolutions: of one step, all the way in 2D."""
    source = keras().Input((16, 4))
    x = two().Conv1D(4, 3, padding="causal")(source)
    gate = two().Conv1D(4, 1, activation="sigmoid")(two().GlobalAveragePooling1D(keepdims=True)(x))
    model = with_random_weights(keras().Model(source, two().Multiply()([x, gate])))

    lifted = lift_to_2d(model)

    assert largest_difference(model, lifted) <= 1e-5
    assert 2 == kinds(lifted).count("Reshape")


@pytest.mark.parametrize("padding", ["same", "causal"])
def test_layers_called_twice_share_their_weights(padding: str) -> None:
    """One convolution and one normalization, each used two times."""
    source, conv, norm = keras().Input((16, 4)), two().Conv1D(4, 3, padding=padding), two().BatchNormalization()
    model = with_random_weights(keras().Model(source, norm(conv(norm(conv(source))))))

    lifted = lift_to_2d(model)

    assert lifted.count_params() == model.count_params()
    assert largest_difference(model, lifted) <= 1e-5


def test_a_layer_of_several_outputs_hands_each_on() -> None:
    """The states of an LSTM between 1D layers."""
    source = keras().Input((16, 4))
    series, state, carry = two().LSTM(4, return_sequences=True, return_state=True)(two().Conv1D(4, 3)(source))
    ends = two().Concatenate()([two().Flatten()(two().Conv1D(2, 3)(series)), state, carry])
    model = with_random_weights(keras().Model(source, ends))

    lifted = lift_to_2d(model)

    assert 1e-5 >= largest_difference(model, lifted)
    assert 2 == kinds(lifted).count("Conv2D")


def test_a_nested_model_is_left_as_it_is() -> None:
    """Its layers stay in 1D; qat then names it."""
    inner = keras().Sequential([keras().Input((14, 3)), two().Conv1D(2, 3)], name="inner")
    model = chain(two().Conv1D(3, 3), inner)

    lifted = lift_to_2d(model)

    assert kinds(lifted) == ["InputLayer", "Reshape", "Conv2D", "Reshape", "Sequential"]
    assert largest_difference(model, lifted) <= 1e-5


def test_a_sequential_model_computes_the_same() -> None:
    """With an input layer, or with an input shape given to build()."""
    started = keras().Sequential([keras().Input((16, 4)), two().Conv1D(3, 3), two().Flatten(), two().Dense(2)])
    built = keras().Sequential([two().Conv1D(3, 3), two().Flatten(), two().Dense(2)])
    built.build((None, 16, 4))

    assert largest_difference(started, lift_to_2d(started)) <= 1e-5
    assert largest_difference(built, lift_to_2d(built)) <= 1e-5


def test_the_number_of_steps_may_be_open() -> None:
    """A model that takes windows of any length still does."""
    model = chain(two().Conv1D(3, 3), two().Dense(2), two().Conv1D(2, 3), two().GlobalAveragePooling1D(), steps=None)

    lifted = lift_to_2d(model)

    assert lifted.input_shape == (None, None, 4)
    assert largest_difference(model, lifted) <= 1e-5


@settings(deadline=None, max_examples=12)  # each example builds two models
@given(
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    padding=st.sampled_from(["same", "valid", "causal"]),
    pool=st.integers(1, 3),
    residual=st.booleans(),
)
def test_any_stack_computes_the_same(kernel: int, stride: int, padding: str, pool: int, residual: bool) -> None:
    """Whatever the geometry: strides and padding on even lengths are where 1D and 2D could part."""
    source = keras().Input((13, 2))
    x = two().Conv1D(3, kernel, strides=stride, padding=padding)(source)
    x = two().Add()([x, two().Conv1D(3, 3, padding="same")(x)]) if residual else x
    model = with_random_weights(keras().Model(source, two().MaxPooling1D(pool, padding="same")(x)))

    assert largest_difference(model, lift_to_2d(model)) <= 1e-5


def test_a_model_without_1d_layers_comes_back_as_it_is() -> None:
    """The same object, so that nothing is renamed."""
    model = chain(two().LSTM(3), two().Dense(2))

    assert lift_to_2d(model) is model


def test_a_rewriting_that_changes_the_outputs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof on random inputs must complain: here the average is taken for the maximum."""
    monkeypatch.setitem(LIFTED, "MaxPooling1D", LIFTED["AveragePooling1D"])

    with pytest.raises(UnsupportedLayer, match=r"rewriting the 1D layers of 'model\w*' changed its outputs by \d.*; please report this model"):
        lift_to_2d(chain(two().MaxPooling1D(2)))


def test_a_subclassed_model_is_refused() -> None:
    """Its graph can't be read."""

    class Own(keras().Model):
        def __init__(self) -> None:
            super().__init__()
            self.conv = two().Conv1D(2, 3)

        def call(self, x: Any) -> Any:
            return self.conv(x)

    model = Own()
    model(np.zeros((1, 16, 4), np.float32))

    with pytest.raises(ModelError, match="received a Own; expected a Sequential or functional Keras model"):
        lift_to_2d(model)
