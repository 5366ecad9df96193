"""Carry out what the gate decided. Never cached; repeating it changes nothing."""

from prefect import task

from emberflow.adapters.registry import Registry
from emberflow.errors import Overtaken
from emberflow.gate import Decision, Outcome, overrule
from emberflow.gate_report import render_gate
from tasks.conduct import WAITING
from tasks.exclusive import alone


@task(name="promote", task_run_name="{decision.outcome} version {decision.version}", persist_result=False, **WAITING)
def carry_out(registry: Registry, decision: Decision) -> Decision:
    """Names and description of the version as decided. When another promotion was faster, the version is kept and the decision says so."""
    if decision.outcome is Outcome.UNCHANGED:
        return decision
    with alone(registry):
        done = _move(registry, decision)
        registry.describe(done.version, render_gate(done, registry.project))
    return done


def _move(registry: Registry, decision: Decision) -> Decision:
    if decision.outcome is Outcome.REJECTED:
        registry.reject(decision.version)
        return decision
    if decision.outcome is Outcome.PROMOTED and registry.aliases().champion != decision.version:
        try:
            registry.promote(decision.version, decision.champion)
        except Overtaken as error:
            decision = overrule(decision, Outcome.KEPT, str(error)).model_copy(update={"champion": registry.aliases().champion})
    if decision.outcome is Outcome.KEPT:
        registry.keep(decision.version)
    return decision
