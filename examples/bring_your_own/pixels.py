"""Handwritten digits, 8 x 8 pixels: 1,797 of the UCI repository (E. Alpaydin and C. Kaynak, 1998), as scikit-learn ships them."""

import numpy as np

from emberflow.dataset import Dataset, Samples, Sampling

LABELS = tuple("0123456789")


def load() -> Dataset:
    """1,077 to train, 360 to watch the training by, 360 to measure on; pixels from 0 to 1, as both models were trained on."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - its import takes a second that reading this file needn't

    digits = load_digits()
    x, y = (digits.images[..., None] / 16).astype(np.float32), digits.target.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(x))
    parts = {"train": order[:1077], "validation": order[1077:1437], "test": order[1437:]}
    return Dataset(**{name: Samples(x[rows], y[rows]) for name, rows in parts.items()}, labels=LABELS, sampling=Sampling(channels=("ink",)))
