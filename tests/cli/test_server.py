"""Prefect's server of one run: started by us where nobody chose one, known by its address, ended."""

import os

import pytest

from emberflow.cli.environment import prepare_environment
from emberflow.cli.server import start_server
from emberflow.errors import EmberflowError

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """This process's environment without anything of Prefect's, prepared for a home folder of its own."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    monkeypatch.setattr("os.environ", mine)
    prepare_environment(tmp_path)
    return mine


def test_a_server_answers_under_the_address_that_prefect_is_told(environment):
    """On this machine alone; it ends when it is told to."""
    server = start_server()
    try:
        server.wait_until_ready()
        assert environment["PREFECT_API_URL"] == server.url
        assert server.url.startswith("http://127.0.0.1:")
    finally:
        server.stop()

    assert server.process.returncode is not None


def test_a_server_that_somebody_chose_is_kept(environment):
    """By its address; nothing is started."""
    environment["PREFECT_API_URL"] = "http://prefect.example:4200/api"

    assert start_server() is None
    assert environment["PREFECT_API_URL"] == "http://prefect.example:4200/api"


def test_a_profile_of_prefects_is_left_to_prefect(environment, tmp_path):
    """It may name a server, and only Prefect can read it."""
    (tmp_path / "prefect" / "profiles.toml").write_text('active = "team"\n')

    assert start_server() is None
    assert "PREFECT_API_URL" not in environment


def test_a_server_that_ends_while_it_starts_is_told(environment):
    """With its exit code, and how to see more; here its data base can't be."""
    environment["PREFECT_API_DATABASE_CONNECTION_URL"] = "sqlite+aiosqlite:////proc/nowhere/prefect.db"
    server = start_server()

    with pytest.raises(EmberflowError, match=r"Prefect's server ended with exit code \d+ while it started; set PREFECT_SERVER_LOGGING_LEVEL=INFO"):
        server.wait_until_ready()
