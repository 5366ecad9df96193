"""From a run's champion to the one that serves: register, compare, decide, promote, publish. The order of the stages; no figure is looked at here."""

from prefect import runtime
from prefect.logging import get_run_logger

from emberflow.adapters.publisher import Publisher
from emberflow.adapters.registry import Registry
from emberflow.adapters.tracking_address import RunIds
from emberflow.dataset import Splits
from emberflow.gate import Candidate, Decision, Outcome, unchanged
from emberflow.record import Record
from emberflow.version import standing_of
from flows.approval import ask
from flows.settings import Setting
from tasks.alerts import tell_of_refusal
from tasks.evaluate import Scoring
from tasks.gate import compare, pass_gate
from tasks.products import Served
from tasks.promote import carry_out
from tasks.register import fetch, register
from tasks.release import publish_champion


def judge_champion(setting: Setting, record: Record, recipe: str, ids: RunIds) -> Decision:
    """Register the run's champion, hold it against the one that serves, and ask a person where the project wants it. Nothing is promoted yet."""
    registered = register(registry_of(setting), record, recipe, ids)
    version, serving = registered.version, registered.names.champion
    if not registered.is_new:
        return unchanged(version.number, serving, standing_of(version, registered.names))
    variant, splits = record.variant(recipe), record.splits
    candidate = Candidate(version=version.number, variant=variant, target=record.target, champion=serving)
    own = Served(
        model=variant.model,
        standardization=splits.standardization,
        labels=splits.labels,
        target=splits.target,
        thresholds=variant.evaluation.quality.thresholds,
    )
    decision = judge(setting, candidate, own, splits)
    if decision.outcome is Outcome.PROMOTED and setting.approval_seconds is not None:
        decision = ask(decision, record, setting.approval_seconds)
    return decision


def judge(setting: Setting, candidate: Candidate, own: Served, splits: Splits) -> Decision:
    """What the gate says of a version, whose bytes are `own`, on the test part as it is now."""
    registry, contest = registry_of(setting), None
    if candidate.champion:
        champion = fetch(registry, registry.version(candidate.champion), setting.workshop)
        scoring = Scoring(task=setting.project.full_task, kind=candidate.target.kind, folder=setting.folder)
        contest = compare(champion, own, splits, scoring, setting.rules, setting.workshop)
    return pass_gate(candidate, contest, setting.rules)


def deploy_champion(setting: Setting, decision: Decision) -> Decision:
    """As `deploy`, for the project of a run."""
    return deploy(registry_of(setting), setting.publisher, decision)


def deploy(registry: Registry, publisher: Publisher | None, decision: Decision) -> Decision:
    """Carry the decision out, and publish whoever serves then, unless it is published already. The decision, as another promotion left it."""
    done = carry_out(registry, decision)
    get_run_logger().info(done.sentence)
    if done.outcome is Outcome.KEPT:
        tell_of_refusal(registry.project, done, runtime.flow_run.id)
    if publisher:
        publish_champion(registry, publisher)
    return done


def registry_of(setting: Setting) -> Registry:
    """The project's versions."""
    return Registry(setting.tracker, setting.project.name)
