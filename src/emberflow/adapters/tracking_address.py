"""Addresses of an MLflow: which can be, how they are shown, where its UI has a page. Arithmetic on words; opens nothing."""

import json
from collections.abc import Sequence
from urllib.parse import quote, urlsplit, urlunsplit

from emberflow.errors import ProjectError
from emberflow.values import Value

SQLITE = "sqlite:///"
SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql")
_MODE = "workflowType=machine_learning"  # without it MLflow 3 opens its UI for language models


class RunIds(Value):
    """A run by MLflow's identifiers."""

    experiment_id: str
    run_id: str


def check_address(uri: str) -> None:
    """Raises ProjectError for a scheme that MLflow 3 doesn't track to, or a SQLite file by a relative path."""
    if urlsplit(uri).scheme.split("+")[0] not in SCHEMES:
        raise ProjectError(
            f"received '{hide_password(uri)}' as MLflow's address; expected a server such as http://127.0.0.1:5000,"
            " or a data base such as sqlite:////home/me/mlflow.db (MLflow 3 keeps no runs in plain folders)"
        )
    if uri.startswith("sqlite") and not uri.startswith(f"{SQLITE}/"):
        raise ProjectError(
            f"received '{uri}' as MLflow's address; expected an absolute path after sqlite:///, as in sqlite:////home/me/mlflow.db:"
            " a relative one is another data base in every working directory"
        )


def is_server(uri: str) -> bool:
    """Whether an MLflow server answers at `uri`, rather than a data base."""
    return urlsplit(uri).scheme in ("http", "https")


def hide_password(uri: str) -> str:
    """`uri` as it may be shown: without password."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    _, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}"))


def hide_user(uri: str) -> str:
    """`uri` as a link: without user and password."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def run_page(ids: RunIds) -> str:
    """The UI's page of a run, below the server's address."""
    return f"#/experiments/{ids.experiment_id}/runs/{ids.run_id}?{_MODE}"


def comparison_page(experiment_id: str, runs: Sequence[str]) -> str:
    """The UI's page that compares `runs`, below the server's address."""
    chosen, experiments = (quote(json.dumps(list(ids), separators=(",", ":"))) for ids in (runs, [experiment_id]))
    return f"#/compare-runs?runs={chosen}&experiments={experiments}&{_MODE}"
