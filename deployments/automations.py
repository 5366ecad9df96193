"""What Prefect does by itself beside the deployments: it notices runs whose process is gone. Values and one call; runs no flow."""

from datetime import timedelta
from typing import cast

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events import EventTrigger, Posture, ResourceSpecification
from prefect.events.actions import ChangeFlowRunState

HEARTBEAT_SECONDS = 30  # the least that Prefect allows; PREFECT_FLOWS_HEARTBEAT_FREQUENCY of every process that runs a flow of ours
_BEAT = "prefect.flow-run.heartbeat"
_OVER = frozenset(f"prefect.flow-run.{end}" for end in ("Completed", "Failed", "Cancelled", "Crashed"))


def mark_lost_runs(flows: list[str]) -> Automation:
    """A run of one of `flows` that showed no sign of life for four heartbeats is marked as crashed: whoever was killed couldn't say it."""
    return Automation(
        name="mark runs whose process is gone",
        description=f"A run that gave no heartbeat for {4 * HEARTBEAT_SECONDS} s has crashed; retry it, and what it had finished is used.",
        trigger=EventTrigger(
            after={_BEAT},
            expect={_BEAT, *_OVER},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": flows}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=4 * HEARTBEAT_SECONDS),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message="Its process gave no sign of life; retry the run, and it goes on.")],
    )


def establish(automation: Automation) -> None:
    """Have the server keep `automation`, in place of an earlier one of its name; one that somebody switched off stays off."""
    try:
        found = cast(Automation, Automation.read(name=automation.name))  # a coroutine only where a loop runs
    except ValueError:
        automation.create()
        return
    automation.id, automation.enabled = found.id, found.enabled
    automation.update()
