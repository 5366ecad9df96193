"""Which flow runs under which name, with what defaults. Imports the flows; runs nothing of them itself.

`python -m deployments.catalog` serves them: with PREFECT_API_URL set to a Prefect server, its UI then offers them with a form.
`emberflow up` starts it so.
"""

import argparse
from typing import cast

from prefect import serve
from prefect.deployments.runner import RunnerDeployment
from prefect.types.entrypoint import EntrypointType

from flows.retrain_to_deploy import retrain_to_deploy
from flows.settings import RunConfig

EXAMPLE = RunConfig(project="examples/watch/emberflow.yaml")


def deployments(defaults: RunConfig = EXAMPLE) -> tuple[RunnerDeployment, ...]:
    """Every deployment. One retraining at a time: two would share the cores and train the same baseline twice."""
    retrain = cast(
        RunnerDeployment,
        retrain_to_deploy.to_deployment(
            name="retrain-to-deploy",
            description="From data to bundle: train, compress, evaluate, choose, write.",
            parameters={"config": defaults.model_dump()},
            concurrency_limit=1,
            entrypoint_type=EntrypointType.MODULE_PATH,  # found wherever the packages are installed, and nothing put first on the path
        ),
    )
    return (retrain,)


def main() -> None:
    """Serve until it is ended. Schedules stay as they are then, so that they are there again with the next start."""
    parser = argparse.ArgumentParser(prog="python -m deployments.catalog")
    parser.add_argument("--home", default=EXAMPLE.home, help="folder for the store, runs and bundles")
    parser.add_argument("--mlflow", default=EXAMPLE.mlflow, help="address of an MLflow server; default: a SQLite store in the home folder")
    defaults = EXAMPLE.model_copy(update=vars(parser.parse_args()))
    serve(*deployments(defaults), pause_on_shutdown=False, print_starting_message=False)


if __name__ == "__main__":
    main()
