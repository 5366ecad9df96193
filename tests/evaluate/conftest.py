"""Small models in every number format, converted once a session and only when a test asks for them."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session")
def tflite() -> Callable[[str], bytes]:
    """The .tflite called `conv-int8`, `wide-dynamic`, `sigmoid-int8` and so on."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    return cache(convert)


def convert(name: str) -> bytes:
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(7)
    network, number_format, *batch = name.split("-")
    layers, shape = LAYERS[network](tf, tf_keras.layers)
    entry = tf_keras.Input(shape=shape, batch_size=None if batch == ["anybatch"] else 1)
    last = entry
    for layer in layers:
        last = layer(last)
    converter = tf.lite.TFLiteConverter.from_keras_model(tf_keras.Model(entry, last))
    FORMATS[number_format](tf, converter, shape)
    return bytes(converter.convert())


def conv(tf: Any, layers: Any) -> tuple[list[Any], tuple[int, ...]]:
    return [
        layers.Conv1D(4, 3, activation="relu", padding="same"),
        layers.MaxPool1D(2),
        layers.Conv1D(8, 3, activation="relu"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(3, activation="softmax"),
    ], (16, 3)


def wide(tf: Any, layers: Any) -> tuple[list[Any], tuple[int, ...]]:
    # the converter leaves weights below 1,024 numbers in float: a hybrid model needs a wide layer
    return [layers.Dense(64, activation="relu"), layers.Dense(3, activation="softmax")], (64,)


def sigmoid(tf: Any, layers: Any) -> tuple[list[Any], tuple[int, ...]]:
    return [layers.Dense(1, activation="sigmoid")], (4,)


def lstm(tf: Any, layers: Any) -> tuple[list[Any], tuple[int, ...]]:
    return [layers.LSTM(4), layers.Dense(3, activation="softmax")], (16, 3)


def erf(tf: Any, layers: Any) -> tuple[list[Any], tuple[int, ...]]:
    return [tf.math.erf, layers.Dense(3)], (8,)


def atan2(tf: Any, layers: Any) -> tuple[list[Any], tuple[int, ...]]:
    return [lambda x: tf.math.atan2(x, x + 1.0)], (8,)


def two_outputs(tf: Any, layers: Any) -> tuple[list[Any], tuple[int, ...]]:
    return [layers.Dense(3), lambda x: [x, x * 2.0]], (4,)


def logarithm(tf: Any, layers: Any) -> tuple[list[Any], tuple[int, ...]]:
    return [tf.math.log], (2,)


LAYERS = {
    "conv": conv,
    "wide": wide,
    "sigmoid": sigmoid,
    "lstm": lstm,
    "erf": erf,
    "atan2": atan2,
    "two_outputs": two_outputs,
    "logarithm": logarithm,
}


def integers(ops: str, dtype: str) -> Callable[[Any, Any, tuple[int, ...]], None]:
    def configure(tf: Any, converter: Any, shape: tuple[int, ...]) -> None:
        rng = np.random.default_rng(0)
        samples = [rng.normal(size=(1, *shape)).astype(np.float32) for _ in range(50)]
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([sample] for sample in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet(ops)]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, dtype)

    return configure


def float32(tf: Any, converter: Any, shape: tuple[int, ...]) -> None:
    converter.allow_custom_ops = True


def dynamic(tf: Any, converter: Any, shape: tuple[int, ...]) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def float16(tf: Any, converter: Any, shape: tuple[int, ...]) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


FORMATS = {
    "float32": float32,
    "dynamic": dynamic,
    "float16": float16,
    "int8": integers("TFLITE_BUILTINS_INT8", "int8"),
    "int16x8": integers("EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8", "int16"),
}


@pytest.fixture
def signals() -> np.ndarray:
    """Twelve samples for the `conv` and `lstm` models, shape (12, 16, 3)."""
    return np.random.default_rng(1).normal(size=(12, 16, 3)).astype(np.float32)
