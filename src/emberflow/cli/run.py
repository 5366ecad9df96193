"""`emberflow run`: starts the flow with an embedded Prefect API, shows its progress, and says where everything lies."""

import sys
from pathlib import Path
from threading import Thread

from httpx import HTTPError
from rich.console import Console

from emberflow.adapters.store import is_full, no_space
from emberflow.cli.environment import prepare_environment, remember_migration
from emberflow.cli.progress import Progress
from emberflow.cli.show import show_record
from emberflow.errors import NothingFits
from emberflow.runs import last_record


def run_project(project: Path, recipes: str | None, target: str | None, mlflow: str | None, home: Path) -> None:
    """Run the chain. Raises: EmberflowError: the project is wrong, a stage failed, or no variant fits."""
    console = Console()
    prepare_environment(home)
    with Progress(console) as progress:
        progress.say("starting Prefect (about 10 seconds)")
        from flows.retrain_to_deploy import retrain_to_deploy
        from flows.settings import RunConfig, set_up

        config = RunConfig(project=str(project), recipes=recipes, target=target, mlflow=mlflow, home=str(home))
        setting = set_up(config)  # what is wrong with the project is told before a server is started
        Thread(target=setting.tracker.warm_up, daemon=True).start()  # while the server starts
        progress.listen()
        try:
            record = retrain_to_deploy(config)
        except NothingFits as error:
            progress.__exit__()
            show_record(last_record(home, None), home, console)
            raise NothingFits(f"no variant fits. {error}") from error
        except HTTPError as error:  # the embedded Prefect answers 500 when its data base finds no room
            if is_full(home):
                raise no_space(home.resolve()) from error
            raise
    remember_migration(home)
    show_record(record, home, console)
    if record.failures:
        sys.stderr.write(f"{len(record.failures)} of {len(record.failures) + len(record.variants)} recipes failed; see above\n")
