"""Tell MLflow. Never cached, so that a run from the cache is logged like any other; repeating a call doubles nothing."""

from contextlib import suppress
from pathlib import Path
from uuid import UUID

from prefect import runtime, task
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.states import Crashed

from emberflow.adapters.tracking import Status, Tracker
from emberflow.adapters.tracking_address import RunIds
from emberflow.adapters.tracking_figures import Context
from emberflow.adapters.workshop import Workshop
from emberflow.record import Record
from emberflow.variant import Variant
from tasks.conduct import WAITING

Files = tuple[tuple[Path, str], ...]


@task(name="open MLflow run", task_run_name="open MLflow run", persist_result=False, **WAITING)
def open_run(tracker: Tracker, project: str, run_name: str, tags: dict[str, str]) -> RunIds:
    """The parent run of this pipeline run. Runs of the project whose process was killed are marked as such first: they couldn't do it themselves."""
    for flow_run in tracker.end_lost_runs(project):
        _mark_crashed(flow_run)
    return tracker.open_run(project, run_name, tags)


def _mark_crashed(flow_run: str) -> None:
    get_run_logger().warning("the run %s was killed: it is marked so, and what it had finished is used", flow_run)
    with get_client(sync_client=True) as prefect, suppress(ObjectNotFound):  # it was a run of another server
        state = prefect.read_flow_run(UUID(flow_run)).state
        is_this_one = flow_run == str(runtime.flow_run.id)  # which was killed, and is tried again
        if state and not state.is_final() and not is_this_one:
            prefect.set_flow_run_state(UUID(flow_run), Crashed(message="Its process was killed."), force=True)


@task(name="log data to MLflow", task_run_name="log data to MLflow", persist_result=False, **WAITING)
def log_data(tracker: Tracker, ids: RunIds, context: Context) -> None:
    """The data set as an input of the parent run."""
    tracker.log_data(ids, context)


@task(name="log variants to MLflow", task_run_name="log variants to MLflow", persist_result=False, **WAITING)
def log_variants(tracker: Tracker, ids: RunIds, context: Context, variants: tuple[Variant, ...], workshop: Workshop) -> None:
    """One nested run for each variant; a retry finds those that are there already."""
    for variant in variants:
        tracker.log_variant(ids, context, variant, _files(context, variant, workshop))


def _files(context: Context, variant: Variant, workshop: Workshop) -> list[tuple[Path, str]]:
    """The .tflite, its C sources and the drawing of its answers, with their places among the artifacts."""
    proven = workshop.store.proven
    files = [(proven(variant.model), f"model/{context.project}-{variant.recipe}.tflite")]
    if variant.answers_plot:
        name = "confusion" if variant.evaluation.quality.confusion and not variant.evaluation.quality.histogram else "answers"
        files.append((proven(variant.answers_plot), f"plots/{name}.svg"))
    if variant.firmware and variant.firmware.sources:
        files.append((proven(variant.firmware.sources), f"firmware/{context.project}-{variant.recipe}.zip"))
    return files


@task(name="log outcome to MLflow", task_run_name="log outcome to MLflow", persist_result=False, **WAITING)
def log_outcome(tracker: Tracker, ids: RunIds, record: Record, files: Files) -> None:
    """The champion's figures, report and bundle, to the parent run."""
    tracker.log_outcome(ids, record, files)


@task(name="close MLflow run", task_run_name="close MLflow run", persist_result=False, **WAITING)
def close_run(tracker: Tracker, ids: RunIds, status: Status) -> None:
    """End the parent run."""
    tracker.finish(ids, status)
