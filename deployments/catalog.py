"""Which flow runs under which name, with what defaults. Imports the flows; runs nothing of them itself.

`python -m deployments.catalog` serves them: with PREFECT_API_URL set to a Prefect server, its UI then offers them with a form.
`emberflow up` starts it so.
"""

import argparse
import os
from typing import Any, cast

from prefect import Flow, serve
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from deployments.alerts import send_to
from deployments.automations import establish, mark_lost_runs
from emberflow.alert import ALERTS, Recipient
from emberflow.schedule import Schedule
from emberflow.values import Value
from flows.compress_model import compress_model
from flows.evaluate_champion import CheckConfig, evaluate_champion
from flows.promote_variant import PromoteConfig, promote_variant
from flows.retrain_to_deploy import retrain_to_deploy
from flows.roll_back import roll_back
from flows.settings import RunConfig, VersionConfig
from tasks.alerts import DRIFTED

EXAMPLE = RunConfig(project="examples/watch/emberflow.yaml")


def deployments(defaults: RunConfig = EXAMPLE, schedule: Schedule | None = None) -> tuple[RunnerDeployment, ...]:
    """Every deployment, with what its form shows before somebody changes it.

    Args:
        schedule: when `retrain_to_deploy` runs by itself; without one, what was set before (here or in the UI) stays.
    """
    versions = VersionConfig(**defaults.model_dump(include={"project", "home", "mlflow", "signing_key"}))
    check = CheckConfig(**defaults.model_dump(include={"project", "home", "store", "mlflow"}))
    return (
        _deployment(
            retrain_to_deploy,
            "From data to a champion: train, compress, evaluate, choose, write. One run of a project at a time; others wait.",
            defaults,
            schedule=Cron(schedule.cron, timezone=schedule.time_zone) if schedule else None,
            triggers=[_when_drifted(defaults)],
        ),
        _deployment(compress_model, "The variants of one project, of the recipes that you choose, to look at: no registry hears of them.", defaults),
        _deployment(evaluate_champion, "The champion on today's data: as good as it was? Have inputs or answers moved? Then it is retrained.", check),
        _deployment(roll_back, "The version before becomes the champion again, verified and published; a second time undoes it.", versions),
        _deployment(
            promote_variant,
            "A version of your choice against the champion, through the same gate; force overrules it.",
            PromoteConfig(version=1, **versions.model_dump()),
        ),
    )


def _deployment(flow: "Flow[..., Any]", text: str, config: Value, **more: Any) -> RunnerDeployment:
    made = cast(
        RunnerDeployment,
        flow.to_deployment(
            name=flow.name,
            description=text,
            parameters={"config": config.model_dump(mode="json", exclude_none=True)},
            entrypoint_type=EntrypointType.MODULE_PATH,  # found wherever the packages are installed, and nothing put first on the path
            **more,
        ),
    )
    if not more.get("schedule"):
        made.model_fields_set.discard("schedules")  # the empty list that Prefect makes of it would take away those that are there
    return made


def _when_drifted(defaults: RunConfig) -> DeploymentEventTrigger:
    """Prefect's automation, which Prefect's UI lists and switches off: an event of a champion that drifted starts retraining of its project."""
    project = {"__prefect_kind": "jinja", "template": "{{ event.payload.project }}"}
    return DeploymentEventTrigger(
        name="retrain when the champion has drifted",
        description="evaluate-champion emits the event; the project that is retrained is the one it names",
        expect={DRIFTED},
        match={"prefect.resource.id": "emberflow.project.*"},
        for_each={"prefect.resource.id"},
        parameters={"config": {**defaults.model_dump(mode="json", exclude_none=True), "project": project}},
    )


def main() -> None:
    """Serve until it is ended. Schedules stay as they are then, so that they are there again with the next start."""
    parser = argparse.ArgumentParser(prog="python -m deployments.catalog")
    parser.add_argument("--home", default=EXAMPLE.home, help="folder for the store, runs and bundles")
    parser.add_argument("--store", default=os.environ.get("EMBERFLOW_STORE"), help="where a team keeps blobs and results; default: the home folder")
    parser.add_argument("--mlflow", default=EXAMPLE.mlflow, help="address of an MLflow server; default: a SQLite store in the home folder")
    parser.add_argument("--project", default=EXAMPLE.project, help="the project that the forms name at first")
    parser.add_argument("--cron", help="when it is retrained, such as '0 2 * * *'")
    parser.add_argument("--time-zone", default="UTC", help="where --cron is read")
    said, told = parser.parse_args(), os.environ.pop(ALERTS, None)  # a secret, which the runs that are started need not know
    defaults = RunConfig(project=said.project, home=said.home, store=said.store, mlflow=said.mlflow)
    schedule = Schedule(cron=said.cron, time_zone=said.time_zone) if said.cron else None
    offered = deployments(defaults, schedule)
    flows = [str(each.flow_name) for each in offered]
    establish(mark_lost_runs(flows))
    if told:
        send_to(Recipient.parse(told), flows)
    serve(*offered, pause_on_shutdown=False, print_starting_message=False)


if __name__ == "__main__":
    main()
