"""A project that takes seconds: three kinds of waves, told apart by a network of some hundred parameters."""

import numpy as np

from emberflow.dataset import Dataset, Samples, Sampling


def samples(seed, count):
    random = np.random.default_rng(seed)
    y = np.arange(count) % 3
    time = np.linspace(0, 1, 32)[None, :, None]
    wave = np.sin(2 * np.pi * (y[:, None, None] + 1) * time + random.uniform(0, 6, (count, 1, 1)))
    return Samples((wave * [1.0, 2.0] + random.normal(0, 0.2, (count, 32, 2))).astype(np.float32), y)


def load():
    return Dataset(samples(1, 192), samples(2, 48), samples(3, 120), ("low", "middle", "high"), sampling=Sampling(channels=("a", "b")))


def load_another_test():
    return Dataset(samples(1, 192), samples(2, 48), samples(4, 120), ("low", "middle", "high"), sampling=Sampling(channels=("a", "b")))


def load_with_gaps():
    good = load()
    good.train.x[7, 3, 1] = np.nan
    return good


def build():
    from tf_keras import Input, Model, layers

    x = signal = Input((32, 2))
    x = layers.Conv1D(64, 9, activation="relu", padding="same")(x)
    x = layers.GlobalMaxPooling1D()(x)
    return Model(signal, layers.Dense(3, activation="softmax")(x))


def build_with_normalized_input():
    """TFMOT can't train a BatchNormalization quantized that no layer before it can take in."""
    from tf_keras import Input, Model, layers

    signal = Input((32, 2))
    x = layers.BatchNormalization(name="on_its_own")(signal)
    x = layers.Flatten()(x)
    return Model(signal, layers.Dense(3, activation="softmax")(x))


def build_nothing():
    return "a model"


def build_and_fail():
    raise RuntimeError("the builder's own words")
