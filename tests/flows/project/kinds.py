"""A project of every kind that takes seconds: 16 numbers a sample, of which a level, a slope and a wave are to be found."""

import numpy as np

from emberflow.dataset import Dataset, Samples

PARTS = {"train": (1, 256), "validation": (2, 96), "test": (3, 128)}


def parts(truth):
    """Samples made of a level, a slope and a wave, each there or not; `truth` says what is to be found in them."""
    made = {}
    for name, (seed, count) in PARTS.items():
        random = np.random.default_rng(seed)
        what = random.random((count, 3)) < 0.5
        size = random.uniform(0.5, 1.5, (count, 3))
        place = np.linspace(-1, 1, 16)
        shapes = np.stack([np.ones(16), place, np.sin(6 * place)])
        x = (what * size) @ shapes + random.normal(0, 0.2, (count, 16))
        made[name] = Samples(x.astype(np.float32), truth(what, size))
    return made


def load_binary():
    """Rather more of the first label."""
    return Dataset(**parts(lambda what, size: (what[:, 0] & what[:, 1]).astype(np.int64)), labels=("plain", "both"))


def load_multi_label():
    return Dataset(**parts(lambda what, size: what.astype(np.uint8)), labels=("level", "slope", "wave"))


def load_regression():
    """How high the level is, in a unit far from one."""
    return Dataset(**parts(lambda what, size: 20 + 300 * (what * size)[:, 0]), labels=("height",), target_unit="mm")


def load_anomaly():
    """A wave is what isn't normal; training and validation know none."""
    made = parts(lambda what, size: what[:, 2].astype(np.int64))
    normal = {name: Samples(made[name].x[made[name].y == 0]) for name in ("train", "validation")}
    return Dataset(**made | normal)


def network(outputs, activation):
    from tf_keras import Sequential, layers

    return Sequential([layers.Input((16,)), layers.Dense(24, activation="relu"), layers.Dense(outputs, activation=activation)])


def build_binary():
    return network(1, "sigmoid")


def build_multi_label():
    return network(3, "sigmoid")


def build_regression():
    return network(1, None)


def build_anomaly():
    from tf_keras import Sequential, layers

    return Sequential([layers.Input((16,)), layers.Dense(24, activation="relu"), layers.Dense(4), layers.Dense(16)])


def worst_tenth(truth, predictions):
    """The mean of the largest tenth of the errors."""
    errors = np.sort(np.abs(truth - predictions))
    return errors[-len(errors) // 10 :].mean()
