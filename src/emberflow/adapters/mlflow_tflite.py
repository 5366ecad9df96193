"""A .tflite as an MLflow model: saved, logged, loaded, served, with the very bytes that ship. Knows MLflow's format; judges no model.

    info = mlflow_tflite.log_model(Path("watch.tflite"), "watch", standardization=scale)
    mlflow.pyfunc.load_model(info.model_uri).predict(windows)        # float32 in, float32 out
    mlflow_tflite.load_model(info.model_uri).predict_codes(codes)    # what the chip is given, and what it gives

Nothing is pickled: a model is a folder with the .tflite, MLmodel (how to load it) and the lists of packages.
"""

import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import yaml
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.models.utils import _save_example
from mlflow.tracking.artifact_utils import _download_artifact_from_uri
from mlflow.types import Schema, TensorSpec
from mlflow.utils.environment import _mlflow_conda_env, _PythonEnv

from emberflow import __version__
from emberflow.errors import DataError, GraphError, ModelError
from emberflow.evaluate import litert
from emberflow.evaluate.borders import Border, dequantize
from emberflow.standardization import Standardization
from emberflow.values import AnyArray, FloatArray

FLAVOR_NAME = "tflite"
DATA = "model.tflite"
_LISTS = {"conda": "conda.yaml", "python": "python_env.yaml", "requirements": "requirements.txt"}


class TfliteModel:
    """A .tflite under LiteRT, one sample after the other, as the device computes them; an LSTM's state doesn't live on between samples.

    Args:
        model: the bytes of a .tflite with one input and one output, whose batch is 1.
        standardization: applied to samples first, as the firmware does; None when the model takes them as they are.
        raw: `predict` takes and gives integer codes.
        target: of a regression that gives standardized values, undone after it, as the firmware does.
    Raises: GraphError: LiteRT refuses the model, or it has several inputs or outputs.
    """

    def __init__(
        self, model: bytes, standardization: Standardization | None = None, raw: bool = False, target: Standardization | None = None
    ) -> None:
        self.bytes = model
        self.standardization = standardization
        self.raw = raw
        self.target = target
        self.borders = litert.read_borders(model)
        if raw and not (self.borders.input.is_integer and self.borders.output.is_integer):
            raise GraphError(
                f"received raw=True for a model that takes {self.borders.input.dtype} and gives {self.borders.output.dtype};"
                " expected integers on both sides: leave raw out, or convert the model as int8"
            )

    def predict(self, x: AnyArray) -> AnyArray:
        """Outputs for samples `x`, shape (n, *input_shape): float32 for float, or codes for codes where the model was saved as raw.

        Raises: DataError: samples of another shape, or no samples.
        """
        return self.predict_codes(np.asarray(x)) if self.raw else self.predict_floats(np.asarray(x, np.float32))

    def predict_floats(self, x: FloatArray) -> FloatArray:
        """As `predict`: standardized, quantized, computed, and dequantized; shape (n, *output_shape), float32."""
        samples = self.standardization.apply(x) if self.standardization else x
        outputs = dequantize(litert.run(self.bytes, samples), self.borders.output)
        return self.target.undo(outputs) if self.target else outputs

    def predict_codes(self, codes: AnyArray) -> AnyArray:
        """What the chip gives for what the chip is given: integers in and out, in the model's own types.

        Raises: DataError: codes of another type or shape, or none.
        """
        border = self.borders.input
        if codes.dtype != border.dtype or codes.shape[1:] != border.shape[1:] or not len(codes):
            raise DataError(
                f"received codes of shape {codes.shape}, {codes.dtype}; expected (n, {', '.join(map(str, border.shape[1:]))}), {border.dtype}, n >= 1"
            )
        return litert.run_codes(self.bytes, codes)


class _Served:
    """What MLflow calls: a TfliteModel behind its `predict(data, params)`."""

    def __init__(self, model: TfliteModel) -> None:
        self._model = model

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> AnyArray:
        """Outputs, shape (n, *output_shape)."""
        return self._model.predict(np.asarray(data))


def save_model(  # noqa: PLR0913 - the parameters that every flavor of MLflow has
    tflite_model: bytes | Path,
    path: str | Path,
    mlflow_model: Model | None = None,
    *,
    standardization: Standardization | None = None,
    raw: bool = False,
    target: Standardization | None = None,
    input_example: AnyArray | None = None,
    metadata: dict[str, Any] | None = None,
) -> None:
    """Write the folder `path`, an MLflow model.

    Args:
        tflite_model: the bytes of a .tflite, or its path.
        standardization: kept with the model and applied before it, so that it takes what the sensor gives.
        raw: served with integer codes in and out, without standardization and without scales.
        target: kept with the model and undone after it, so that it gives values in their unit.
        input_example: some samples, shape (n, *input_shape), as `predict` takes them.
        metadata: kept in MLmodel.
    Raises: GraphError: LiteRT refuses the model. ModelError: the folder is there, the file isn't, or raw together with a standardization.
    """
    model, folder = _bytes_of(tflite_model), Path(path)
    if raw and standardization:
        raise ModelError("received raw=True and a standardization; expected one of them: codes are of samples that were standardized already")
    loaded = TfliteModel(model, standardization, raw, target)
    if folder.exists() and any(folder.iterdir()):
        raise ModelError(f"received the folder '{folder}', which isn't empty; expected a new one")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DATA).write_bytes(model)
    described = mlflow_model or Model()
    described.signature = described.signature or signature_of(loaded)
    described.metadata = {**(described.metadata or {}), **(metadata or {})} or None
    if input_example is not None:
        _save_example(described, input_example, str(folder))
    _describe(described, loaded)
    _list_packages(folder)
    described.save(str(folder / "MLmodel"))


def log_model(tflite_model: bytes | Path, name: str, **keywords: Any) -> ModelInfo:
    """Log a .tflite as the model `name` of the active run; keywords as those of `save_model` and of `mlflow.models.Model.log`.

    Raises: as `save_model`.
    """
    info: ModelInfo = Model.log(
        artifact_path=None, name=name, flavor=sys.modules[__name__], model_type=FLAVOR_NAME, tflite_model=tflite_model, **keywords
    )
    return info


def load_model(model_uri: str, dst_path: str | None = None) -> TfliteModel:
    """The model at an MLflow address: `models:/watch@champion`, `runs:/<id>/<name>`, or a folder.

    Raises: ModelError: no such model, or one of another flavor. GraphError: its .tflite can't be read.
    """
    try:
        folder = Path(_download_artifact_from_uri(artifact_uri=model_uri, output_path=dst_path))
        described = Model.load(str(folder))
    except (MlflowException, OSError, yaml.YAMLError) as error:
        raise ModelError(f"'{model_uri}' can't be read as an MLflow model: {' '.join(str(error).split())}; name a model that MLflow lists") from error
    if FLAVOR_NAME not in described.flavors:
        raise ModelError(f"'{model_uri}' has the flavors {', '.join(described.flavors)}; expected {FLAVOR_NAME}: load it with mlflow.pyfunc")
    return _load(folder, described)


def _load_pyfunc(path: str) -> _Served:
    """What `mlflow.pyfunc` calls, with the path of the .tflite."""
    folder = Path(path).parent
    return _Served(_load(folder, Model.load(str(folder))))


def signature_of(model: TfliteModel) -> ModelSignature:
    """Shapes and types at both borders, any number of samples: float32, or the codes' types where the model is raw."""
    return ModelSignature(_schema(model.borders.input, model.raw), _schema(model.borders.output, model.raw))


def get_default_pip_requirements() -> list[str]:
    """What an environment needs to serve such a model."""
    return [f"{name}=={version(name)}" for name in ("ai-edge-litert", "mlflow", "numpy")] + [f"emberflow=={__version__}"]


def _bytes_of(model: bytes | Path) -> bytes:
    if isinstance(model, bytes):
        return model
    try:
        return Path(model).read_bytes()
    except OSError as error:
        raise ModelError(f"received '{model}', which can't be read: {error.strerror}; expected the path of a .tflite, or its bytes") from error


def _describe(described: Model, model: TfliteModel) -> None:
    environment = {"conda_env": _LISTS["conda"], "python_env": _LISTS["python"]}
    mlflow.pyfunc.add_to_model(described, loader_module=__name__, data=DATA, **environment)
    scale = model.standardization.model_dump(mode="json") if model.standardization else None
    borders, target = model.borders.model_dump(mode="json"), model.target.model_dump(mode="json") if model.target else None
    described.add_flavor(FLAVOR_NAME, data=DATA, raw=model.raw, standardization=scale, target=target, runtime="ai-edge-litert", **borders)


def _load(folder: Path, described: Model) -> TfliteModel:
    told = described.flavors[FLAVOR_NAME]
    scales = [Standardization.model_validate(told[key]) if told.get(key) else None for key in ("standardization", "target")]
    return TfliteModel((folder / told["data"]).read_bytes(), scales[0], bool(told.get("raw")), scales[1])


def _schema(border: Border, raw: bool) -> Schema:
    return Schema([TensorSpec(np.dtype(border.dtype if raw else np.float32), (-1, *border.shape[1:]))])


def _list_packages(folder: Path) -> None:
    needed = get_default_pip_requirements()
    (folder / _LISTS["requirements"]).write_text("\n".join(needed) + "\n", encoding="utf-8")
    environment = _mlflow_conda_env(additional_pip_deps=needed, install_mlflow=False)  # type: ignore[no-untyped-call]  # MLflow types no part of it
    (folder / _LISTS["conda"]).write_text(yaml.safe_dump(environment, sort_keys=False), encoding="utf-8")
    _PythonEnv.current().to_yaml(str(folder / _LISTS["python"]))  # type: ignore[no-untyped-call]  # as above
