"""The environment of Prefect and MLflow when nobody set it: everything in the home folder, nobody called. Sets variables; starts nothing."""

import os
from pathlib import Path

from emberflow.adapters.tracking import ENVIRONMENT
from emberflow.errors import StoreError

QUIET = ENVIRONMENT | {
    "DO_NOT_TRACK": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # the progress on the terminal is ours
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
    wanted = QUIET | {"PREFECT_HOME": str(home / "prefect"), "PREFECT_LOCAL_STORAGE_PATH": str(home / "results")}
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
