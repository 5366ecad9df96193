"""Layers of Keras 3 in Keras 2: every kind that an edge model is made of, rebuilt with its weights and proved equal."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from emberflow.errors import ModelError
from emberflow.keras_bridge import is_keras_2, largest_difference, to_keras_2
from emberflow.keras_bridge.files import load, save

pytestmark = pytest.mark.xdist_group("tensorflow")

SIGNAL, IMAGE = (16, 4), (8, 8, 4)


def convolutions_1d(make: Any) -> list[Any]:
    return [
        make.Conv1D(3, 3, strides=2, padding="causal", activation="silu", kernel_regularizer="l2"),
        make.Conv1D(4, 3, dilation_rate=2, groups=2, use_bias=False),
        make.SeparableConv1D(3, 3, depth_multiplier=2),
        make.DepthwiseConv1D(3, strides=2, padding="same"),
        make.Conv1DTranspose(3, 3, strides=2, padding="same", activation="relu6"),
        make.Conv1DTranspose(3, 4, strides=3),
    ]


def convolutions_2d(make: Any) -> list[Any]:
    return [
        make.Conv2D(3, 3, strides=2, padding="same", activation="relu6"),
        make.Conv2D(3, (1, 3), dilation_rate=2),
        make.SeparableConv2D(3, 3, depth_multiplier=2),
        make.DepthwiseConv2D(3, depth_multiplier=2, strides=2, padding="same"),
        make.Conv2DTranspose(3, 3, strides=2, padding="same"),
        make.Conv2DTranspose(3, 3, strides=2, output_padding=1),
        make.Conv2DTranspose(3, 2, strides=3),
    ]


def dense(make: Any) -> list[Any]:
    return [
        make.Dense(3, kernel_constraint="max_norm"),
        make.Dense(3, use_bias=False, activation="softmax"),
        make.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d", activation="hard_sigmoid"),
    ]


def shapes_1d(make: Any) -> list[Any]:
    return [
        make.AveragePooling1D(3, 2, "same"),
        make.MaxPooling1D(3, 2),
        make.GlobalAveragePooling1D(keepdims=True),
        make.GlobalMaxPooling1D(),
        make.ZeroPadding1D((1, 2)),
        make.Cropping1D(2),
        make.UpSampling1D(2),
        make.Reshape((4, -1)),
        make.Flatten(),
        make.Permute((2, 1)),
    ]


def shapes_2d(make: Any) -> list[Any]:
    return [
        make.AveragePooling2D(3, 2, "same"),
        make.MaxPooling2D((3, 2)),
        make.GlobalAveragePooling2D(keepdims=True),
        make.GlobalMaxPooling2D(),
        make.ZeroPadding2D(((1, 2), (0, 1))),
        make.Cropping2D(((1, 0), (0, 2))),
        make.UpSampling2D((2, 3)),
        make.UpSampling2D(2, interpolation="bilinear"),
        make.Resizing(5, 5),
        make.CenterCrop(4, 4),
    ]


def normalizations(make: Any) -> list[Any]:
    return [
        make.BatchNormalization(),
        make.BatchNormalization(axis=1, scale=False, epsilon=0.1),
        make.LayerNormalization(),
        make.LayerNormalization(axis=[1, 2]),
        make.GroupNormalization(2),
        make.UnitNormalization(),
        make.Normalization(mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0, 2.0, 3.0, 4.0]),
        make.Normalization(axis=None, mean=2.0, variance=4.0, invert=True),
        make.Rescaling(0.1, 2.0),
    ]


def activations(make: Any) -> list[Any]:
    return [
        make.ReLU(6, negative_slope=0.1, threshold=0.5),
        make.LeakyReLU(negative_slope=0.2),
        make.PReLU(shared_axes=[1]),
        make.ELU(0.7),
        make.Softmax(axis=1),
    ]


def of_training_only(make: Any) -> list[Any]:
    return [
        make.Dropout(0.3, seed=1),
        make.SpatialDropout1D(0.3),
        make.GaussianNoise(0.3),
        make.GaussianDropout(0.3),
        make.AlphaDropout(0.3),
        make.ActivityRegularization(0.1),
        make.Identity(),
    ]


def augmentations(make: Any) -> list[Any]:
    return [make.SpatialDropout2D(0.2), make.RandomFlip(), make.RandomRotation(0.2), make.RandomZoom(0.1), make.RandomContrast(0.1)]


def recurrent(make: Any) -> list[Any]:
    return [
        make.LSTM(3),
        make.LSTM(3, return_sequences=True, go_backwards=True),
        make.GRU(3),
        make.GRU(3, reset_after=False, activation="relu"),
        make.SimpleRNN(3),
        make.RNN([make.LSTMCell(3), make.GRUCell(2)]),
        make.Bidirectional(make.LSTM(2)),
        make.Bidirectional(make.GRU(2, return_sequences=True), merge_mode="sum"),
        make.TimeDistributed(make.Dense(2)),
    ]


GROUPS: dict[str, tuple[Callable[[Any], list[Any]], tuple[int, ...]]] = {
    "convolutions 1D": (convolutions_1d, SIGNAL),
    "convolutions 2D": (convolutions_2d, IMAGE),
    "dense": (dense, SIGNAL),
    "pools and shapes 1D": (shapes_1d, SIGNAL),
    "pools and shapes 2D": (shapes_2d, IMAGE),
    "normalizations": (normalizations, IMAGE),
    "activations": (activations, SIGNAL),
    "layers of training only": (of_training_only, SIGNAL),
    "augmentations": (augmentations, IMAGE),
    "recurrent": (recurrent, SIGNAL),
}


@pytest.mark.parametrize("group", GROUPS)
def test_layers_of_keras_3_compute_the_same_in_keras_2(
    three: ModuleType, side_by_side: Callable[..., Any], weighed: Callable[[Any], Any], group: str, tmp_path: Any
) -> None:
    """The same weights, the same outputs up to a rounding; read from the file that Keras 3 wrote, and from the one that is written of the result."""
    layers, shape = GROUPS[group]
    model = weighed(side_by_side(*layers(three.layers), shape=shape))
    model.save(tmp_path / "newer.keras")

    rebuilt = load(tmp_path / "newer.keras")
    save(rebuilt, tmp_path / "older.h5")

    assert is_keras_2(rebuilt)
    assert rebuilt.count_params() == model.count_params()
    assert largest_difference(model, rebuilt) <= 1e-6
    assert largest_difference(rebuilt, load(tmp_path / "older.h5")) == 0.0


def test_merges_compute_the_same(three: ModuleType) -> None:
    """Each kind, of the same two tensors."""
    one, other, make = three.Input(SIGNAL), three.Input(SIGNAL), three.layers
    merges = [make.Add(), make.Subtract(), make.Multiply(), make.Average(), make.Maximum(), make.Minimum(), make.Concatenate(axis=1)]
    model = three.Model([one, other], [merge([one, other]) for merge in [*merges, make.Dot(2), make.Dot(axes=(1, 1), normalize=True)]])

    assert largest_difference(model, to_keras_2(model)) == 0.0


def test_states_of_recurrent_layers_are_handed_on(three: ModuleType, weighed: Callable[[Any], Any]) -> None:
    """From an encoder to a decoder."""
    source = three.Input(SIGNAL)
    encoded, *states = three.layers.LSTM(3, return_sequences=True, return_state=True)(source)
    model = weighed(three.Model(source, three.layers.LSTM(3)(encoded, initial_state=states)))

    assert largest_difference(model, to_keras_2(model)) == 0.0


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_an_embedding_is_proved_on_positions(three: ModuleType, chain: Callable[..., Any], weighed: Callable[[Any], Any], dtype: str) -> None:
    """With the mask of padding, which Keras 3 lists among its operators."""
    layers = (three.layers.Embedding(20, 5, mask_zero=True), three.layers.LSTM(3), three.layers.RepeatVector(2))
    model = weighed(chain(*layers, shape=(7,), dtype=dtype))

    rebuilt = to_keras_2(model)

    assert largest_difference(model, rebuilt) == 0.0
    assert rebuilt.inputs[0].dtype.name == dtype


def test_an_adapted_normalization_keeps_what_it_learned(three: ModuleType) -> None:
    """Mean and variance of the data go into the configuration."""
    x = np.random.default_rng(0).normal([1, 2, 3, 4], [4, 3, 2, 1], (50, 4))
    layer = three.layers.Normalization()
    layer.adapt(x)
    model = three.Sequential([three.Input((4,)), layer])

    rebuilt = to_keras_2(model)

    assert largest_difference(model, rebuilt) <= 1e-6
    assert np.asarray(rebuilt(x)).mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-5)


def test_a_model_within_a_layer_computes_the_same(three: ModuleType, chain: Callable[..., Any], weighed: Callable[[Any], Any]) -> None:
    """TimeDistributed of a whole model, but for a last bit: Keras 2 multiplies all steps at once, and some processors add larger products up otherwise."""
    inner = three.Sequential([three.Input((4,)), three.layers.Dense(3, "relu6"), three.layers.Dense(2)])
    model = weighed(chain(three.layers.TimeDistributed(inner)))

    assert largest_difference(model, to_keras_2(model)) <= 2**-22


def test_mixed_precision_is_undone(three: ModuleType, chain: Callable[..., Any], weighed: Callable[[Any], Any]) -> None:
    """Its weights are float32, and so is what is computed with them here."""
    make = three.layers
    layers = (make.Conv1D(3, 3, dtype="mixed_float16"), make.Bidirectional(make.LSTM(3), dtype="mixed_bfloat16"), make.Dense(2, dtype="float32"))

    rebuilt = to_keras_2(weighed(chain(*layers)))

    assert {layer.compute_dtype for layer in rebuilt.layers} == {"float32"}


def double(make: Any) -> Any:
    """A layer of the user's own."""

    class Double(make.Layer):  # type: ignore[misc]  # Keras ships no types
        def call(self, x: Any) -> Any:
            return 2 * x

    return Double(name="odd")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (double, "layer 'odd' (Double) needs code of your own in Keras 3, Double, which every process that reads the model must find: give it by"),
        (lambda make: make.AdaptiveAveragePooling1D(4, name="odd"), "layer 'odd' (AdaptiveAveragePooling1D) has no equal in Keras 2; replace it"),
        (
            lambda make: make.LayerNormalization(rms_scaling=True, name="odd"),
            "layer 'odd' (LayerNormalization) can't be rebuilt in Keras 2: it has rms_s",
        ),
        (lambda make: make.Lambda(lambda x: x.nothing, output_shape=(16, 4), name="odd"), "layer 'odd' (Lambda) can't be rebuilt in Keras 2: "),
    ],
)
def test_a_layer_without_an_equal_is_refused_by_name(three: ModuleType, chain: Callable[..., Any], make: Callable[[Any], Any], said: str) -> None:
    """With what is to be done."""
    with pytest.raises(ModelError) as told:
        to_keras_2(chain(make(three.layers)))

    assert said in str(told.value)
    assert len(str(told.value)) < 500


def test_a_function_of_the_user_s_own_goes_along(three: ModuleType, chain: Callable[..., Any]) -> None:
    """In a model that the user's code builds; in a file it is refused before it is read."""
    model = chain(three.layers.Lambda(lambda x: x * 2))

    assert largest_difference(model, to_keras_2(model)) == 0.0
