"""The anomaly example: a patient was shown two exercises of the shoulder; is what the smart-watch feels one of them, done as it should be?

The recordings are real, those of D. Burns et al., "Shoulder physiotherapy exercise recognition" (2018, arXiv:1802.01489): 10 people, seven exercises, 3-axis
accelerometer and gyroscope at 50 Hz, which the package seglearn ships (BSD 3-Clause). Normal are abduction (ABD) and forward elevation (FEL), both of which raise
the arm; an anomaly is any of the five others. Training sees seven people and no anomaly.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emberflow.dataset import Dataset, Samples, Sampling

WINDOW, STEP, MEAN_OF = 128, 64, 4
NORMAL = ("ABD", "FEL")
PEOPLE = {"train": (1, 2, 3, 4, 5, 6, 7), "validation": (8,), "test": (9, 10)}


def load() -> Dataset:
    """Windows of 2.56 s as 32 means of four samples; train and validation hold normal ones alone."""
    package = Path(find_spec("seglearn").origin).parent  # found, not imported: its file is all we need
    recordings = np.load(package / "data" / "watch_dataset.npy", allow_pickle=True).item()  # a pickle, of a package that the lock pins by hash
    parts = {name: _windows(recordings, people, only_normal=name != "test") for name, people in PEOPLE.items()}
    sampling = Sampling(rate_hz=50 / MEAN_OF, channels=tuple(recordings["X_labels"]), unit="g (accelerometer) and rad/s (gyroscope)")
    return Dataset(**parts, labels=("as prescribed", "another movement"), sampling=sampling)


def _windows(recordings: dict, people: tuple[int, ...], only_normal: bool) -> Samples:
    x, y, group = [], [], []
    for signal, exercise, person in zip(recordings["X"], recordings["y"], recordings["subject"], strict=True):
        is_anomaly = recordings["y_labels"][int(exercise)] not in NORMAL
        if person in people and not (is_anomaly and only_normal):
            starts = range(0, len(signal) - WINDOW + 1, STEP)
            x += [_means(signal[start : start + WINDOW]) for start in starts]
            y += [int(is_anomaly)] * len(starts)
            group += [int(person)] * len(starts)
    return Samples(np.asarray(x, np.float32), np.asarray(y), np.asarray(group))


def _means(window: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of four neighbouring samples, shape (32, 6)."""
    return window.reshape(WINDOW // MEAN_OF, MEAN_OF, -1).mean(axis=1)


def build():
    """A fully connected autoencoder with eight numbers at its waist: 26,000 parameters."""
    from tf_keras import Sequential, layers  # noqa: PLC0415 - so that reading the data needs no TensorFlow

    return Sequential(
        [
            layers.Input((32, 6)),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(8, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(32 * 6),
            layers.Reshape((32, 6)),
        ],
        name="anomaly",
    )
