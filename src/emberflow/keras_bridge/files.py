"""Model files. Knows how either Keras writes and reads them; refuses to know what a model computes."""

import warnings
from pathlib import Path
from zipfile import BadZipFile

from emberflow.errors import ModelError
from emberflow.keras_bridge.rebuild import to_keras_2
from emberflow.keras_bridge.which import Model, keras, keras_3, short


def save(model: Model, path: Path) -> None:
    """Write a tf_keras model as HDF5, without its optimizer.

    Not in the newer `.keras` form: TFMOT's quantization wrappers create their variables while loading, and that form can't match them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")
        model.save(path, include_optimizer=False, save_format="h5")


def load(path: Path) -> Model:
    """Read a `.keras` or `.h5` file as a tf_keras model, not compiled.

    Raises: ModelError: no such file, or one that Keras can't read.
    """
    if not path.is_file():
        raise ModelError(f"received '{path}' as the baseline; expected a .keras or .h5 file, and there is none")
    try:
        return keras().models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError, BadZipFile) as error:
        return _load_keras_3(path, error)


def _load_keras_3(path: Path, first: Exception) -> Model:
    try:
        model = keras_3().saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError, BadZipFile) as error:
        raise ModelError(f"'{path.name}' can't be read as a Keras model: {short(first)}; nor with Keras 3: {short(error)}") from error
    return to_keras_2(model)
