"""What a flow does when it failed: the event goes out. Knows Prefect's hooks; refuses to know who hears of it."""

from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State

from flows.settings import RunConfig, name_of
from tasks.alerts import tell_of_failure

_PREFECTS = "Flow run encountered an exception: "


def tell_of_the_failure(flow: "Flow[..., Any]", flow_run: FlowRun, state: "State[Any]") -> None:
    """An `on_failure` hook: Prefect calls it in the run's own process. A run that was killed has none; Prefect's own event tells of that."""
    tell_of_failure(_project_of(flow_run), flow.name, (state.message or "no reason is known").removeprefix(_PREFECTS), flow_run.id)


def _project_of(flow_run: FlowRun) -> str:
    config = flow_run.parameters.get("config", {})
    project = config.get("project", "") if isinstance(config, dict) else config.project
    return name_of(RunConfig(project=project)) if project else flow_run.name
