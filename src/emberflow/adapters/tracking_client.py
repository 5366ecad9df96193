"""MLflow's client in our words: opened once a process, bound to one address, its failures told apart. Refuses to know why something is logged."""

import logging
import os
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import requests
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.tracking._tracking_service.utils import _use_tracking_uri
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from emberflow.adapters.disk import no_space, telling_of_disk
from emberflow.adapters.lock import alone
from emberflow.adapters.mlflow_tflite import save_model
from emberflow.adapters.tracking_address import SQLITE, RunIds, hide_password, is_server
from emberflow.adapters.tracking_figures import Card, DataInput, Figures
from emberflow.adapters.tracking_tables import make_tables
from emberflow.errors import EmberflowError, ProjectError, TrackingError

Files = Sequence[tuple[Path, str]]

# What MLflow answers when the same call may succeed later; a server adds INTERNAL_ERROR, which there also means a lost connection.
_PASSING = frozenset(
    {"TEMPORARILY_UNAVAILABLE", "DEADLINE_EXCEEDED", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "CANCELLED", "RESOURCE_CONFLICT"}
)
_NOISY = ("mlflow.store.db.utils", "alembic.runtime.migration")
_SQLITE_FULL = "database or disk is full"  # SQLITE_FULL, https://sqlite.org/rescode.html


class Client:
    """One MLflow. Every method: TrackingError when it doesn't answer, ProjectError when it refuses."""

    def __init__(self, uri: str, mlflow: MlflowClient) -> None:
        self._uri = uri
        self._mlflow = mlflow

    @property
    def mlflow(self) -> MlflowClient:
        """MLflow's own, for calls that are made within `answering`."""
        return self._mlflow

    def find_experiment(self, name: str, location: str | None) -> str:
        """The id of the experiment called `name`, made when there is none; two processes may ask at once."""
        with answering(self._uri):
            found = self._mlflow.get_experiment_by_name(name)
            if found is None:
                return self._create_experiment(name, location)
        if found.lifecycle_stage != "active":
            raise ProjectError(
                f"experiment '{name}' is deleted; restore it with 'mlflow experiments restore -x {found.experiment_id}', or rename the project"
            )
        return str(found.experiment_id)

    def _create_experiment(self, name: str, location: str | None) -> str:
        # The kind that the UI would otherwise guess, and ask about.
        tags = {"mlflow.experimentKind": "custom_model_development"}
        try:
            return str(self._mlflow.create_experiment(name, artifact_location=location, tags=tags))
        except MlflowException as error:
            made_elsewhere = self._mlflow.get_experiment_by_name(name)
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or made_elsewhere is None:
                raise
            return str(made_elsewhere.experiment_id)

    def create_run(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> Run:
        """A new run, open."""
        with answering(self._uri):
            return self._mlflow.create_run(experiment_id, run_name=name, tags={"mlflow.source.name": "emberflow", **tags})

    def children(self, ids: RunIds, tags: Mapping[str, str]) -> Sequence[Run]:
        """The runs nested in `ids` that carry `tags`, oldest first."""
        wanted = {"mlflow.parentRunId": ids.run_id, **tags}
        condition = " and ".join(f"tags.`{key}` = '{value}'" for key, value in wanted.items())
        with answering(self._uri):
            return self._mlflow.search_runs([ids.experiment_id], condition, order_by=["attributes.start_time ASC"])

    def open_runs(self, experiment: str) -> Sequence[Run]:
        """The runs of the experiment of that name that have not ended; none where there is no such experiment."""
        with answering(self._uri):
            found = self._mlflow.get_experiment_by_name(experiment)
            return self._mlflow.search_runs([found.experiment_id], "attributes.status = 'RUNNING'") if found else ()

    def log_data(self, run_id: str, inputs: Iterable[DataInput]) -> None:
        """Name data sets as inputs of a run."""
        with answering(self._uri):
            self._mlflow.log_inputs(run_id, [_entity(each) for each in inputs])

    def find_model(self, experiment_id: str, run_id: str) -> str | None:
        """The id of the LoggedModel that the run made."""
        with answering(self._uri):
            found = self._mlflow.search_logged_models([experiment_id], f"source_run_id = '{run_id}'", max_results=1)
        return found[0].model_id if found else None

    def create_model(self, experiment_id: str, run_id: str, name: str, figures: Figures) -> str:
        """A LoggedModel as output of the run, with params and tags."""
        with answering(self._uri):
            model = self._mlflow.create_logged_model(experiment_id, name, run_id, dict(figures.tags), dict(figures.params), model_type="tflite")
            self._mlflow.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        return str(model.model_id)

    def finish_model(self, model_id: str, models: Sequence[Path], card: Card) -> None:
        """The .tflite of a LoggedModel, which is ready then: MLflow loads and serves it."""
        with answering(self._uri):
            for path in models:
                with TemporaryDirectory(prefix="emberflow-") as folder:
                    described = Model(model_id=model_id)
                    save_model(
                        path, Path(folder, "model"), described, standardization=card.standardization, target=card.target, metadata=dict(card.metadata)
                    )
                    self._mlflow.log_model_artifacts(model_id, str(Path(folder, "model")))
            self._mlflow.finalize_logged_model(model_id, "READY")

    def log(self, run_id: str, figures: Figures, model_id: str | None = None, data: DataInput | None = None) -> None:
        """Log `figures` in one call; with `model_id` and `data` the metrics are the model's too, on that data set.

        Every point is stamped with the run's start, so that logging a value again is no second point.
        """
        name, digest = (data.name, data.digest) if data else (None, None)
        with answering(self._uri):
            stamp = self._mlflow.get_run(run_id).info.start_time
            metrics = [Metric(key, value, stamp, 0, model_id, name, digest) for key, value in figures.metrics.items()]
            points = [Metric(key, value, stamp, step) for key, step, value in figures.curves]
            params = [Param(key, value) for key, value in figures.params.items()]
            tags = [RunTag(key, value) for key, value in figures.tags.items()]
            self._mlflow.log_batch(run_id, [*metrics, *points], params, tags)

    def upload(self, run_id: str, files: Files) -> None:
        """Files of a run."""
        if not files:
            return
        with answering(self._uri), _gathered(files) as folder:
            self._mlflow.log_artifacts(run_id, str(folder))

    def end(self, run_id: str, status: str) -> None:
        """Close a run."""
        with answering(self._uri):
            self._mlflow.set_terminated(run_id, status)


@cache
def connect(uri: str) -> Client:
    """The client bound to `uri`, one a process. A fresh SQLite file gets MLflow's tables here, which takes about 2 s.

    Raises: TrackingError: the data base can't be opened. ProjectError: it is of another MLflow version.
    """
    with answering(uri), ExitStack() as stack:
        stack.enter_context(_quiet())
        database = Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None
        if database:
            database.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(alone(database.with_name(f"{database.name}.lock")))  # of several processes one makes the tables
        if not is_server(uri):
            _knock(uri)
        if database:
            make_tables(database)
        client = Client(uri, MlflowClient(tracking_uri=uri, registry_uri=uri))
    logging.getLogger(_NOISY[0]).setLevel(logging.CRITICAL)  # it logs with a trace what `answering` raises in our words
    return client


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """Turns what MLflow raises into our errors; the text keeps what it said, without the password.

    Raises: TrackingError: MLflow doesn't answer, or says it can't now. ProjectError: it answers, and refuses. StoreError: no space left.
    """
    # `from None`: the chained exception would print the address, password and all, into every log.
    folder = Path(uri.removeprefix(SQLITE)).parent if uri.startswith(SQLITE) else Path(gettempdir())
    try:
        with telling_of_disk(folder):
            yield
    except (MlflowException, OperationalError, requests.RequestException) as error:
        if _SQLITE_FULL in str(error):
            raise no_space(folder) from None
        raise _in_our_words(uri, error, _may_pass(uri, error)) from None


@contextmanager
def resolving(uri: str) -> Iterator[None]:
    """Lets a data base resolve `models:/<model id>`: MLflow's SQL store asks MLflow's global address for it ("TODO: propagate tracking URI").

    The address is put back, in the environment too; one thread at a time.
    """
    if is_server(uri):
        yield
        return
    with _RESOLVING:
        before = os.environ.get("MLFLOW_TRACKING_URI")
        try:
            with _use_tracking_uri(uri):
                yield
        finally:
            if before is not None:
                os.environ["MLFLOW_TRACKING_URI"] = before


_RESOLVING = threading.Lock()


def _may_pass(uri: str, error: Exception) -> bool:
    if isinstance(error, MlflowException):
        return error.error_code in _PASSING or (is_server(uri) and error.error_code == "INTERNAL_ERROR")
    if isinstance(error, requests.HTTPError):
        return error.response is None or error.response.status_code >= 500
    return True


def _entity(data: DataInput) -> DatasetInput:
    dataset = Dataset(data.name, data.digest, source_type="emberflow", source=data.source, schema=data.tensors, profile=data.profile)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", data.part)])


def _in_our_words(uri: str, error: Exception, passing: bool) -> EmberflowError:
    shown = hide_password(uri)
    said = " ".join(str(error).replace(uri, shown).split())
    if not passing:
        return ProjectError(f"MLflow at {shown} refused: {said}. Check the address, the account and the experiment that the project names")
    todo = "start the server or check the address" if is_server(uri) else "see that the path can be written and that nobody else holds the data base"
    return TrackingError(f"MLflow at {shown} doesn't answer; {todo}, then run again: finished stages are kept. It said: {said}")


def _knock(uri: str) -> None:
    """Opens and closes the data base: MLflow itself would knock at a closed door for 100 s."""
    engine = create_engine(uri)
    try:
        engine.connect().close()
    finally:
        engine.dispose()


@contextmanager
def _quiet() -> Iterator[None]:
    """Warnings only, from the loggers that tell of every migration."""
    loggers = [logging.getLogger(name) for name in _NOISY]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@contextmanager
def _gathered(files: Files) -> Iterator[Path]:
    """Copies under their artifact names in one directory, which MLflow takes in one call."""
    with TemporaryDirectory(prefix="emberflow-") as folder:
        for source, place in files:
            goal = Path(folder, place)
            goal.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, goal)
            else:
                shutil.copyfile(source, goal)
        yield Path(folder)
