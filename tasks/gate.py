"""Ask champion and new version the same test samples, decide, and write down why."""

from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact

from emberflow.adapters.crew import Job
from emberflow.adapters.workshop import Workshop
from emberflow.bundle import add_to_bundle
from emberflow.contest import Contest
from emberflow.dataset import Splits
from emberflow.gate import Candidate, Decision, decide
from emberflow.gate_report import FILE, render_gate
from emberflow.promotion import Rules
from emberflow.runs import write_decision
from emberflow.stages.contest import Arena, Entrant
from emberflow.target import TargetKind
from tasks.caching import Inputs, StageCache
from tasks.conduct import RETRIED, stage
from tasks.evaluate import Scoring, grading
from tasks.products import Served

LIMIT_SECONDS = 3600


def _facts(inputs: Inputs) -> str:
    splits: Splits = inputs["splits"]
    data = (splits.test, splits.labels, splits.standardization)
    return repr((inputs["champion"], inputs["challenger"], data, inputs["scoring"].facts(splits), inputs["rules"].confidence))


@task(
    name="compare with champion",
    task_run_name="compare with champion",
    cache_policy=StageCache(stage="contest", facts=_facts),
    **RETRIED,
)
def compare(champion: Served, challenger: Served, splits: Splits, scoring: Scoring, rules: Rules, workshop: Workshop) -> Contest:
    """What the new version loses on the test part as it is now."""
    path = workshop.store.path
    arena = Arena(
        x=path(splits.test.x),
        y=path(splits.test.y),
        labels=splits.labels,
        standardization=splits.standardization,
        measure=scoring.task.measure(splits.target_unit),
        grading=grading(scoring, splits, workshop),
        confidence=rules.confidence,
        is_microcontroller=scoring.kind is TargetKind.MICROCONTROLLER,
    )
    old, new = (Entrant(model=path(each.model), **each.model_dump(exclude={"model"})) for each in (champion, challenger))
    with stage("compare with champion") as tell:
        job = Job("emberflow.stages.contest:compete", {"champion": old, "challenger": new, "arena": arena}, LIMIT_SECONDS)
        found: Contest = workshop.run(job, tell)
        return found


@task(name="gate", task_run_name="gate", persist_result=False)
def pass_gate(candidate: Candidate, contest: Contest | None, rules: Rules) -> Decision:
    """Promoted or kept, by the rules."""
    return decide(candidate, contest, rules)


@task(name="write gate report", task_run_name="write gate report", persist_result=False, **RETRIED)
def write_gate(decision: Decision, project: str, folder: Path, bundle: Path | None) -> None:
    """As Markdown and JSON in the run's folder, as a file of the bundle where one is given, and as a Prefect artifact."""
    text = render_gate(decision, project)
    (folder / FILE).write_text(text, encoding="utf-8")
    write_decision(folder, decision)
    if bundle:
        add_to_bundle(bundle, {FILE: text.encode()})
    show_gate.fn(decision, project)


@task(name="show gate", task_run_name="show gate", persist_result=False, **RETRIED)
def show_gate(decision: Decision, project: str) -> None:
    """The report as a Prefect artifact."""
    text = render_gate(decision, project)
    create_markdown_artifact(text, key=f"gate-{project.replace('_', '-')}", description=decision.sentence)
