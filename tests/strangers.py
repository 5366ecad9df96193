"""Keras files with classes of somebody's own, and a module of the user's that has them. Importing that module leaves a file named `imported` behind."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

MODULE = """
from pathlib import Path

import {keras} as keras

Path(__file__).with_name("imported").touch()


class Scale(keras.layers.Layer):
    def __init__(self, by=2.0, **more):
        super().__init__(**more)
        self.by = by

    def build(self, shape):
        self.gain = self.add_weight(name="gain", shape=(shape[-1],), initializer="ones")
        super().build(shape)

    def call(self, x):
        return x * self.by * self.gain

    def get_config(self):
        return {{**super().get_config(), "by": self.by}}


@keras.saving.register_keras_serializable("mine")
class Shift(Scale):
    def call(self, x):
        return x + self.by


def halve(x):
    return x * 0.5


OBJECTS = {{"Scale": Scale, "mine>Shift": Shift, "halve": halve}}


def objects():
    return OBJECTS
"""


def write_module(folder: Path, name: str, keras: str = "tf_keras") -> Path:
    """`name`.py with layers of that Keras, in `folder`. Returns: the trace that importing it leaves."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(MODULE.format(keras=keras))
    return folder / "imported"


def load_module(folder: Path, name: str) -> ModuleType:
    """The module `name` of `folder`; what is made of its classes names it, but nothing finds it there."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    del sys.modules[name]
    return module


def write_model(path: Path, keras: Any, module: Any, shape: tuple[int, ...] = (12, 4), ends: int = 2) -> Any:
    """A model with both layers of `module` and its function as an activation, at `path`. Returns: the model."""
    layers = keras.layers
    x = source = keras.Input(shape)
    for layer in (
        layers.Conv1D(4, 3, activation=module.halve, name="conv"),
        module.Scale(3.0, name="scale"),
        module.Shift(0.5, name="shift"),
        layers.Flatten(name="flat"),
        layers.Dense(ends, "softmax", name="decide"),
    ):
        x = layer(x)
    model = keras.Model(source, x)
    model.save(path)
    return model
