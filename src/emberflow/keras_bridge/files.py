"""Model files. Knows how either Keras writes and reads them, once they were checked; refuses to know what a model computes."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from emberflow.errors import ModelError
from emberflow.keras_bridge.rebuild import to_keras_2
from emberflow.keras_bridge.weigh import weigh
from emberflow.keras_bridge.which import Model, keras, keras_3, short
from emberflow.keras_file import Checked, Form, checked
from emberflow.values import Report

_EXTENSIONS = {Form.ZIP: (".keras",), Form.HDF5: (".h5", ".hdf5")}


def save(model: Model, path: Path) -> None:
    """Write a tf_keras model as HDF5, without its optimizer.

    Not in the newer `.keras` form: TFMOT's quantization wrappers create their variables while loading, and that form can't match them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")
        model.save(path, include_optimizer=False, save_format="h5")


def load_own(path: Path) -> Model:
    """Read what `save` wrote, in this run or an earlier one. Never a file from elsewhere: nothing of it is checked, and code in it runs."""
    try:
        return keras().models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise ModelError(f"'{path.name}' of the artifact store can't be read: {short(error)}") from error


def load(path: Path, trust_code: bool = False, report: Report = lambda _: None) -> Model:
    """Read a `.keras` or `.h5` file of either Keras, from anywhere, as a tf_keras model, not compiled.

    Nothing of the file runs before it was checked; it is read as what it is, and `report` is told where that isn't what its name says.

    Args:
        trust_code: let code in the file run on this machine: that of Lambda layers.
    Raises: ModelError: no such file, one that isn't a whole Keras model, or one that holds more than layers and numbers.
    """
    with checked(path, trust_code) as file:
        if path.suffix.lower() not in _EXTENSIONS[file.form]:
            report(f"'{path.name}' is {file.form}, and is read as one")
        try:
            if not trust_code:  # code that may do anything may allocate anything
                weigh(file)
            model = _loaded(file, trust_code)
            _check_finite(model)
            return to_keras_2(model)
        except ModelError as error:
            raise ModelError(f"'{path.name}': {error}") from error


def _loaded(file: Checked, trust_code: bool) -> Model:
    reader: Any = keras_3().saving if file.version == 3 else keras().models
    try:
        return reader.load_model(file.path, compile=False, safe_mode=not trust_code)
    except Exception as error:
        raise ModelError(f"Keras {file.version} can't read it: {short(error)}; save the model again") from error


def _check_finite(model: Model) -> None:
    for weight in model.weights:
        values = np.asarray(weight)
        if values.dtype.kind == "f" and (wrong := int(values.size - np.isfinite(values).sum())):
            name = getattr(weight, "path", weight.name).split(":")[0]
            raise ModelError(
                f"{wrong:,} of {values.size:,} values of the weights '{name}' are NaN or infinite; bring the model from before it diverged"
            )
