"""Which flow runs under which name, with what defaults. Imports the flows; runs nothing of them itself.

`python -m deployments.catalog` serves them: with PREFECT_API_URL set to a Prefect server, its UI then offers them with a form.
"""

from typing import cast

from prefect import serve
from prefect.deployments.runner import RunnerDeployment

from flows.retrain_to_deploy import retrain_to_deploy
from flows.settings import RunConfig

EXAMPLE = RunConfig(project="examples/watch/emberflow.yaml")


def deployments() -> tuple[RunnerDeployment, ...]:
    """Every deployment. One retraining at a time: two would share the cores and train the same baseline twice."""
    retrain = cast(
        RunnerDeployment,
        retrain_to_deploy.to_deployment(
            name="retrain-to-deploy",
            description="From data to bundle: train, compress, evaluate, choose, write.",
            parameters={"config": EXAMPLE.model_dump()},
            concurrency_limit=1,
        ),
    )
    return (retrain,)


if __name__ == "__main__":
    serve(*deployments())
