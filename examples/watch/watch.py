"""The smart-watch example: which of seven shoulder exercises is being done, from two seconds and a half of motion.

The recordings are those of D. Burns et al., "Shoulder physiotherapy exercise recognition" (2018, arXiv:1802.01489): 10 people,
3-axis accelerometer and gyroscope at 50 Hz. The package seglearn ships them as one file.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emberflow.dataset import Dataset, Samples, Sampling

WINDOW, STEP = 128, 64
PEOPLE = {"train": (1, 2, 3, 4, 5, 6, 7), "validation": (8,), "test": (9, 10)}
TILT_DEGREES, LOUDNESS = 20.0, 0.2


def load() -> Dataset:
    """Windows of 128 samples (2.56 s), every 64 samples; split by person, because neighbouring windows overlap."""
    package = Path(find_spec("seglearn").origin).parent  # found, not imported: its file is all we need
    recordings = np.load(package / "data" / "watch_dataset.npy", allow_pickle=True).item()  # a pickle, of a package that the lock pins by hash
    parts = {name: _windows(recordings, people) for name, people in PEOPLE.items()}
    sampling = Sampling(rate_hz=50, channels=tuple(recordings["X_labels"]), unit="g (accelerometer) and rad/s (gyroscope)")
    return Dataset(**parts, labels=tuple(recordings["y_labels"]), sampling=sampling)


def _windows(recordings: dict, people: tuple[int, ...]) -> Samples:
    x, y, group = [], [], []
    for signal, exercise, person in zip(recordings["X"], recordings["y"], recordings["subject"], strict=True):
        if person in people:
            starts = range(0, len(signal) - WINDOW + 1, STEP)
            x += [signal[start : start + WINDOW] for start in starts]
            y += [int(exercise)] * len(starts)
            group += [int(person)] * len(starts)
    return Samples(np.asarray(x, np.float32), np.asarray(y), np.asarray(group))


def build():
    """A small 1D convolutional network: 25,000 parameters, 0.6 million multiply-accumulates a window."""
    from tf_keras import Input, Model, layers  # noqa: PLC0415 - so that reading the data needs no TensorFlow

    window = x = Input((WINDOW, 6), name="motion")
    for filters in (32, 48, 64):
        x = layers.Conv1D(filters, 5, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling1D(2)(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(0.3)(x)
    return Model(window, layers.Dense(7, activation="softmax", name="exercise")(x), name="watch")


def augment(x: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """A watch sits a little differently on each wrist, and people move with more or less force: turn and scale each window."""
    turn = _rotations(random.normal(0, np.deg2rad(TILT_DEGREES), (len(x), 3)))
    force = 1 + random.normal(0, LOUDNESS, (len(x), 1, 1))
    acceleration, rotation = x[..., :3] @ turn, x[..., 3:] @ turn
    return (np.concatenate([acceleration, rotation], axis=-1) * force).astype(np.float32)


def _rotations(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation matrices, shape (n, 3, 3), about `vectors`, shape (n, 3), by their length in radians (Rodrigues' formula)."""
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    x, y, z = (vectors / np.maximum(angle[..., 0], 1e-12)).T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
