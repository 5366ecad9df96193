"""Makes the two models of this example, as somebody else might have: a Keras 3 file, and a SavedModel that was never a Keras model.

    python examples/bring_your_own/make_models.py

They are written beside this file, to digits.keras and digits_model/; the two project files name them.
"""

from pathlib import Path
from typing import Any

import numpy as np
from pixels import LABELS, load


def make_keras_3(path: Path) -> None:
    """Two convolutions and a dense layer, trained by Keras 3 for a few epochs."""
    import keras  # noqa: PLC0415 - Keras 3 takes seconds

    keras.utils.set_random_seed(1)
    layers, data = keras.layers, load()
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Conv2D(16, 3, activation="relu"),
            layers.DepthwiseConv2D(3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(len(LABELS), activation="softmax", name="digit"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(data.train.x, data.train.y, batch_size=16, epochs=10, verbose=0)
    model.save(path)


def make_saved_model(path: Path) -> None:
    """A convolution and a matrix in a tf.Module, trained by plain gradient descent; its function is saved as the signature `classify`."""
    import tensorflow as tf  # noqa: PLC0415 - TensorFlow takes seconds

    random, data = np.random.default_rng(1), load()

    class Digits(tf.Module):
        """Images (n, 8, 8, 1) to probabilities (n, 10)."""

        def __init__(self) -> None:
            super().__init__()
            self.kernel = tf.Variable(random.normal(0, 0.3, (3, 3, 1, 16)).astype(np.float32))
            self.matrix = tf.Variable(random.normal(0, 0.1, (144, len(LABELS))).astype(np.float32))

        def logits(self, image: Any) -> Any:
            """What softmax takes."""
            x = tf.nn.relu(tf.nn.conv2d(image, self.kernel, 1, "VALID"))  # (n, 6, 6, 16)
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")  # (n, 3, 3, 16)
            return tf.reshape(x, (-1, 144)) @ self.matrix  # (n, 10)

        @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 1), tf.float32, name="image")])
        def classify(self, image: Any) -> dict[str, Any]:
            """The signature that is converted."""
            return {"digit": tf.nn.softmax(self.logits(image))}

        @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 1), tf.float32, name="image")])
        def score(self, image: Any) -> dict[str, Any]:
            """Another one, which a project could name instead."""
            return {"logits": self.logits(image)}

    model = Digits()
    _descend(model, data.train.x, data.train.y)
    tf.saved_model.save(model, str(path), signatures={"classify": model.classify, "score": model.score})


def _descend(model: Any, x: np.ndarray, y: np.ndarray) -> None:
    """Gradient descent with momentum, 40 times over all samples."""
    import tensorflow as tf  # noqa: PLC0415 - as above

    variables = model.trainable_variables
    speeds = [tf.Variable(tf.zeros_like(each)) for each in variables]

    @tf.function
    def step(images: Any, labels: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model.logits(images)))
        for variable, speed, slope in zip(variables, speeds, tape.gradient(loss, variables), strict=True):
            speed.assign(0.9 * speed - 0.05 * slope)
            variable.assign_add(speed)

    for _ in range(40):
        for start in range(0, len(x) - 64, 64):
            step(tf.constant(x[start : start + 64]), tf.constant(y[start : start + 64]))


if __name__ == "__main__":
    folder = Path(__file__).parent
    make_keras_3(folder / "digits.keras")
    make_saved_model(folder / "digits_model")
