"""Model files. Knows how either Keras writes and reads them, once they were checked; refuses to know what a model computes."""

import json
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from emberflow.errors import ModelError
from emberflow.keras_bridge.guest import guests
from emberflow.keras_bridge.lambdas import with_names
from emberflow.keras_bridge.own import check_version, registered
from emberflow.keras_bridge.rebuild import to_keras_2
from emberflow.keras_bridge.weigh import weigh
from emberflow.keras_bridge.which import Model, keras, keras_3, short
from emberflow.keras_file import Checked, Form, Own, checked, with_named_functions
from emberflow.trust import NOBODY, Trust
from emberflow.values import Report

_EXTENSIONS = {Form.ZIP: (".keras",), Form.HDF5: (".h5", ".hdf5")}


def save(model: Model, path: Path) -> None:
    """Write a tf_keras model as HDF5, without its optimizer.

    Not in the newer `.keras` form: TFMOT's quantization wrappers create their variables while loading, and that form can't match them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")
        model.save(path, include_optimizer=False, save_format="h5")
    _name_functions(path)


def _name_functions(path: Path) -> None:
    """Let tf_keras read what it wrote: an activation that is a function of the user's."""
    import h5py  # noqa: PLC0415 - Keras has imported it by now

    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        if (named := with_named_functions(config)) != config:
            file.attrs["model_config"] = json.dumps(named)


def load_own(path: Path) -> Model:
    """Read what `save` wrote, in this run or an earlier one. Never a file from elsewhere: nothing of it is checked, and code in it runs."""
    guests()
    try:
        return keras().models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise ModelError(f"'{path.name}' of the artifact store can't be read: {short(error)}") from error


def load(path: Path, trust: Trust = NOBODY, report: Report = lambda _: None) -> Model:
    """Read a `.keras` or `.h5` file of either Keras, from anywhere, as a tf_keras model, not compiled.

    Nothing of the file runs before it was checked; it is read as what it is, and `report` is told where that isn't what its name says.

    Args:
        trust: what of the file may run on this machine, and what its own classes are made of: the user's code, whatever module the file names.
    Raises: ModelError: no such file, one that isn't a whole Keras model, or one that holds more than layers and numbers.
        ProjectError: the user's classes.
    """
    objects = trust.own.objects() if trust.own else {}
    with checked(path, trust.runs_code, Own(frozenset(objects))) as file:
        if path.suffix.lower() not in _EXTENSIONS[file.form]:
            report(f"'{path.name}' is {file.form}, and is read as one")
        try:
            if not trust.runs_code:  # code that may do anything may allocate anything
                weigh(file)
            check_version({name: objects[name] for name in file.own}, file.version)
            with registered(objects, file.version):
                model = _loaded(file, trust.runs_code)
                _check_finite(model)
                return to_keras_2(model)
        except ModelError as error:
            raise ModelError(f"'{path.name}': {error}") from error


def _loaded(file: Checked, trust_code: bool) -> Model:
    reader: Any = keras_3().saving if file.version == 3 else keras().models
    try:
        with with_names() if file.version == 3 and trust_code else nullcontext():
            return reader.load_model(file.path, compile=False, safe_mode=not trust_code)
    except Exception as error:
        whose = f"; or mend your own {', '.join(sorted(file.own))}" if file.own else ""
        raise ModelError(f"Keras {file.version} can't read it: {short(error)}; save the model again{whose}") from error


def _check_finite(model: Model) -> None:
    for weight in model.weights:
        values = np.asarray(weight)
        if values.dtype.kind == "f" and (wrong := int(values.size - np.isfinite(values).sum())):
            name = getattr(weight, "path", weight.name).split(":")[0]
            raise ModelError(
                f"{wrong:,} of {values.size:,} values of the weights '{name}' are NaN or infinite; bring the model from before it diverged"
            )
