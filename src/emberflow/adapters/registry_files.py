"""The bytes of a version: its .tflite, its bundle and its run's record, fetched from MLflow and checked. Refuses what was altered."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import Field, ValidationError

from emberflow.adapters.registry import Registry
from emberflow.artifact import digest_file
from emberflow.bundle import Manifest, verify_files
from emberflow.errors import BundleError, EmberflowError, ModelError, RegistryError
from emberflow.record import Record
from emberflow.standardization import Standardization
from emberflow.values import Value
from emberflow.version import Version

_AGAIN = "run the project again, which registers a version anew"


class Fetched(Value):
    """A version's model on this machine, and what its firmware does around it."""

    model: Path
    standardization: Standardization | None
    labels: tuple[str, ...]
    target: Standardization | None = Field(default=None, description="of a regression's values, which the model gives standardized")
    thresholds: tuple[float, ...] = Field(default=(), description="that its firmware decides by")


def fetch_model(registry: Registry, version: Version, folder: Path) -> Fetched:
    """The .tflite of `version`, below `folder`.

    Raises: RegistryError: it is gone, or its SHA-256 isn't that of the version. TrackingError, ProjectError: as Registry.
    """
    from mlflow.models import Model  # noqa: PLC0415  # takes 3 s to import

    from emberflow.adapters import mlflow_tflite  # noqa: PLC0415  # as above

    with _telling(registry, version, "model"):
        place = _download(registry, folder, model_id=version.model_id)
        file = place / mlflow_tflite.DATA
        _check(registry, version, digest_file(file))
        model, described = mlflow_tflite.load_model(str(place)), Model.load(str(place))
        told = described.metadata or {}
    return Fetched(
        model=file,
        standardization=model.standardization,
        labels=tuple(map(str, told.get("labels", ()))),
        target=model.target,
        thresholds=tuple(map(float, told.get("thresholds", ()))),
    )


def fetch_bundle(registry: Registry, version: Version, folder: Path) -> tuple[Path, Manifest]:
    """The bundle of `version`, below `folder`, every file of it verified.

    Raises: RegistryError: it is gone, is not what its manifest says, or is another model's. TrackingError, ProjectError: as Registry.
    """
    with _telling(registry, version, "bundle"):
        place = _download(registry, folder, run_id=version.mlflow_run, artifact_path="bundle")
        manifest = verify_files(place)
        _check(registry, version, manifest.model.sha256)
    return place, manifest


def fetch_record(registry: Registry, version: Version) -> Record:
    """The record of the run that made `version`. Raises: RegistryError: it is gone, or of another Emberflow. Others as Registry."""
    with _telling(registry, version, "record"), TemporaryDirectory(prefix="emberflow-") as folder:
        place = _download(registry, Path(folder), run_id=version.mlflow_run, artifact_path="record.json")
        return Record.model_validate_json(place.read_bytes())


@contextmanager
def _telling(registry: Registry, version: Version, what: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  # takes 3 s to import

    from emberflow.adapters.tracking_client import answering  # noqa: PLC0415  # as above

    place = f"the {what} of version {version.number} of '{registry.project}'"
    with answering(registry.tracker.uri):
        try:
            yield
        except (BundleError, ModelError, ValidationError) as error:
            raise RegistryError(f"{place} is not what was registered: {_line(error)}; {_AGAIN}") from error
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE") and not isinstance(error.__cause__, OSError):
                raise
            raise RegistryError(f"{place} is gone from MLflow's artifacts: {_line(error)}; {_AGAIN}") from error
        except FileNotFoundError as error:
            raise RegistryError(f"{place} is gone from MLflow's artifacts: {_line(error)}; {_AGAIN}") from error


def _download(registry: Registry, folder: Path, model_id: str = "", run_id: str | None = None, artifact_path: str | None = None) -> Path:
    from mlflow.artifacts import download_artifacts  # noqa: PLC0415  # takes 3 s to import

    from emberflow.adapters.tracking_client import connect  # noqa: PLC0415  # as above

    uri = registry.tracker.uri
    place = connect(uri).mlflow.get_logged_model(model_id).artifact_location if model_id else None
    found = download_artifacts(artifact_uri=place, run_id=run_id, artifact_path=artifact_path, dst_path=str(folder), tracking_uri=uri)
    return Path(found)


def _check(registry: Registry, version: Version, found: str) -> None:
    if found != version.origin.model:
        raise RegistryError(
            f"the bytes of version {version.number} of '{registry.project}' were altered: received SHA-256 {found}; expected {version.origin.model}:"
            f" put the file back, or {_AGAIN}"
        )


def _line(error: Exception | EmberflowError) -> str:
    return " ".join(str(error).split())
