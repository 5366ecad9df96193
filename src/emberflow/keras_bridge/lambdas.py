"""Names that the code of a Lambda layer of Keras 3 uses: its file has the code without them. Knows the usual ones; decides nothing of trust."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import numpy as np

from emberflow.keras_bridge.which import keras_3

GIVEN: ContextVar[Mapping[str, Any]] = ContextVar("GIVEN", default={})  # noqa: B039 - nobody changes it in place
"""What the user gives for a model of Keras 3, by name. The registry of Keras 3 holds more: whatever a module registered that this process happened to import."""


@contextmanager
def with_names() -> Iterator[None]:
    """Let Keras 3 give code that it reads the names of the packages that models are written with, and of the user's own functions and classes.

    It looks for them in the file that reads the code, where there are none: `lambda x: tf.abs(x)` is saved, and can't be called once it is read.
    """
    from keras.src.utils import python_utils  # noqa: PLC0415 - Keras is imported by now

    before: Callable[..., Any] = python_utils.func_load
    python_utils.func_load = partial(before, globs=_names())
    try:
        yield
    finally:
        python_utils.func_load = before


def _names() -> dict[str, Any]:
    import tensorflow as tf  # noqa: PLC0415 - the bridge is imported without it

    keras = keras_3()
    usual = {
        "keras": keras,
        "layers": keras.layers,
        "ops": keras.ops,
        "K": keras.ops,
        "tf": tf,
        "tensorflow": tf,
        "np": np,
        "numpy": np,
        "math": math,
    }
    return {"__builtins__": __builtins__, **usual, **{name.rpartition(">")[2]: thing for name, thing in GIVEN.get().items()}}
