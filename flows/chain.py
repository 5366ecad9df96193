"""From data to bundle: train, compress, convert, evaluate, choose, write. The order of the stages, and what a run's end means.

Knows no registry; the flows that run the chain say what comes after it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import runtime
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.utilities.urls import url_for

from emberflow import fingerprint, surroundings
from emberflow.adapters.tracking import Status
from emberflow.adapters.tracking_address import RunIds, is_server
from emberflow.adapters.tracking_figures import context_of
from emberflow.artifact import digest
from emberflow.dataset import Splits
from emberflow.errors import NothingFits, RegistryError, StoreError, TrackingError
from emberflow.gate import Decision
from emberflow.gate_report import FILE
from emberflow.project import render_project
from emberflow.record import Baseline, Provenance, Record
from emberflow.runs import bundle_folder
from emberflow.table import skipped
from emberflow.target import TargetKind
from emberflow.variant import Failure, Variant
from flows.alarm import tell_of_the_failure
from flows.runner import SideBySide
from flows.settings import Setting, name_of
from flows.variants import make_variants
from tasks import track
from tasks.caching import anew
from tasks.gate import write_gate
from tasks.judge import choose_champion
from tasks.prepare import prepare
from tasks.products import Trained
from tasks.publish import show_in_prefect, write_bundle, write_report
from tasks.run_on_chip import get_compiler_ready
from tasks.train import origin_of, train


def run_name() -> str:
    """The name of a run of a flow with the parameter `config`: project and date."""
    return f"{name_of(runtime.flow_run.parameters['config'])} {runtime.flow_run.scheduled_start_time:%Y-%m-%d %H:%M:%S}"


CONDUCT: dict[str, Any] = {
    "flow_run_name": run_name,
    "task_runner": SideBySide(max_workers=64),  # they wait; the workshop's workers do the work, one a core
    "persist_result": False,
    "on_failure": [tell_of_the_failure],
}
"""How a flow that runs the chain is conducted."""


@dataclass(frozen=True)
class Ending:
    """What comes after the choice: `judge` says what becomes of the run's champion, whose bundle gets the gate's report; `deploy` does it."""

    judge: Callable[[Setting, Record, str, RunIds], Decision]
    deploy: Callable[[Setting, Decision], Decision]


def make_variants_and_choose(setting: Setting, ending: Ending | None = None) -> Record:
    """Train, compress, evaluate and choose; the champion's bundle is written, every variant is in MLflow, and `ending` follows where there is one.

    Raises: NothingFits, and what a stage raises. A run that is ended from outside ends its workers at once.
    """
    with setting.workshop.store.using(), anew(setting.force):
        return _make_variants_and_choose(setting, ending)


def _make_variants_and_choose(setting: Setting, ending: Ending | None) -> Record:
    for reason, recipes in skipped(setting.skipped).items():
        get_run_logger().warning("%s skipped: %s", ", ".join(recipes), reason)
    tracking = track.open_run.submit(setting.tracker, setting.project.name, setting.run_id, _tags(setting))
    try:
        record = _choose(setting, tracking)
        folder = write_report(record, setting.workshop)
        if record.choice.champion:
            write_bundle(record, record.choice.champion, setting.workshop)
        show_in_prefect(record, folder, _links(setting, record, folder))
        _log_and_deploy(setting, record, folder, tracking, ending)
    except BaseException as error:
        if not isinstance(error, Exception):  # cancelled in the UI, or Ctrl-C
            setting.workshop.abandon()
        _close(setting, tracking, error)
        raise
    if not record.choice.champion:
        raise NothingFits(record.choice.explanation)
    return record


def _choose(setting: Setting, tracking: "PrefectFuture[RunIds]") -> Record:
    splits = prepare(setting.project, setting.folder, setting.workshop)
    for warning in splits.warnings:
        get_run_logger().warning(warning)
    if setting.target.kind is TargetKind.MICROCONTROLLER:
        get_compiler_ready.submit(setting.target, setting.workshop)
    origin = origin_of(setting.project, setting.given, splits, setting.trust)
    baseline = train(origin, splits, setting.folder, setting.workshop, setting.plan.wishes)
    setting.plan.wishes.check(baseline.layers)  # again, because one from the cache wasn't looked at
    variants, failures = make_variants(setting, splits, baseline)
    return _record(setting, splits, baseline, variants, failures, _ids(tracking))


def _close(setting: Setting, tracking: "PrefectFuture[RunIds]", error: BaseException) -> None:
    """The run in MLflow, after `error`, which is told whatever becomes of this; who has just not answered is asked once, and not for minutes."""
    status = Status.FAILED if isinstance(error, Exception) else Status.KILLED
    close = track.close_run.with_options(retries=0) if isinstance(error, StoreError | TrackingError) else track.close_run
    with suppress(StoreError, TrackingError):
        if ids := _ids(tracking):
            close(setting.tracker, ids, status)


def _record(
    setting: Setting,
    splits: Splits,
    baseline: Trained,
    variants: tuple[Variant, ...],
    failures: tuple[Failure, ...],
    ids: RunIds | None,
) -> Record:
    project, measure = setting.project, setting.project.full_task.measure(splits.target_unit)
    for failure in failures:
        get_run_logger().warning("%s failed in '%s': %s", failure.recipe, failure.stage, failure.reason)
    provenance = Provenance(
        run_id=setting.run_id,
        started=setting.started,
        project_digest=project.digest,
        data_digest=digest(splits.model_dump_json().encode()),
        code_digest=fingerprint.of_house(),
        versions=surroundings.versions(),
        processor=surroundings.processor(),
        mlflow_run_id=ids.run_id if ids else None,
        mlflow_experiment_id=ids.experiment_id if ids else None,
        prefect_page=_page(setting),
    )
    return Record(
        project=project.name,
        task=project.task,
        measure=measure,
        target=setting.target,
        budget=project.budget,
        splits=splits,
        baseline=Baseline(**baseline.model_dump(include={"model", "parameters", "quality", "curve"})),
        variants=variants,
        failures=failures,
        skipped=setting.skipped,
        choice=choose_champion(variants, measure),
        provenance=provenance,
        project_file=render_project(project),
    )


def _ids(tracking: "PrefectFuture[RunIds]") -> RunIds | None:
    tracking.wait()
    found = tracking.result(raise_on_failure=False)
    return found if isinstance(found, RunIds) else None


def _log_and_deploy(setting: Setting, record: Record, folder: Path, tracking: "PrefectFuture[RunIds]", ending: Ending | None) -> None:
    """Every variant to MLflow, and what the ending says; the run is finished there once nothing is left to do.

    When MLflow can't take them the run fails, but all that was made is kept, and the next run finds it.
    """
    try:
        ids = tracking.result()
        track.log_data(setting.tracker, ids, context_of(record))
        track.log_variants(setting.tracker, ids, context_of(record), record.variants, setting.workshop)
        try:
            decision = _judge(setting, record, folder, ids, ending) if ending else None
        except RegistryError:
            track.log_outcome(setting.tracker, ids, record, _files(setting, record, folder))
            raise
        track.log_outcome(setting.tracker, ids, record, _files(setting, record, folder))
        if ending and decision and (done := ending.deploy(setting, decision)) != decision:
            write_gate(done, record.project, folder, None)
        track.close_run(setting.tracker, ids, Status.FINISHED if record.choice.champion else Status.FAILED)
    except (StoreError, TrackingError) as error:
        kept = f"The variants are kept: their report is {folder / 'report.html'}. Run again when MLflow can take them; nothing is trained twice"
        raise type(error)(f"{error}\n{kept}") from error


def _judge(setting: Setting, record: Record, folder: Path, ids: RunIds, ending: Ending) -> Decision | None:
    """What becomes of the champion, written down before anything is promoted; None without one."""
    if not record.choice.champion:
        return None
    decision = ending.judge(setting, record, record.choice.champion, ids)
    write_gate(decision, record.project, folder, bundle_folder(setting.workshop.home, record.project, record.provenance.run_id))
    return decision


def _files(setting: Setting, record: Record, folder: Path) -> track.Files:
    files = tuple((folder / name, name) for name in ("report.html", "record.json", "plots/pareto.png", FILE))
    bundle = bundle_folder(setting.workshop.home, record.project, record.provenance.run_id)
    return (*(file for file in files if file[0].exists()), *(((bundle, "bundle"),) if bundle.exists() else ()))


def _links(setting: Setting, record: Record, folder: Path) -> dict[str, str]:
    ids = RunIds(experiment_id=record.provenance.mlflow_experiment_id or "", run_id=record.provenance.mlflow_run_id or "")
    return {"report": str(folder / "report.html"), "MLflow": setting.tracker.ui_link(ids)}


def _tags(setting: Setting) -> dict[str, str]:
    return {"emberflow.run_id": setting.run_id, "prefect.flow_run_id": str(runtime.flow_run.id), "prefect.flow_run_name": str(runtime.flow_run.name)}


def _page(setting: Setting) -> str | None:
    """Where Prefect's UI shows this run; None where the servers end with it."""
    return url_for("flow-run", obj_id=str(runtime.flow_run.id)) if is_server(setting.tracker.uri) else None
