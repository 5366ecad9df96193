"""Tell MLflow. Never cached, so that a run from the cache is logged like any other; repeating a call doubles nothing."""

from pathlib import Path

from prefect import task

from emberflow.adapters.tracking import Status, Tracker
from emberflow.adapters.tracking_address import RunIds
from emberflow.adapters.tracking_figures import Context
from emberflow.adapters.workshop import Workshop
from emberflow.record import Record
from emberflow.variant import Variant
from tasks.conduct import RETRIED

Files = tuple[tuple[Path, str], ...]


@task(name="open MLflow run", task_run_name="open MLflow run", persist_result=False, **RETRIED)
def open_run(tracker: Tracker, project: str, run_name: str, tags: dict[str, str]) -> RunIds:
    """The parent run of this pipeline run."""
    return tracker.open_run(project, run_name, tags)


@task(name="log data to MLflow", task_run_name="log data to MLflow", persist_result=False, **RETRIED)
def log_data(tracker: Tracker, ids: RunIds, context: Context) -> None:
    """The data set as an input of the parent run."""
    tracker.log_data(ids, context)


@task(name="log variants to MLflow", task_run_name="log variants to MLflow", persist_result=False, **RETRIED)
def log_variants(tracker: Tracker, ids: RunIds, context: Context, variants: tuple[Variant, ...], workshop: Workshop) -> None:
    """One nested run for each variant; a retry finds those that are there already."""
    for variant in variants:
        tracker.log_variant(ids, context, variant, _files(context, variant, workshop))


def _files(context: Context, variant: Variant, workshop: Workshop) -> list[tuple[Path, str]]:
    """The .tflite, its C sources and the drawing of its answers, with their places among the artifacts."""
    files = [(workshop.store.path(variant.model), f"model/{context.project}-{variant.recipe}.tflite")]
    if variant.answers_plot:
        name = "confusion" if variant.evaluation.quality.confusion and not variant.evaluation.quality.histogram else "answers"
        files.append((workshop.store.path(variant.answers_plot), f"plots/{name}.svg"))
    if variant.firmware and variant.firmware.sources:
        files.append((workshop.store.path(variant.firmware.sources), f"firmware/{context.project}-{variant.recipe}.zip"))
    return files


@task(name="close MLflow run", task_run_name="close MLflow run", persist_result=False, **RETRIED)
def close_run(tracker: Tracker, ids: RunIds, status: Status, record: Record | None, files: Files) -> None:
    """End the parent run, with the champion's figures, report and bundle."""
    tracker.finish(ids, status, record, files)
