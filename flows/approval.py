"""A person's word before a promotion: the run pauses, and Prefect's UI shows the table and a form. Knows how to ask; decides nothing."""

from enum import StrEnum
from threading import Timer
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from pydantic import Field

from emberflow.gate import Decision, Outcome, overrule
from emberflow.gate_report import render_gate
from emberflow.record import Record
from emberflow.table import markdown

_GRACE_SECONDS = 600  # Prefect fails a run whose pause has run out; so the run answers itself before that


class Answer(StrEnum):
    """What a person may say."""

    PROMOTE = "promote"
    KEEP = "keep"
    REJECT = "reject"


OUTCOMES = {Answer.PROMOTE: Outcome.PROMOTED, Answer.KEEP: Outcome.KEPT, Answer.REJECT: Outcome.REJECTED}


class Approval(RunInput):
    """The form."""

    answer: Answer = Field(default=Answer.KEEP, description="promote it, keep it as challenger, or reject it for good")
    comment: str = Field(default="", description="why; it stands in the registry")


def ask(decision: Decision, record: Record, wait_seconds: float) -> Decision:
    """Pause until somebody answers; after `wait_seconds` the champion stays."""
    form = Approval.with_initial_data(description=f"{render_gate(decision, record.project)}\n{_where(record)}\n\n{markdown(record)}")
    clock = Timer(wait_seconds, _answer_itself, [UUID(str(runtime.flow_run.id)), wait_seconds])
    clock.daemon = True
    clock.start()
    try:
        said = pause_flow_run(wait_for_input=form, timeout=int(wait_seconds + _GRACE_SECONDS), poll_interval=1)
    finally:
        clock.cancel()
    return answered(decision, said)


def answered(decision: Decision, said: Approval) -> Decision:
    """The gate's decision, as the answer leaves it."""
    outcome = OUTCOMES[said.answer]
    comment = " ".join(said.comment.split())
    if outcome is decision.outcome:
        return decision.model_copy(update={"sentence": f"{decision.sentence} (approved{f': {comment}' if comment else ''})"})
    return overrule(decision, outcome, f"version {decision.version} was not approved{f': {comment}' if comment else ''}")


def _where(record: Record) -> str:
    key = record.project.replace("_", "-")
    return f"The plot of size against {record.metric} is the artifact `pareto-{key}` of this run."


def _answer_itself(flow_run: UUID, wait_seconds: float) -> None:
    said = Approval(answer=Answer.KEEP, comment=f"nobody answered within {wait_seconds / 3600:g} h")
    with get_client(sync_client=True) as client:
        client.resume_flow_run(flow_run, run_input=said.model_dump(mode="json"))
