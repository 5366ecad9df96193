"""What is started, by command and environment, on this machine alone and for others."""

import re
import socket
from pathlib import Path

import pytest

from emberflow.cli.password import Password
from emberflow.cli.stack_orders import Place, client_environment, is_loopback, mlflow_order, name_of, prefect_order, worker_order

HOME = Path("/home/me/.emberflow")
ALONE = Place(HOME, "127.0.0.1", 4200, 5000, None)
FOR_ALL = Place(HOME, "0.0.0.0", 4200, 5000, Password("secret", "key", HOME / "mlflow-auth.ini"))  # noqa: S104
ORDERS = (prefect_order, mlflow_order, lambda place: worker_order(place, (), HOME))


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("board.example", False)],  # noqa: S104
)
def test_who_can_reach_a_host(host, expected):
    """A name counts as reachable from elsewhere, whatever it resolves to today."""
    assert expected == is_loopback(host)


@pytest.mark.parametrize("order", ORDERS[:2])
def test_servers_listen_where_they_are_told_and_nowhere_else(order):
    """Each word once."""
    words = order(ALONE).words

    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert words.count("--host") == words.count("--port") == 1


def test_prefects_ui_asks_its_own_port():
    """Without this it asks 4200."""
    place = Place(HOME, "127.0.0.1", 4321, 5000, None)

    assert prefect_order(place).environment["PREFECT_SERVER_UI_API_URL"] == "http://127.0.0.1:4321/api"


def test_the_turns_of_runs_outlive_prefects_server():
    """In files below Prefect's home: after a power cut they run out, and the next run of the project begins."""
    assert prefect_order(ALONE).environment["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"] == "prefect.server.concurrency.lease_storage.filesystem"


def test_mlflow_opens_what_runs_without_a_server_use():
    """The same data base, and the same folder of files by the same kind of address."""
    words = " ".join(mlflow_order(ALONE).words)

    assert "--backend-store-uri sqlite:////home/me/.emberflow/mlflow.db" in words
    assert "--no-serve-artifacts --default-artifact-root file:///home/me/.emberflow/mlflow-artifacts" in words


def test_mlflow_stays_small_as_the_configuration_for_a_team_says():
    """mlflow/server.env.example sets the same."""
    example = (Path(__file__).parents[2] / "mlflow" / "server.env.example").read_text()
    settings = dict(re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE))
    order = mlflow_order(ALONE)

    name = "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"
    assert settings[name] == order.environment[name] == "false"
    assert settings["MLFLOW_WORKERS"] == order.words[order.words.index("--workers") + 1] == "1"


def test_alone_nobody_is_asked_for_a_password():
    """Neither server has one, and the worker gives none."""
    said = [order(ALONE) for order in ORDERS]

    assert not any("AUTH" in name or "PASSWORD" in name for order in said for name in order.environment)
    assert "--app-name" not in said[1].words


def test_for_others_both_servers_ask_and_the_worker_knows():
    """Prefect for user and password in one, MLflow through its own app."""
    prefect, mlflow, worker = (order(FOR_ALL) for order in ORDERS)

    assert prefect.environment["PREFECT_SERVER_API_AUTH_STRING"] == worker.environment["PREFECT_API_AUTH_STRING"] == "emberflow:secret"
    assert mlflow.words[-2:] == ("--app-name", "basic-auth")
    assert mlflow.environment["MLFLOW_AUTH_CONFIG_PATH"] == "/home/me/.emberflow/mlflow-auth.ini"
    assert (mlflow.environment["MLFLOW_AUTH_ADMIN_USERNAME"], mlflow.environment["MLFLOW_AUTH_ADMIN_PASSWORD"]) == ("emberflow", "secret")
    assert (worker.environment["MLFLOW_TRACKING_USERNAME"], worker.environment["MLFLOW_TRACKING_PASSWORD"]) == ("emberflow", "secret")


@pytest.mark.parametrize("order", ORDERS)
def test_no_command_line_shows_the_password(order):
    """Everybody on the machine can read those."""
    assert "secret" not in " ".join(order(FOR_ALL).words)
    assert "secret" not in repr(FOR_ALL)


def test_for_others_mlflow_answers_to_the_machines_name_only():
    """And to this machine's own; a page from elsewhere may not ask it."""
    environment = mlflow_order(FOR_ALL).environment
    here = socket.gethostname()

    assert environment["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",") == sorted([f"{here}:5000", "0.0.0.0:5000", "127.0.0.1:5000", "localhost:5000"])
    assert environment["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] == f"http://{here}:5000"
    assert prefect_order(FOR_ALL).environment["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == f"http://{here}:4200"


def test_the_worker_reaches_the_servers_on_this_machine_wherever_they_listen():
    """By 127.0.0.1; a browser elsewhere takes the machine's name."""
    worker = worker_order(FOR_ALL, ("--cron", "0 2 * * *"), HOME)

    assert worker.environment["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    assert worker.words[-6:] == ("--home", "/home/me/.emberflow", "--mlflow", "http://127.0.0.1:5000", "--cron", "0 2 * * *")
    assert FOR_ALL.prefect_page == f"http://{name_of(FOR_ALL.host)}:4200"
    assert "EMBERFLOW_ALERTS" not in worker.environment


def test_who_is_told_stands_in_the_workers_environment_alone():
    """An argument could be read by everybody on this machine; the servers need not know."""
    worker = worker_order(ALONE, (), HOME, "https://hooks.example.com/secret")

    assert worker.environment["EMBERFLOW_ALERTS"] == "https://hooks.example.com/secret"
    assert not any("secret" in word for word in worker.words)
    assert all("EMBERFLOW_ALERTS" not in order(ALONE).environment for order in (prefect_order, mlflow_order))


def test_an_address_of_ipv6_stands_in_brackets():
    """As RFC 3986 has it."""
    place = Place(HOME, "::1", 4200, 5000, None)

    assert (place.prefect, place.mlflow_page) == ("http://[::1]:4200", "http://[::1]:5000")


def test_who_has_no_password_gives_none():
    """Only the address."""
    assert client_environment("http://127.0.0.1:4200", None) == {"PREFECT_API_URL": "http://127.0.0.1:4200/api"}
