"""SavedModels as users bring them, made by TensorFlow: a pure tf.Module, two signatures, Keras exports, and some that do what they shouldn't."""

from pathlib import Path
from typing import Any

import numpy as np

SAMPLE = (12,)
CLASSES = 3


def write_all(folder: Path) -> None:
    """Each of them as a directory in `folder`, under the name of the function that makes it."""
    for make in (adder, one, classifier, open_steps, pair, text, ragged, reader, writer, caller, lookup, exported, saved_by_keras):
        make(folder / make.__name__)


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    """Normally distributed, the same every time."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def samples(count: int = 64, seed: int = 5) -> np.ndarray:
    """Inputs of the classifiers."""
    return weights(count, *SAMPLE, seed=seed)


def adder(path: Path) -> None:
    """The classic: x of shape (1, 10) gives x + 4 as 'result'."""
    import tensorflow as tf

    class Adder(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 10), tf.float32)])
        def add(self, x: Any) -> Any:
            return {"result": x + 4}

    module = Adder()
    tf.saved_model.save(module, str(path), signatures={"my_signature": module.add})


def one(path: Path) -> None:
    """12 numbers to three classes, as the only signature."""
    import tensorflow as tf

    matrix = tf.constant(weights(12, CLASSES))
    _save(path, lambda x: {"y": tf.nn.softmax(x @ matrix)}, tf.TensorSpec((None, 12), tf.float32, name="x"), "only")


def classifier(path: Path) -> None:
    """12 numbers to probabilities of three classes by 'classify', and to what softmax takes by 'raw'; 1,632 weights, no Keras."""
    import tensorflow as tf

    class Classifier(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden, self.out = tf.Variable(weights(12, 128) / 3), tf.Variable(weights(128, CLASSES, seed=1) / 12)

        def _raw(self, signal: Any) -> Any:
            return tf.nn.relu(signal @ self.hidden) @ self.out

        @tf.function(input_signature=[tf.TensorSpec((None, 12), tf.float32)])
        def classify(self, signal: Any) -> Any:
            return {"scores": tf.nn.softmax(self._raw(signal))}

        @tf.function(input_signature=[tf.TensorSpec((None, 12), tf.float32)])
        def raw(self, signal: Any) -> Any:
            return {"logits": self._raw(signal)}

    module = Classifier()
    tf.saved_model.save(module, str(path), signatures={"classify": module.classify, "raw": module.raw})


def open_steps(path: Path) -> None:
    """Any number of steps of 4 channels, convolved and averaged, to three classes."""
    import tensorflow as tf

    class Steps(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel, self.out = tf.Variable(weights(5, 4, 64)), tf.Variable(weights(64, CLASSES, seed=1))

        @tf.function(input_signature=[tf.TensorSpec((None, None, 4), tf.float32)])
        def serve(self, signal: Any) -> Any:
            mean = tf.reduce_mean(tf.nn.relu(tf.nn.conv1d(signal, self.kernel, 1, "SAME")), axis=1)
            return {"scores": tf.nn.softmax(mean @ self.out)}

    module = Steps()
    tf.saved_model.save(module, str(path), signatures=module.serve)


def pair(path: Path) -> None:
    """Two inputs, two outputs."""
    import tensorflow as tf

    class Pair(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32), tf.TensorSpec((None, 4), tf.float32)])
        def both(self, left: Any, right: Any) -> Any:
            return {"sum": left + right, "difference": left - right}

    module = Pair()
    tf.saved_model.save(module, str(path), signatures=module.both)


def text(path: Path) -> None:
    """Takes strings."""
    import tensorflow as tf

    _save(path, lambda words: {"length": tf.strings.length(words)}, tf.TensorSpec((None,), tf.string, name="words"))


def ragged(path: Path) -> None:
    """Takes rows of different lengths."""
    import tensorflow as tf

    class Ragged(tf.Module):
        @tf.function(input_signature=[tf.RaggedTensorSpec((None, None), tf.float32)])
        def total(self, rows: Any) -> Any:
            return {"total": tf.reduce_sum(rows.to_tensor(), axis=1)}

    module = Ragged()
    tf.saved_model.save(module, str(path), signatures={"total": module.total})


def reader(path: Path) -> None:
    """Reads a file of the machine while it computes."""
    import tensorflow as tf

    def steal(x: Any) -> Any:
        return {"y": x + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)}

    _save(path, steal, tf.TensorSpec((None, 12), tf.float32, name="x"), "peep")


def writer(path: Path) -> None:
    """Writes one, from a function that another function calls in a branch."""
    import tensorflow as tf

    @tf.function
    def leave(x: Any) -> Any:
        with tf.control_dependencies([tf.io.write_file("/nowhere/left-behind", "text")]):
            return tf.identity(x)

    _save(path, lambda x: {"y": tf.cond(tf.reduce_sum(x) > 0, lambda: leave(x), lambda: x)}, tf.TensorSpec((None, 12), tf.float32, name="x"))


def caller(path: Path) -> None:
    """Calls back into Python."""
    import tensorflow as tf

    def call(x: Any) -> Any:
        return {"y": tf.ensure_shape(tf.numpy_function(lambda v: v, [x], tf.float32), (None, 12))}

    _save(path, call, tf.TensorSpec((None, 12), tf.float32, name="x"))


def lookup(path: Path) -> None:
    """Fills a table from a file when it is loaded, in a function of no signature."""
    import tensorflow as tf

    path.parent.mkdir(parents=True, exist_ok=True)
    words = path.with_suffix(".txt")
    words.write_text("a\nb\n")

    class Lookup(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            whole = tf.lookup.TextFileIndex
            source = tf.lookup.TextFileInitializer(str(words), tf.int64, whole.LINE_NUMBER, tf.string, whole.WHOLE_LINE)
            self.table = tf.lookup.StaticHashTable(source, "none")

        @tf.function(input_signature=[tf.TensorSpec((None, 12), tf.float32)])
        def serve(self, x: Any) -> Any:
            return {"y": x + tf.cast(self.table.size(), tf.float32)}

    module = Lookup()
    tf.saved_model.save(module, str(path), signatures=module.serve)


def exported(path: Path) -> None:
    """A Keras model, `model.export()`: 12 numbers to three classes."""
    _keras_model().export(str(path))


def saved_by_keras(path: Path) -> None:
    """A Keras 2 model, `model.save()` in TensorFlow's form, which notes its layers too."""
    _keras_model().save(str(path), save_format="tf")


def _keras_model() -> Any:
    import os

    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tf_keras as keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential([keras.Input(SAMPLE, name="signal"), layers.Dense(128, "relu"), layers.Dense(CLASSES, "softmax", name="scores")])


def _save(path: Path, function: Any, spec: Any, name: str = "serving_default") -> None:
    import tensorflow as tf

    class Holder(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.serve = tf.function(function, input_signature=[spec])

    module = Holder()
    tf.saved_model.save(module, str(path), signatures={name: module.serve})
