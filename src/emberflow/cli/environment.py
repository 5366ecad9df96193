"""The environment of Prefect and MLflow when nobody set it: everything in the home folder, nobody called. Sets variables; starts nothing."""

import os
from importlib.metadata import version
from pathlib import Path

from emberflow.adapters.tracking import ENVIRONMENT
from emberflow.cli.lines import log_form
from emberflow.cli.password import read_password
from emberflow.cli.stack import running_stack
from emberflow.cli.stack_orders import client_environment
from emberflow.errors import StoreError
from emberflow.secret import refuse_key

QUIET = ENVIRONMENT | {
    "DO_NOT_TRACK": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # by which the stack sees that a run was killed
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",  # the flows use none
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # the progress on the terminal is ours
    # states of tasks, written once a second: one by one they take the server three times as long, and the last ones may come too late for its end
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}


def prepare_environment(home: Path) -> None:
    """Point Prefect at `home`, before it is imported; what is set already, such as PREFECT_API_URL, is kept.

    Raises: StoreError: the folder can't be made.
    """
    home = home.resolve()
    try:
        (home / "prefect").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"can't make the folder '{home}': {error.strerror}; give --home a folder that you may write to") from error
    said = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO"} if log_form() else {}
    wanted = QUIET | said | {"PREFECT_HOME": str(home / "prefect"), "PREFECT_LOCAL_STORAGE_PATH": str(home / "results")}
    if is_migrated(home):
        wanted["PREFECT_API_DATABASE_MIGRATE_ON_START"] = "false"  # looking for migrations takes two seconds
    for name, value in wanted.items():
        os.environ.setdefault(name, value)


def join_stack(home: Path) -> str | None:
    """Point Prefect at the stack that `emberflow up` started for `home`, where it runs: runs show in its UIs. MLflow's address then, else None."""
    stack = running_stack(home.resolve())
    if stack is None:
        return None
    password = read_password(home.resolve()) if stack.is_secure else None
    for name, value in client_environment(stack.prefect, password).items():
        os.environ.setdefault(name, value)
    return stack.mlflow


def signing_key() -> str | None:
    """The file of the key that EMBERFLOW_SIGNING_KEY names, as an absolute path; None where it isn't set. Raises: ProjectError: it is the key itself."""
    named = os.environ.get("EMBERFLOW_SIGNING_KEY")
    return str(Path(refuse_key(named, "EMBERFLOW_SIGNING_KEY")).absolute()) if named else None


def is_migrated(home: Path) -> bool:
    """Whether Prefect's data base under `home` was noted as that of the installed version, so that a start doesn't look."""
    return _migrated(home.resolve()).is_file()


def remember_migration(home: Path) -> None:
    """Note that Prefect's data base under `home` is that of the installed version, so that the next start need not look."""
    _migrated(home.resolve()).touch()


def _migrated(home: Path) -> Path:
    return home / "prefect" / f"migrated-{version('prefect')}"
