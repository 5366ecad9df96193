"""Which Keras: TFMOT takes Keras 2 (tf_keras), so everything becomes that. Decides nothing else."""

import os
import re
from types import ModuleType
from typing import Any

Layer = Any  # neither Keras ships types
Model = Any
Tensor = Any


def keras() -> ModuleType:
    """The `tf_keras` module. The first call in a process imports TensorFlow, which takes seconds."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    import tf_keras  # noqa: PLC0415 - TensorFlow must see the variable first

    return tf_keras  # type: ignore[no-any-return]


def keras_3() -> ModuleType:
    """The `keras` module, of version 3; for reading models of it and for nothing else."""
    keras()
    import keras as newer  # noqa: PLC0415 - as heavy as the other one

    return newer  # type: ignore[no-any-return]


def is_keras_2(model: object) -> bool:
    """Whether `model` is a tf_keras model."""
    return isinstance(model, keras().Model)


def is_keras_3(model: object) -> bool:
    """Whether `model` is a model of Keras 3, found without importing it."""
    return any(base.__module__.startswith("keras.") and base.__name__ == "Model" for base in type(model).__mro__)


def as_tensor(value: Any) -> Tensor:
    """An array as TensorFlow's tensor, which the layers of both Keras take."""
    import tensorflow as tf  # noqa: PLC0415 - the bridge is imported without it

    return tf.convert_to_tensor(value)


def short(error: Exception) -> str:
    """What a library said, on one line of three hundred letters at most."""
    text = " ".join(re.sub(r"\x1b\[\d*m", "", str(error)).split())  # Keras 3 writes in bold
    return text if len(text) <= 300 else f"{text[:300]}..."
