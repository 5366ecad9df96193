"""Events that somebody should hear of, for Prefect's automations: a message, and where to look. Knows Prefect's events; refuses to know who is told."""

from typing import Any

from prefect.events import emit_event
from prefect.utilities.urls import url_for

from emberflow.gate import Decision

FAILED, REFUSED, DRIFTED = "emberflow.run.failed", "emberflow.gate.refused", "emberflow.champion.drifted"
ALARMING = frozenset({FAILED, REFUSED, DRIFTED})
_LONGEST = 2000  # of a reason: a message is read on a telephone


def resource_of(project: str) -> dict[str, str]:
    """What the events of a project are about, as Prefect wants it."""
    return {"prefect.resource.id": f"emberflow.project.{project}", "prefect.resource.name": project}


def told(message: str, flow_run: Any) -> dict[str, str]:
    """What every such event carries: a sentence, and the page of the run in Prefect's UI."""
    return {"message": message, "page": url_for("flow-run", obj_id=str(flow_run)) or ""}


def tell_of_failure(project: str, flow: str, reason: str, flow_run: Any) -> None:
    """A run has failed, with its reason."""
    reason = reason[:_LONGEST]
    message = f"{project}: {flow} failed: {reason}"
    emit_event(FAILED, resource=resource_of(project), payload={**told(message, flow_run), "flow": flow, "reason": reason})


def tell_of_refusal(project: str, decision: Decision, flow_run: Any) -> None:
    """The gate kept the version that serves, or promoted nothing."""
    payload = {**told(f"{project}: {decision.sentence}", flow_run), "version": decision.version, "champion": decision.champion}
    emit_event(REFUSED, resource=resource_of(project), payload=payload)
