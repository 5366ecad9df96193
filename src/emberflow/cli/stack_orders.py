"""What is started for a stack: the command and the environment of each of its processes. Builds values; starts nothing and opens nothing."""

import ipaddress
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emberflow.alert import ALERTS
from emberflow.cli.password import USER, Password

PREFECT, MLFLOW, WORKER = "Prefect", "MLflow", "worker"
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True)
class Order:
    """A process to start: its words, what its environment has besides that of the command line, and where it works."""

    name: str
    words: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path


@dataclass(frozen=True)
class Place:
    """Where the servers listen, and the folder they keep their things in. With a password they answer nobody who doesn't give it."""

    home: Path
    host: str
    prefect_port: int
    mlflow_port: int
    password: Password | None

    @property
    def prefect(self) -> str:
        """Address of Prefect for processes of this machine."""
        return _address(_near(self.host), self.prefect_port)

    @property
    def mlflow(self) -> str:
        """Address of MLflow for processes of this machine."""
        return _address(_near(self.host), self.mlflow_port)

    @property
    def prefect_page(self) -> str:
        """Address of Prefect for a browser."""
        return _address(name_of(self.host), self.prefect_port)

    @property
    def mlflow_page(self) -> str:
        """Address of MLflow for a browser."""
        return _address(name_of(self.host), self.mlflow_port)


def _address(host: str, port: int) -> str:
    return f"http://{_in_url(host)}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def name_of(host: str) -> str:
    """What a browser calls `host`: where every address of the machine is listened to, the machine's name."""
    return socket.gethostname() if host in _EVERYWHERE else host


def _near(host: str) -> str:
    return "127.0.0.1" if host in _EVERYWHERE else host


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def prefect_order(place: Place) -> Order:
    """Prefect's API with all its services and the UI, in one process."""
    words = (sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--log-level", "warning", "--lifespan", "on")
    environment = {
        "PREFECT__SERVER_FINAL": "1",
        "PREFECT_SERVER_API_HOST": place.host,
        "PREFECT_SERVER_API_PORT": str(place.prefect_port),
        "PREFECT_UI_URL": place.prefect_page,  # for links in alerts that the server writes itself
        "PREFECT_SERVER_UI_API_URL": f"{place.prefect_page}/api",  # else the UI asks port 4200
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": place.prefect_page,
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",  # on a terminal of ours it is silent
        # kept in memory, the turn of a run that died together with the server would never be given back
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",  # seconds that one writer waits for another: SQLite has one at a time
    }
    if place.password:
        environment["PREFECT_SERVER_API_AUTH_STRING"] = place.password.pair
    return Order(PREFECT, (*words, "--host", place.host, "--port", str(place.prefect_port)), environment, place.home)


def mlflow_order(place: Place) -> Order:
    """MLflow's server over the data base and the files that runs without a server use too: so the files aren't passed on, each run opens them."""
    words = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", place.host, "--port", str(place.mlflow_port)]
    words += ["--backend-store-uri", f"sqlite:///{place.home / 'mlflow.db'}"]
    words += ["--no-serve-artifacts", "--default-artifact-root", (place.home / "mlflow-artifacts").as_uri()]
    names = {name_of(place.host), place.host, "localhost", "127.0.0.1"}
    environment = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # one process instead of fifteen
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(sorted(f"{_in_url(name)}:{place.mlflow_port}" for name in names)),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": place.mlflow_page,
    }
    if place.password:
        words += ["--app-name", "basic-auth"]
        environment |= {
            "MLFLOW_AUTH_CONFIG_PATH": str(place.password.mlflow_settings),
            "MLFLOW_AUTH_ADMIN_USERNAME": USER,
            "MLFLOW_AUTH_ADMIN_PASSWORD": place.password.word,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": place.password.key,
        }
    return Order(MLFLOW, tuple(words), environment, place.home)


def worker_order(place: Place, work: tuple[str, ...], folder: Path, alerts: str | None = None) -> Order:
    """The process that waits for runs of the deployments and starts each in a process of its own, in `folder`; `work` are arguments of the catalog.

    Args: alerts: who hears of what goes wrong; an argument could be read by everybody on this machine, the environment can't.
    """
    words = (sys.executable, "-m", "deployments.catalog", "--home", str(place.home), "--mlflow", place.mlflow, *work)
    environment = {
        **client_environment(place.prefect, place.password),
        "PREFECT_UI_URL": place.prefect_page,
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO",
        "PREFECT_RUNNER_POLL_FREQUENCY": "3",  # seconds from a click to the start, of Prefect's ten
        **({ALERTS: alerts} if alerts else {}),
    }
    return Order(WORKER, words, environment, folder)


def client_environment(prefect: str, password: Password | None) -> dict[str, str]:
    """What a process needs in order to be let in."""
    environment = {"PREFECT_API_URL": f"{prefect}/api"}
    if password:
        environment |= {
            "PREFECT_API_AUTH_STRING": password.pair,
            "MLFLOW_TRACKING_USERNAME": USER,
            "MLFLOW_TRACKING_PASSWORD": password.word,
        }
    return environment
