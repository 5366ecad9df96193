"""The five shapes that on_chip.py measures: the four reference architectures of MLPerf Tiny and a small Conv1D net. Knows layers; measures nothing.

The architectures are those that Banbury et al., "MLPerf Tiny Benchmark" (NeurIPS 2021), name: DS-CNN for keyword spotting, ResNet-8 for image
classification, MobileNetV1 with a width of 0.25 for visual wake words, and a fully connected autoencoder for anomaly detection. Weights are random;
batch normalization takes the statistics of random signals, so that every layer's outputs fill its range and the model's outputs vary from input to
input. That is what size, memory and instructions depend on: accuracy doesn't come into it.
"""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable
from typing import Any

import numpy as np
import tf_keras as keras

from emberflow.convert import to_tflite
from emberflow.recipe import Format
from emberflow.values import FloatArray

CALIBRATION_SAMPLES = 64
_L = keras.layers


def signals(shape: tuple[int, ...], count: int, seed: int) -> FloatArray:
    """Random signals (count, *shape), float32: a level, a ripple along each axis and some noise, all of random strength, so that no two are alike."""
    generator = np.random.default_rng(seed)
    x = generator.normal(0, 0.3, (count, *shape)) + generator.normal(0, 1, (count, *([1] * (len(shape) - 1)), shape[-1]))
    for axis, size in enumerate(shape[:-1] or shape, start=1):
        steps = np.arange(size).reshape([-1 if at == axis else 1 for at in range(len(shape) + 1)])
        per_sample = (count, *([1] * len(shape)))
        frequency, phase, strength = (
            generator.uniform(0.05, 1.5, per_sample),
            generator.uniform(0, 6.3, per_sample),
            generator.exponential(1, per_sample),
        )
        x = x + strength * np.sin(frequency * steps + phase)
    return x.astype(np.float32)


def _norm_relu(x: Any, relu: bool = True) -> Any:
    x = _L.BatchNormalization(momentum=0.0)(x)
    return _L.ReLU()(x) if relu else x


def _separable(x: Any, filters: int, stride: int = 1) -> Any:
    x = _norm_relu(_L.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x))
    return _norm_relu(_L.Conv2D(filters, 1, padding="same", use_bias=False)(x))


def ds_cnn() -> Any:
    """Keyword spotting: 49 x 10 coefficients to 12 words."""
    entrance = _L.Input((49, 10, 1))
    x = _norm_relu(_L.Conv2D(64, (10, 4), strides=2, padding="same", use_bias=False)(entrance))
    for _ in range(4):
        x = _separable(x, 64)
    x = _L.Flatten()(_L.AveragePooling2D((25, 5))(x))
    return keras.Model(entrance, _L.Dense(12, activation="softmax")(x))


def resnet_8() -> Any:
    """Image classification: 32 x 32 pixels in colour to 10 classes."""
    entrance = _L.Input((32, 32, 3))
    x = _norm_relu(_L.Conv2D(16, 3, padding="same")(entrance))
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        y = _norm_relu(_L.Conv2D(filters, 3, strides=stride, padding="same")(x))
        y = _norm_relu(_L.Conv2D(filters, 3, padding="same")(y), relu=False)
        x = x if stride == 1 else _L.Conv2D(filters, 1, strides=stride, padding="same")(x)
        x = _L.ReLU()(_L.Add()([x, y]))
    x = _L.Flatten()(_L.AveragePooling2D(8)(x))
    return keras.Model(entrance, _L.Dense(10, activation="softmax")(x))


def mobilenet() -> Any:
    """Visual wake words: 96 x 96 pixels in colour to 2 classes, a quarter of MobileNetV1's width."""
    entrance = _L.Input((96, 96, 3))
    x = _norm_relu(_L.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(entrance))
    for filters, stride in ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1)):
        x = _separable(x, filters, stride)
    x = _L.Flatten()(_L.AveragePooling2D(3)(x))
    return keras.Model(entrance, _L.Dense(2, activation="softmax")(x))


def autoencoder() -> Any:
    """Anomaly detection: 640 spectral values to themselves, through 8."""
    x = entrance = _L.Input((640,))
    for units in (*[128] * 4, 8, *[128] * 4):
        x = _norm_relu(_L.Dense(units)(x))
    return keras.Model(entrance, _L.Dense(640)(x))


def conv1d() -> Any:
    """Motion: 128 steps of 6 sensor channels to 7 exercises."""
    entrance = _L.Input((128, 6))
    x = entrance
    for filters, width in ((16, 5), (24, 5)):
        x = _L.MaxPooling1D(2)(_norm_relu(_L.Conv1D(filters, width, padding="same")(x)))
    x = _norm_relu(_L.Conv1D(32, 3, padding="same")(x))
    return keras.Model(entrance, _L.Dense(7, activation="softmax")(_L.GlobalAveragePooling1D()(x)))


SHAPES: dict[str, Callable[[], Any]] = {
    "DS-CNN": ds_cnn,
    "ResNet-8": resnet_8,
    "MobileNetV1-0.25": mobilenet,
    "FC autoencoder": autoencoder,
    "Conv1D net": conv1d,
}
Treatment = Callable[[FloatArray], FloatArray]


def build(name: str, treatment: Treatment | None = None) -> bytes:
    """The int8 .tflite of the shape called `name`; `treatment` changes the weights of every layer but the depthwise ones, as pruning does."""
    return to_tflite(*_model(name, treatment))


def build_both(name: str) -> tuple[bytes, bytes]:
    """The shape called `name` as an int8 .tflite and as a float32 one."""
    model, _, x = _model(name, None)
    return to_tflite(model, Format.INT8, x), to_tflite(model, Format.FLOAT32, x)


def _model(name: str, treatment: Treatment | None) -> tuple[Any, Format, FloatArray]:
    """What `to_tflite` takes: the model, int8, and what it is calibrated with."""
    keras.utils.set_random_seed(1)
    model = SHAPES[name]()
    x = signals(model.input_shape[1:], CALIBRATION_SAMPLES, seed=1)
    _treat(model, treatment)
    model(x, training=True)  # a momentum of 0: the moving statistics are those of this batch
    _widen(model, x)
    return model, Format.INT8, x


def _treat(model: Any, treatment: Treatment | None) -> None:
    for layer in model.layers:
        if treatment and isinstance(layer, _L.Conv2D | _L.Conv1D | _L.Dense) and not isinstance(layer, _L.DepthwiseConv2D):
            kernel, *rest = layer.get_weights()
            layer.set_weights([treatment(kernel), *rest])


def _widen(model: Any, x: FloatArray) -> None:
    """Scale a softmax's logits to a spread of 2, so that probabilities are neither all alike nor all 0 and 1."""
    last = model.layers[-1]
    if last.activation is keras.activations.softmax:
        logits = keras.Model(model.inputs, last.input)(x).numpy() @ last.get_weights()[0]
        kernel = last.get_weights()[0] * (2 / logits.std())
        last.set_weights([kernel, -(logits * (2 / logits.std())).mean(axis=0)])
