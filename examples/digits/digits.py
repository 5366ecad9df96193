"""The digits example: 1,797 handwritten digits of 8 x 8 pixels, each the count of ink in 4 x 4 bits of a scan, 0 to 16.

They are the test part of E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits" (UCI Machine Learning Repository, 1998, CC BY 4.0), which
scikit-learn ships. It was written by 13 people, but the file doesn't say who wrote what, so the parts can't be split by writer. They are runs
of the file instead of a random draw, because neighbours in it may be of one hand; the figures may be a little too good all the same.
"""

import numpy as np
from sklearn.datasets import load_digits

from emberflow.dataset import Dataset, Samples, Sampling

PARTS = {"train": slice(0, 1197), "validation": slice(1197, 1397), "test": slice(1397, 1797)}


def load() -> Dataset:
    """Images of shape (8, 8, 1) in three runs of the file."""
    found = load_digits()
    x, y = found.images[..., np.newaxis].astype(np.float32), found.target  # (1797, 8, 8, 1)
    parts = {name: Samples(x[part], y[part]) for name, part in PARTS.items()}
    return Dataset(**parts, labels=tuple(map(str, found.target_names)), sampling=Sampling(channels=("ink",), unit="sixteenths of a cell"))


def build():
    """Two convolutions and a dense layer: 5,810 parameters, 0.14 million multiply-accumulates an image."""
    from tf_keras import Sequential, layers  # noqa: PLC0415 - so that reading the data needs no TensorFlow

    return Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(24, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )
