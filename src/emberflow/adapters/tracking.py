"""Pipeline runs in MLflow: a parent run, in it a nested run and a LoggedModel for each variant. Refuses MLflow's global state.

A process that tracks to a server sets ENVIRONMENT first (the command line does); nothing here reads or writes the environment.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from emberflow.adapters import tracking_figures as figures
from emberflow.adapters.process_mark import ProcessMark
from emberflow.adapters.tracking_address import RunIds, check_address, comparison_page, hide_password, hide_user, is_server, run_page
from emberflow.adapters.tracking_figures import Context
from emberflow.errors import EmberflowError, ProjectError, RegistryError
from emberflow.record import Record
from emberflow.variant import Variant

if TYPE_CHECKING:
    from emberflow.adapters.tracking_client import Client, Files

ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # a server that is down costs 13 s, not 247 s
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",  # a champion is fetched in every run; the progress on the terminal is ours
}

MODEL_FOLDER = "model/"
PROCESS = "emberflow.process"  # the tag by which another run sees that the process of this one has ended
FLOW_RUN = "prefect.flow_run_id"


class Status(StrEnum):
    """How a pipeline run ended."""

    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


@dataclass(frozen=True)
class Tracker:
    """One MLflow, by address; small, frozen, picklable. Its client is made at first use, once a process.

    Args:
        uri: `http://host:5000`, or a data base such as `sqlite:////abs/path/mlflow.db`.
        artifacts: directory for the files of new experiments: needed with a data base, refused with a server, which has its own.
    Raises: ProjectError: not an address that MLflow tracks to, or `artifacts` missing or too much.
        Every method: TrackingError: MLflow doesn't answer; the same call may succeed later, and repeating it doubles nothing
        (but for `open_run`). ProjectError: MLflow answers, and refuses.
    """

    uri: str
    artifacts: Path | None = None

    def __post_init__(self) -> None:
        check_address(self.uri)
        shown = hide_password(self.uri)
        if is_server(self.uri) and self.artifacts is not None:
            raise ProjectError(f"received the directory '{self.artifacts}' for artifacts with the server {shown}; expected none: it has its own")
        if not is_server(self.uri) and (self.artifacts is None or not self.artifacts.is_absolute()):
            received = f"the directory '{self.artifacts}'" if self.artifacts else "no directory"
            raise ProjectError(
                f"received {received} for the artifacts of {shown}; expected an absolute path: MLflow would write mlruns/ into the working directory"
            )

    @classmethod
    def local(cls, folder: Path) -> "Tracker":
        """The MLflow that needs no server: a SQLite file and an artifact directory in `folder`."""
        home = folder.absolute()
        return cls(f"sqlite:///{home / 'mlflow.db'}", home / "mlflow-artifacts")

    def warm_up(self) -> None:
        """Import MLflow and open the store, which takes seconds, so that a later call need not; an error is left to that call."""
        with suppress(EmberflowError):
            _connect(self.uri)

    @property
    def _client(self) -> "Client":
        return _connect(self.uri)

    def open_run(self, experiment: str, run_name: str, tags: Mapping[str, str]) -> RunIds:
        """Start the parent run of a pipeline run; the experiment is made when there is none."""
        experiment_id = self._client.find_experiment(experiment, self.artifacts.as_uri() if self.artifacts else None)
        run = self._client.create_run(experiment_id, run_name, {PROCESS: str(ProcessMark.of_this()), **tags})
        return RunIds(experiment_id=experiment_id, run_id=run.info.run_id)

    def end_lost_runs(self, experiment: str) -> tuple[str, ...]:
        """Mark every run of `experiment` as killed that is open and whose process, one of this machine, has ended. Their ids of Prefect's."""
        lost = [run for run in self._client.open_runs(experiment) if (mark := ProcessMark.parse(run.data.tags.get(PROCESS, ""))) and mark.has_ended()]
        for run in lost:
            self.finish(RunIds(experiment_id=run.info.experiment_id, run_id=run.info.run_id), Status.KILLED)
        return tuple(run.data.tags[FLOW_RUN] for run in lost if FLOW_RUN in run.data.tags)

    def log_data(self, ids: RunIds, context: Context) -> None:
        """Name the training and the test part as inputs of the run, with shapes, counts and labels."""
        self._client.log_data(ids.run_id, [figures.data_input(part, context) for part in ("train", "test")])

    def log_variant(self, ids: RunIds, context: Context, variant: Variant, files: "Files") -> str:
        """Log `variant` as the nested run of `ids` for its recipe, made when there is none. Its run id.

        Args:
            files: (local file or directory, its path among the artifacts). The .tflite, which goes under `model/`, becomes the LoggedModel,
                of the flavor tflite, so that MLflow loads and serves it; the rest (plots) is kept with the run.
        """
        data = figures.data_input("test", context)
        run_id, model_id = self._find_child(ids, context, variant)
        self._client.log_data(run_id, [data])
        self._client.log(run_id, figures.of_variant(variant, context), model_id, data)
        self._client.finish_model(model_id, [path for path, place in files if place.startswith(MODEL_FOLDER)], figures.card(variant, context))
        self._client.upload(run_id, [(path, place) for path, place in files if not place.startswith(MODEL_FOLDER)])
        self._client.end(run_id, Status.FINISHED)
        return run_id

    def _find_child(self, ids: RunIds, context: Context, variant: Variant) -> tuple[str, str]:
        """Ids of the nested run and its LoggedModel, of an earlier attempt or made now."""
        found = self._client.children(ids, {"emberflow.recipe": variant.recipe})
        if found:
            run_id = found[0].info.run_id
            model_id = self._client.find_model(ids.experiment_id, run_id)
        else:
            tags = {"mlflow.parentRunId": ids.run_id, "emberflow.recipe": variant.recipe, "champion": "false"}
            run_id, model_id = self._client.create_run(ids.experiment_id, variant.recipe, tags).info.run_id, None
        described = figures.of_model(variant, context)
        return run_id, model_id or self._client.create_model(ids.experiment_id, run_id, variant.recipe, described)

    def find_model(self, ids: RunIds, recipe: str) -> str:
        """The id of the LoggedModel of a variant that was logged. Raises: RegistryError: none was, or somebody deleted it."""
        for child in self._client.children(ids, {"emberflow.recipe": recipe}):
            if model_id := self._client.find_model(ids.experiment_id, child.info.run_id):
                return model_id
        raise RegistryError(f"the run {ids.run_id} in MLflow has no model of the recipe '{recipe}'; log the variant before it is registered")

    def log_outcome(self, ids: RunIds, record: Record, files: "Files" = ()) -> None:
        """Tell the parent the champion's figures, the training's curves, the choice in words and the table (`variants.csv`), and every nested run
        whether it is the champion.

        Args:
            files: (local file or directory, its path among the artifacts): report, bundle.
        """
        self._log_record(ids, record)
        self._client.upload(ids.run_id, files)

    def finish(self, ids: RunIds, status: Status) -> None:
        """End the parent run, and every nested run still open."""
        for child in self._client.children(ids, {}):
            if child.info.status == "RUNNING":
                self._client.end(child.info.run_id, status)
        self._client.end(ids.run_id, status)

    def _log_record(self, ids: RunIds, record: Record) -> None:
        children = self._client.children(ids, {})
        for child in children:
            self._client.log(child.info.run_id, figures.of_champion(child.data.tags["emberflow.recipe"], record))
        compare = comparison_page(ids.experiment_id, [child.info.run_id for child in children])
        self._client.log(ids.run_id, figures.of_run(record, compare))
        with TemporaryDirectory(prefix="emberflow-") as folder:
            table = Path(folder, "variants.csv")
            table.write_text(figures.csv(record), encoding="utf-8")
            self._client.upload(ids.run_id, [(table, table.name)])

    def ui_link(self, ids: RunIds) -> str:
        """Where the UI shows the run: a whole address for a server, else the path on any server started over the data base."""
        return f"{self._home}/{run_page(ids)}"

    def compare_link(self, ids: RunIds) -> str:
        """Where the UI compares all nested runs of `ids`; whole or a path, as `ui_link`."""
        return f"{self._home}/{comparison_page(ids.experiment_id, [child.info.run_id for child in self._client.children(ids, {})])}"

    @property
    def _home(self) -> str:
        return hide_user(self.uri).rstrip("/") if is_server(self.uri) else ""


def _connect(uri: str) -> "Client":
    # MLflow takes 3 s to import: who only plans to log doesn't pay for it.
    from emberflow.adapters.tracking_client import connect  # noqa: PLC0415

    return connect(uri)
