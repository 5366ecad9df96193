"""Look at the champion on fresh data. Never cached: it is asked because something may have changed."""

from pathlib import Path

from prefect import runtime, task
from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event

from emberflow.adapters.crew import Job
from emberflow.adapters.registry import Registry
from emberflow.adapters.registry_files import fetch_model, fetch_record
from emberflow.adapters.workshop import Workshop
from emberflow.dataset import Splits
from emberflow.drift import Checkup
from emberflow.errors import RegistryError
from emberflow.stages.checkup import Judged, Question
from emberflow.stages.contest import Entrant
from emberflow.table import escape
from emberflow.version import Alias
from tasks.alerts import DRIFTED, resource_of, told
from tasks.conduct import RETRIED, stage

LIMIT_SECONDS = 3600
STEADY = "emberflow.champion.steady"


@task(name="check the champion", task_run_name="check the champion", persist_result=False, **RETRIED)
def check_champion(registry: Registry, splits: Splits, question: Question, workshop: Workshop) -> Checkup:
    """How good the registered champion is on `splits`, and what moved since it was judged; `question.version` 0 means the champion's.

    Raises: RegistryError: there is no champion, its bytes are gone or altered, or the data that it was judged on are not in this store.
    """
    version = registry.holder(Alias.CHAMPION)
    if version is None:
        raise RegistryError(f"'{registry.project}' has no champion yet; run `retrain-to-deploy` of it first")
    with stage("check the champion") as tell, workshop.store.workplace() as place:
        model = fetch_model(registry, version, place)
        judged = fetch_record(registry, version).splits
        if missing := [artifact for artifact in (judged.test.x, judged.test.y) if not workshop.store.has(artifact)]:
            raise RegistryError(
                f"the test data that version {version.number} of '{registry.project}' was judged on are not in the store {workshop.home / 'store'}"
                f" ({missing[0].sha256[:12]} is missing); give the home folder in which it was made, or retrain"
            )
        keywords = {
            "champion": Entrant(**model.model_dump()),
            "then": _judged(judged, workshop),
            "now": _judged(splits, workshop),
            "question": question.model_copy(update={"version": version.number, "unit": splits.target_unit}),
        }
        checkup: Checkup = workshop.run(Job("emberflow.stages.checkup:check", keywords, LIMIT_SECONDS), tell)
    return checkup


def _judged(splits: Splits, workshop: Workshop) -> Judged:
    path = workshop.store.path
    return Judged(
        x=path(splits.test.x),
        y=path(splits.test.y),
        labels=splits.labels,
        channels=splits.sampling.channels,
        standardization=splits.standardization,
    )


@task(name="tell of the champion", task_run_name="tell of the champion", persist_result=False)
def tell_of_champion(checkup: Checkup, project: Path) -> None:
    """A table as an artifact, and an event that automations may wait for: it carries the project's path."""
    create_markdown_artifact(
        _table(checkup), key=f"champion-{checkup.project.replace('_', '-')}", description="The champion on fresh data, and what moved"
    )
    message = f"{checkup.project}: version {checkup.version} {'has drifted: ' if checkup.findings else 'is steady'}{'; '.join(checkup.findings)}"
    emit_event(
        DRIFTED if checkup.findings else STEADY,
        resource=resource_of(checkup.project),
        payload={
            **told(message, runtime.flow_run.id),
            "project": str(project),
            "version": checkup.version,
            "findings": list(checkup.findings),
        },
    )


def _table(checkup: Checkup) -> str:
    measure = checkup.measure
    head = f"## {escape(checkup.project)}: version {checkup.version} on {checkup.samples:,} fresh samples\n\n"
    said = "\n".join(f"- {escape(finding)}" for finding in checkup.findings) or "All is as steady as it was."
    rows = [f"| {escape(measure.name)} | {measure.show(checkup.then)} then, {measure.show(checkup.now)} now | | |"]
    for drift in checkup.drifts:
        distance = f"{drift.distance:.3f}" if drift.distance is not None else ""
        rows.append(f"| {escape(drift.name)} | {'drifted' if drift.has_drifted else 'steady'} | {drift.stability:.3f} | {distance} |")
    columns = "| | | stability index | Kolmogorov-Smirnov |\n| --- | --- | --- | --- |\n"
    return f"{head}{said}\n\n{columns}" + "\n".join(rows)
