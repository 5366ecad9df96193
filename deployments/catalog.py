"""Which flow runs under which name, with what defaults. Imports the flows; runs nothing of them itself.

`python -m deployments.catalog` serves them: with PREFECT_API_URL set to a Prefect server, its UI then offers them with a form.
`emberflow up` starts it so.
"""

import argparse
from typing import Any, cast

from prefect import Flow, serve
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from emberflow.schedule import Schedule
from flows.compress_model import compress_model
from flows.retrain_to_deploy import retrain_to_deploy
from flows.settings import RunConfig

EXAMPLE = RunConfig(project="examples/watch/emberflow.yaml")
DESCRIPTIONS: dict["Flow[..., Any]", str] = {
    retrain_to_deploy: "From data to a champion: train, compress, evaluate, choose, write. One run of a project at a time; others wait.",
    compress_model: "The variants of one project, of the recipes that you choose, to look at: no registry hears of them.",
}


def deployments(defaults: RunConfig = EXAMPLE, schedule: Schedule | None = None) -> tuple[RunnerDeployment, ...]:
    """Every deployment, with what its form shows before somebody changes it.

    Args:
        schedule: when `retrain_to_deploy` runs by itself; without one, what was set before (here or in the UI) stays.
    """
    return tuple(_deployment(flow, text, defaults, schedule if flow is retrain_to_deploy else None) for flow, text in DESCRIPTIONS.items())


def _deployment(flow: "Flow[..., Any]", text: str, defaults: RunConfig, schedule: Schedule | None) -> RunnerDeployment:
    made = cast(
        RunnerDeployment,
        flow.to_deployment(
            name=flow.name,
            description=text,
            parameters={"config": defaults.model_dump(mode="json")},
            schedule=Cron(schedule.cron, timezone=schedule.time_zone) if schedule else None,
            entrypoint_type=EntrypointType.MODULE_PATH,  # found wherever the packages are installed, and nothing put first on the path
        ),
    )
    if schedule is None:
        made.model_fields_set.discard("schedules")  # the empty list that Prefect makes of it would take away those that are there
    return made


def main() -> None:
    """Serve until it is ended. Schedules stay as they are then, so that they are there again with the next start."""
    parser = argparse.ArgumentParser(prog="python -m deployments.catalog")
    parser.add_argument("--home", default=EXAMPLE.home, help="folder for the store, runs and bundles")
    parser.add_argument("--mlflow", default=EXAMPLE.mlflow, help="address of an MLflow server; default: a SQLite store in the home folder")
    parser.add_argument("--project", default=EXAMPLE.project, help="the project that the forms name at first")
    parser.add_argument("--cron", help="when it is retrained, such as '0 2 * * *'")
    parser.add_argument("--time-zone", default="UTC", help="where --cron is read")
    said = parser.parse_args()
    defaults = RunConfig(project=said.project, home=said.home, mlflow=said.mlflow)
    schedule = Schedule(cron=said.cron, time_zone=said.time_zone) if said.cron else None
    serve(*deployments(defaults, schedule), pause_on_shutdown=False, print_starting_message=False)


if __name__ == "__main__":
    main()
