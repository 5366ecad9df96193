"""`emberflow rollback`: starts the flow with an embedded Prefect API, and prints what it did."""

from pathlib import Path

from rich.console import Console

from emberflow.cli.environment import join_stack, prepare_environment, remember_migration, signing_key
from emberflow.cli.server import start_server
from emberflow.project import read_project
from emberflow.secret import refuse_mlflow_password


def roll_back_project(project: Path, mlflow: str | None, home: Path) -> None:
    """Roll back, and say so. Raises: EmberflowError: the project is wrong, there is no version before, or its bundle is not whole."""
    read_project(project)  # what can be told at once is told before anything is started
    if mlflow:
        refuse_mlflow_password(mlflow)
    prepare_environment(home)
    mlflow = mlflow or join_stack(home)
    server = start_server()
    from flows.roll_back import roll_back  # noqa: PLC0415  # Prefect reads the environment when it is imported
    from flows.settings import VersionConfig  # noqa: PLC0415  # as above

    if server:
        server.wait_until_ready()
    sentence = roll_back(VersionConfig(project=str(project), home=str(home), mlflow=mlflow, signing_key=signing_key()))
    remember_migration(home)
    Console().print(sentence, highlight=False, markup=False, soft_wrap=True)
