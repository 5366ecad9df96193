"""`emberflow run`: starts the flow with an embedded Prefect API, shows its progress, and says where everything lies."""

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from rich.console import Console

from emberflow.adapters.disk import is_full, no_space
from emberflow.adapters.workshop import Workshop
from emberflow.cli.environment import join_stack, prepare_environment, remember_migration, signing_key
from emberflow.cli.lines import complain, log_as, log_form
from emberflow.cli.progress import Progress
from emberflow.cli.server import start_server
from emberflow.cli.show import show_record
from emberflow.errors import NothingFits, ProjectError
from emberflow.inputs import look_at, sort_out
from emberflow.log import Form
from emberflow.project import expand_recipes, read_project
from emberflow.record import Record
from emberflow.runs import last_record
from emberflow.secret import refuse_mlflow_password, refuse_store_password


@dataclass(frozen=True)
class Order:
    """What was typed: see the command's help."""

    project: Path
    recipes: str | None
    target: str | None
    mlflow: str | None
    home: Path
    store: str | None
    force: bool
    log: Form | None = None

    def config(self, mlflow: str | None) -> dict[str, str | bool | None]:
        """The same as parameters of the flow."""
        return {
            "project": str(self.project),
            "recipes": self.recipes,
            "target": self.target,
            "mlflow": mlflow,
            "home": str(self.home),
            "store": self.store,
            "signing_key": signing_key(),
            "force": self.force,
        }


def run_project(order: Order) -> None:
    """Run the chain. Raises: EmberflowError: the project is wrong, a stage failed, or no variant fits."""
    console, home = Console(), order.home
    log_as(order.log)
    if order.mlflow:
        refuse_mlflow_password(order.mlflow)
    if order.store:
        refuse_store_password(order.store)
    _refuse_the_impossible(order.project, order.recipes)
    Workshop.at(home, address=order.store or "").store.check()
    prepare_environment(home)
    mlflow = order.mlflow or join_stack(home)
    try:
        with Progress(Console(quiet=bool(log_form()))) as progress:
            record = _run(progress, order.config(mlflow))
    except NothingFits as error:
        show_record(last_record(home, None), home, console)
        raise NothingFits(f"no variant fits. {error}") from error
    remember_migration(home)
    show_record(record, home, console)
    if record.failures:
        words = f"{len(record.failures)} of {len(record.failures) + len(record.variants)} recipes failed; see above"
        if log_form():
            complain(words, logging.WARNING)
        else:
            sys.stderr.write(f"{words}\n")


def _refuse_the_impossible(project: Path, recipes: str | None) -> None:
    """What can be told at once is told before anything is started."""
    read = read_project(project)
    sort_out(look_at(read, project.resolve().parent), expand_recipes(recipes) if recipes else read.recipes)


def _run(progress: Progress, config: dict[str, str | bool | None]) -> Record:
    progress.say("starting Prefect (about 10 seconds)")
    server = start_server()
    from httpx import HTTPError

    from flows.retrain_to_deploy import retrain_to_deploy
    from flows.settings import RunConfig, set_up

    setting = set_up(run := RunConfig.model_validate(config))
    Thread(target=setting.tracker.warm_up, daemon=True).start()  # while the server starts
    check_approval(setting.approval_seconds, has_ui=server is None)
    progress.listen()
    if server:
        server.wait_until_ready()
    try:
        return retrain_to_deploy(run)
    except HTTPError as error:  # Prefect's server answers 500 when its data base finds no room
        if is_full(setting.workshop.home):
            raise no_space(setting.workshop.home) from error
        raise


def check_approval(wait_seconds: float | None, *, has_ui: bool) -> None:
    """Raises: ProjectError: a person is to be asked, and there is nowhere to ask: the run's own Prefect has no UI."""
    if wait_seconds is not None and not has_ui:
        raise ProjectError(
            "the project wants a person's approval, which is asked for in Prefect's UI, and this run's own Prefect has none; start"
            " `emberflow up` first, or set PREFECT_API_URL to a server"
        )
