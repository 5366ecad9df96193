"""A healthy model and five with one disease each, in float32 and int8; converted once a process."""

import os
from dataclasses import dataclass
from functools import cache

import numpy as np

from emberflow.convert import to_tflite
from emberflow.recipe import Format

SHAPE = (8, 8, 4)


def _keras():
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tf_keras

    return tf_keras


@dataclass(frozen=True)
class Case:
    """A model in both forms, with the data that an engineer would inspect it with."""

    quantized: bytes
    real: bytes
    x: np.ndarray


def signals(count=64, scale=(1, 1, 1, 1), seed=0):
    """Normally distributed numbers, each channel by a factor."""
    return (np.random.default_rng(seed).normal(size=(count, *SHAPE)) * scale).astype(np.float32)


def conv(filters, name, width=3, relu=True):
    return _keras().layers.Conv2D(filters, width, padding="same", activation="relu" if relu else None, name=name)


def head(x, units=6, name="decide"):
    layers = _keras().layers
    return layers.Dense(units, name=name)(layers.GlobalAveragePooling2D(name="pool")(x))


def healthy():
    """Four convolutions alike, a mean, a dense layer."""
    x = entrance = _keras().Input(SHAPE)
    for name in ("one", "two", "three", "four"):
        x = conv(8, name)(x)
    return _keras().Model(entrance, head(x))


def cancelling():
    """Two large signals that are nearly opposite meet: what is left of them is smaller than their steps."""
    entrance = _keras().Input(SHAPE)
    left, right = conv(8, "left", relu=False), conv(8, "right", relu=False)
    model = _keras().Model(entrance, head(_keras().layers.Add(name="meet")([left(entrance), right(entrance)])))
    kernel, bias = left.get_weights()
    right.set_weights([-kernel + np.random.default_rng(1).normal(0, 0.002, kernel.shape), -bias])
    return model


def spiky():
    """One number in some thousands is a hundred times as large as the others, and sets the range."""
    x = entrance = _keras().Input(SHAPE)
    spikes = conv(8, "spikes", width=1)
    model = _keras().Model(entrance, head(conv(8, "after")(spikes(x))))
    kernel = np.abs(np.random.default_rng(2).normal(0, 0.2, (1, 1, 4, 8)))
    kernel[..., 0] = [300, 0, 0, 0]
    spikes.set_weights([kernel, np.array([-300 * 3.0] + [0] * 7)])
    return model


def peaking():
    """A layer that listens to the fourth channel, which is silent while the model is calibrated."""
    x = entrance = _keras().Input(SHAPE)
    listen = conv(8, "listen", width=1)
    model = _keras().Model(entrance, head(conv(8, "before")(listen(x))))
    kernel = np.random.default_rng(3).normal(0, 0.1, (1, 1, 4, 8))
    kernel[:, :, 3] *= 30
    listen.set_weights([kernel, np.zeros(8)])
    return model


def lopsided():
    """A huge weight on a channel that is all but silent sets the steps of all others, which round to nothing."""
    entrance = _keras().Input(SHAPE)
    blunt = conv(8, "blunt")
    model = _keras().Model(entrance, head(blunt(entrance)))
    kernel, bias = blunt.get_weights()
    kernel[0, 0, 3] = 100
    blunt.set_weights([kernel, bias])
    return model


def heavy():
    """A layer that makes a large tensor, and one that holds most of the weights."""
    layers = _keras().layers
    entrance = _keras().Input(SHAPE)
    x = layers.MaxPooling2D(4, name="shrink")(conv(48, "tall")(entrance))
    x = layers.Flatten()(conv(8, "small", width=1)(x))
    return _keras().Model(entrance, layers.Dense(4, name="decide")(layers.Dense(120, activation="relu", name="wide")(x)))


BUILDERS = {"healthy": healthy, "cancelling": cancelling, "spiky": spiky, "peaking": peaking, "lopsided": lopsided, "heavy": heavy}
CALIBRATION_SCALE = {"peaking": (1, 1, 1, 0.02), "lopsided": (1, 1, 1, 1e-5)}
TRIAL_SCALE = {"lopsided": (1, 1, 1, 1e-5)}


@cache
def make(name):
    """One of BUILDERS in both forms."""
    _keras().utils.set_random_seed(4)
    model, calibration = BUILDERS[name](), signals(scale=CALIBRATION_SCALE.get(name, (1, 1, 1, 1)))
    quantized, real = (to_tflite(model, form, calibration) for form in (Format.INT8, Format.FLOAT32))
    return Case(quantized, real, signals(scale=TRIAL_SCALE.get(name, (1, 1, 1, 1))))
