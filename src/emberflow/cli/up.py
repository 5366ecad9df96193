"""`emberflow up` and `emberflow down`: the servers and the worker of one home folder, started and ended. Knows nothing of what they serve."""

import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from pydantic import ValidationError
from rich.console import Console

from emberflow.adapters.tracking import Tracker
from emberflow.alert import ALERTS, Recipient
from emberflow.cli.environment import prepare_environment, remember_migration
from emberflow.cli.password import Password, make_password, read_password
from emberflow.cli.ports import MLFLOW_PORT, PREFECT_PORT, check_ports
from emberflow.cli.progress import Progress
from emberflow.cli.stack import MARK, Member, Stack, end_processes, forget_stack, one_at_a_time, read_stack, write_stack
from emberflow.cli.stack_orders import MLFLOW, PREFECT, WORKER, Order, Place, is_loopback, mlflow_order, prefect_order, worker_order
from emberflow.errors import EmberflowError, ProjectError
from emberflow.project import read_project
from emberflow.schedule import Schedule
from emberflow.units import show_seconds

_START_SECONDS = 180.0  # 35 s on two idle cores
_PATIENCE_SECONDS = 15.0  # a run that is told to end closes its runs in Prefect and MLflow first
_SHOWN_LINES = 5
_UI = "#/experiments?workflowType=machine_learning"  # else MLflow 3 opens its pages for language models


@dataclass(frozen=True)
class Listen:
    """Where somebody wants the servers to listen, and whether they ask for a password on this machine too."""

    host: str = "127.0.0.1"
    prefect_port: int = PREFECT_PORT
    mlflow_port: int = MLFLOW_PORT
    is_secure: bool = False


@dataclass(frozen=True)
class Work:
    """What the worker is for: the project that the forms name at first, when it is retrained, and who hears of what goes wrong; None: as before."""

    project: Path | None = None
    schedule: Schedule | None = None
    alerts: str | None = field(default=None, repr=False)

    @property
    def words(self) -> tuple[str, ...]:
        """The same, as deployments.catalog takes it."""
        project = ("--project", str(self.project)) if self.project else ()
        return (*project, *(("--cron", self.schedule.cron, "--time-zone", self.schedule.time_zone) if self.schedule else ()))


def work_of(project: Path | None, cron: str | None, time_zone: str, alerts: str | None = None) -> Work:
    """Raises: ProjectError: the project can't be read, or is missing where a schedule is given; the schedule is none that comes round;
    nobody can be told so."""
    if project:
        read_project(project)
    if cron and not project:
        raise ProjectError("received --cron without --project; expected the project that is to be retrained then")
    if alerts:
        Recipient.parse(alerts)
    try:
        return Work(project, Schedule(cron=cron, time_zone=time_zone) if cron else None, alerts)
    except ValidationError as error:
        raise ProjectError(" ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())) from error


def bring_up(home: Path, listen: Listen, work: Work) -> None:
    """Start the stack of `home`, or join the one that runs, which keeps to its work.

    Raises: EmberflowError: a port is in use, a process ended while it started, or of the stack that runs a part has died.
    """
    console, home = Console(), home.resolve()
    prepare_environment(home)
    os.environ.pop(ALERTS, None)  # of what is started, only the worker needs it
    with one_at_a_time(home):
        stack = read_stack(home)
        if stack and stack.processes():
            _join(stack, console)
            return
        check_ports(listen.host, {"--prefect-port": listen.prefect_port, "--mlflow-port": listen.mlflow_port})
        if stack:
            console.print("The last stack ended without `emberflow down`; starting anew.", highlight=False)
            forget_stack(home)
        place = Place(home, listen.host, listen.prefect_port, listen.mlflow_port, password_for(home, listen, console))
        stack = _start(place, work, console)
    remember_migration(home)
    tell(stack, console)


def _join(stack: Stack, console: Console) -> None:
    if stack.dead:
        lines = "; ".join(f"{member.name} died, its log is {member.log}" for member in stack.dead)
        raise EmberflowError(f"of the stack that was started here a part runs no more: {lines}. End the rest with `emberflow down`, then start again")
    console.print("It is running already.", highlight=False)
    tell(stack, console)


def tell(stack: Stack, console: Console) -> None:
    """Print where the UIs are."""
    for name, page in stack.pages.items():
        console.print(f"[bold]{name:<8}[/bold]{page}", soft_wrap=True, highlight=False)
    console.print("[bold]end[/bold]     emberflow down", highlight=False)


def password_for(home: Path, listen: Listen, console: Console) -> Password | None:
    """None where only this machine can reach the servers and no password is wanted; a new one is shown here and never again."""
    if is_loopback(listen.host) and not listen.is_secure:
        return None
    kept = read_password(home)
    if kept:
        console.print(f"User and password are those of the first start; they are kept in {home / 'password'}.", highlight=False, soft_wrap=True)
        return kept
    made = make_password(home)
    user, word = made.pair.split(":")
    console.print(f"User [bold]{user}[/bold], password [bold]{word}[/bold]: for both servers, shown only now.", highlight=False, soft_wrap=True)
    return made


def _start(place: Place, work: Work, console: Console) -> Stack:
    versions = {name: version(name) for name in ("emberflow", "prefect", "mlflow")}
    stack = Stack(
        mark=secrets.token_hex(8),
        prefect=place.prefect,
        mlflow=place.mlflow,
        pages={PREFECT: place.prefect_page, MLFLOW: f"{place.mlflow_page}/{_UI}"},
        is_secure=bool(place.password),
        versions=versions,
    )
    began, start = datetime.now(UTC), time.monotonic()
    prefect, mlflow, runner = prefect_order(place), mlflow_order(place), worker_order(place, work.words, Path.cwd(), work.alerts)
    try:
        with Progress(console) as progress:
            progress.say("starting Prefect and MLflow (about half a minute)")
            stack = _spawn(stack, prefect, place.home)
            if not (place.home / "mlflow.db").exists():
                Tracker.local(place.home).warm_up()  # makes the tables: killed while it does, MLflow's server would leave half of them for good
            stack = _spawn(stack, mlflow, place.home)
            _wait(stack, PREFECT, lambda: _answers(f"{stack.prefect}/api/health"))
            progress.say(f"Prefect answers after {show_seconds(time.monotonic() - start)}; starting the worker")
            stack = _spawn(stack, runner, place.home)
            _wait(stack, MLFLOW, lambda: _answers(f"{stack.mlflow}/health"))
            progress.say(f"MLflow answers after {show_seconds(time.monotonic() - start)}")
            _wait(stack, WORKER, lambda: _polls(stack.prefect, place.password, began))
            progress.say(f"the worker waits for runs after {show_seconds(time.monotonic() - start)}")
    except BaseException:
        end_processes(stack.processes(), _PATIENCE_SECONDS)
        forget_stack(place.home)
        raise
    return stack


def _spawn(stack: Stack, order: Order, home: Path) -> Stack:
    """Start one process, detached, and note it at once: should this command be killed, `emberflow down` finds what it started."""
    log = home / "logs" / f"{order.name.lower()}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            order.words,
            env=os.environ | order.environment | {MARK: stack.mark},
            cwd=order.folder,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    stack = stack.model_copy(update={"members": (*stack.members, Member(name=order.name, pid=process.pid, log=str(log)))})
    write_stack(home, stack)
    return stack


def _wait(stack: Stack, name: str, is_ready: Callable[[], bool]) -> None:
    end = time.monotonic() + _START_SECONDS
    while not is_ready():
        member = next(member for member in (*stack.dead, *stack.members) if member.name == name or member in stack.dead)
        if member in stack.dead or time.monotonic() > end:
            fate = "ended while it started" if member in stack.dead else f"did not answer within {show_seconds(_START_SECONDS)}"
            raise EmberflowError(f"{member.name} {fate}; its log, {member.log}, ends with:\n{_last_lines(Path(member.log))}")
        time.sleep(0.3)


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN_LINES:])


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as answer:  # noqa: S310 - the address is our own
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False


def _polls(prefect: str, password: Password | None, since: datetime) -> bool:
    """Whether the worker has asked for runs since then: Prefect notes it on each deployment."""
    request = Request(f"{prefect}/api/deployments/filter", b"{}", {"Content-Type": "application/json"})  # noqa: S310 - the address is our own
    if password:
        request.add_header("Authorization", password.header)
    try:
        with urlopen(request, timeout=5) as answer:  # noqa: S310 - the address is our own
            return any(datetime.fromisoformat(each) > since for each in _polled(json.load(answer)))
    except (URLError, ConnectionError, TimeoutError):
        return False


def _polled(deployments: list[dict[str, str | None]]) -> Iterable[str]:
    return (each["last_polled"] for each in deployments if each["last_polled"])


def take_down(home: Path) -> None:
    """End every process of the stack: first the worker and its runs, which still have something to tell the servers; data stay."""
    console, home = Console(), home.resolve()
    if not home.is_dir():
        console.print(f"Nothing runs for '{home}': there is no such folder.", highlight=False, soft_wrap=True)
        return
    with one_at_a_time(home):
        stack = read_stack(home)
        if stack is None:
            console.print(f"Nothing runs for '{home}'.", highlight=False, soft_wrap=True)
            return
        for member in stack.dead:
            console.print(f"{member.name} had died already; its log is {member.log}", highlight=False, soft_wrap=True)
        servers = stack.tree_of((PREFECT, MLFLOW))
        end_processes([process for process in stack.processes() if process.pid not in servers], _PATIENCE_SECONDS)
        end_processes(stack.processes(), _PATIENCE_SECONDS)
        forget_stack(home)
    console.print(f"All is ended; the data are kept in '{home}'.", highlight=False, soft_wrap=True)
