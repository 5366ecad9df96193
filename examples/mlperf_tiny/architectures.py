"""The four reference architectures of MLPerf Tiny, untrained. Knows layers; takes Keras 2 or Keras 3, because users bring either.

Banbury et al., "MLPerf Tiny Benchmark" (NeurIPS 2021, Datasets and Benchmarks), section 4 and the closed division's reference models: DS-CNN for
keyword spotting, ResNet-8 for image classification, MobileNetV1 of a quarter of its width for visual wake words, and a fully connected
autoencoder for anomaly detection. With the biases in front of each normalization, as the reference models have them: the converter folds them.
"""

from types import ModuleType
from typing import Any

MOBILENET = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1))
"""Filters and stride of each of the thirteen depthwise-separable blocks."""


def ds_cnn(keras: ModuleType | None = None) -> Any:
    """Keyword spotting: 49 frames of 10 coefficients to 12 words."""
    k = keras or _keras_2()
    entrance = k.layers.Input((49, 10, 1), name="coefficients")
    x = _norm_relu(k, k.layers.Conv2D(64, (10, 4), strides=2, padding="same")(entrance))
    x = k.layers.Dropout(0.2)(x)
    for _ in range(4):
        x = _separable(k, x, 64)
    x = k.layers.Dropout(0.4)(x)
    x = k.layers.Flatten()(k.layers.AveragePooling2D((25, 5))(x))
    return k.Model(entrance, k.layers.Dense(12, activation="softmax", name="word")(x), name="ds_cnn")


def resnet_8(keras: ModuleType | None = None) -> Any:
    """Image classification: 32 x 32 pixels in colour to 10 classes."""
    k = keras or _keras_2()
    entrance = k.layers.Input((32, 32, 3), name="pixels")
    x = _norm_relu(k, k.layers.Conv2D(16, 3, padding="same")(entrance))
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        y = _norm_relu(k, k.layers.Conv2D(filters, 3, strides=stride, padding="same")(x))
        y = k.layers.BatchNormalization()(k.layers.Conv2D(filters, 3, padding="same")(y))
        x = x if stride == 1 else k.layers.Conv2D(filters, 1, strides=stride, padding="same")(x)
        x = k.layers.ReLU()(k.layers.Add()([x, y]))
    x = k.layers.Flatten()(k.layers.AveragePooling2D(8)(x))
    return k.Model(entrance, k.layers.Dense(10, activation="softmax", name="kind")(x), name="resnet_8")


def mobilenet(keras: ModuleType | None = None) -> Any:
    """Visual wake words: 96 x 96 pixels in colour to person or none, by MobileNetV1 of width 0.25."""
    k = keras or _keras_2()
    entrance = k.layers.Input((96, 96, 3), name="pixels")
    x = _norm_relu(k, k.layers.Conv2D(8, 3, strides=2, padding="same")(entrance))
    for filters, stride in MOBILENET:
        x = _separable(k, x, filters, stride)
    x = k.layers.Flatten()(k.layers.AveragePooling2D(3)(x))
    return k.Model(entrance, k.layers.Dense(2, activation="softmax", name="person")(x), name="mobilenet")


def autoencoder(keras: ModuleType | None = None) -> Any:
    """Anomaly detection: five frames of 128 mel bands to themselves, through 8 values."""
    k = keras or _keras_2()
    x = entrance = k.layers.Input((640,), name="frames")
    for units in (*[128] * 4, 8, *[128] * 4):
        x = _norm_relu(k, k.layers.Dense(units)(x))
    return k.Model(entrance, k.layers.Dense(640, name="reconstruction")(x), name="autoencoder")


def _separable(k: ModuleType, x: Any, filters: int, stride: int = 1) -> Any:
    x = _norm_relu(k, k.layers.DepthwiseConv2D(3, strides=stride, padding="same")(x))
    return _norm_relu(k, k.layers.Conv2D(filters, 1, padding="same")(x))


def _norm_relu(k: ModuleType, x: Any) -> Any:
    return k.layers.ReLU()(k.layers.BatchNormalization()(x))


def _keras_2() -> ModuleType:
    import tf_keras  # noqa: PLC0415 - so that reading the data needs no TensorFlow

    return tf_keras
