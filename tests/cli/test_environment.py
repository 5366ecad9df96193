"""Prefect and MLflow are told where to work and whom not to call, unless somebody told them otherwise."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from emberflow.cli.environment import prepare_environment, remember_migration, signing_key
from emberflow.errors import ProjectError, StoreError


@pytest.fixture
def environment(monkeypatch):
    """An environment of this process in which nothing is set."""
    empty = {}
    monkeypatch.setattr("os.environ", empty)
    return empty


def test_prefect_works_in_the_home_folder(tmp_path, environment):
    """Its data base and results too, so that one folder holds all of a run."""
    prepare_environment(tmp_path / "home")

    assert environment["PREFECT_HOME"] == str(tmp_path / "home" / "prefect")
    assert environment["PREFECT_LOCAL_STORAGE_PATH"] == str(tmp_path / "home" / "results")
    assert (tmp_path / "home" / "prefect").is_dir()


def test_a_home_folder_named_from_here_is_made_absolute(tmp_path, environment, monkeypatch):
    """Workers and the server may have another working directory."""
    monkeypatch.chdir(tmp_path)
    prepare_environment(Path(".emberflow"))

    assert environment["PREFECT_HOME"] == str(tmp_path / ".emberflow" / "prefect")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DO_NOT_TRACK", "true"),
        ("PREFECT_SERVER_ANALYTICS_ENABLED", "false"),
        ("MLFLOW_DISABLE_TELEMETRY", "true"),
        ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3"),
        ("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120"),
        ("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL"),
    ],
)
def test_nobody_is_called_and_a_slow_start_is_borne(tmp_path, environment, name, value):
    """A fresh data base takes 27 s to start, Prefect's own limit is 20."""
    prepare_environment(tmp_path)

    assert environment[name] == value


def test_states_of_tasks_are_written_in_batches(tmp_path, environment):
    """Prefect knows the settings by these names; left to itself it writes each state alone."""
    from prefect.settings.models.server.services import ServerServicesTaskRunRecorderSettings

    assert (1, 1, 5) == _batches(ServerServicesTaskRunRecorderSettings())
    prepare_environment(tmp_path)

    assert (100, 100, 1) == _batches(ServerServicesTaskRunRecorderSettings())


def _batches(settings):
    return settings.read_batch_size, settings.batch_size, settings.flush_interval


@pytest.mark.parametrize("name", ["PREFECT_API_URL", "PREFECT_HOME", "DO_NOT_TRACK", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"])
def test_what_somebody_set_is_kept(tmp_path, environment, name):
    """A team's server, say, or a louder log."""
    environment[name] = "mine"

    prepare_environment(tmp_path)

    assert environment[name] == "mine"


def test_no_server_is_named_unless_somebody_did(tmp_path, environment):
    """So Prefect starts one of its own."""
    prepare_environment(tmp_path)

    assert "PREFECT_API_URL" not in environment


def test_migrations_are_looked_for_until_a_run_of_this_version_has_ended(tmp_path, environment):
    """Then the data base is as this version of Prefect wants it, and two seconds are saved."""
    prepare_environment(tmp_path)
    assert "PREFECT_API_DATABASE_MIGRATE_ON_START" not in environment

    remember_migration(tmp_path)
    prepare_environment(tmp_path)
    assert environment["PREFECT_API_DATABASE_MIGRATE_ON_START"] == "false"


def test_another_version_of_prefect_looks_again(tmp_path, environment):
    """The note carries the version."""
    prepare_environment(tmp_path)
    remember_migration(tmp_path)
    [note] = (tmp_path / "prefect").iterdir()
    assert note.name == f"migrated-{version('prefect')}"

    note.rename(note.with_name("migrated-3.0.0"))
    prepare_environment(tmp_path)

    assert "PREFECT_API_DATABASE_MIGRATE_ON_START" not in environment


def test_a_home_folder_that_cannot_be_made_is_told(tmp_path, environment):
    """Here a file stands in its way; nothing is set."""
    (tmp_path / "file").touch()

    with pytest.raises(StoreError) as caught:
        prepare_environment(tmp_path / "file" / "home")

    assert str(caught.value) == f"can't make the folder '{tmp_path / 'file' / 'home'}': Not a directory; give --home a folder that you may write to"
    assert "PREFECT_HOME" not in environment


def test_it_works_on_the_real_environment_of_a_process_that_has_not_imported_prefect(tmp_path):
    """Prefect reads the environment when it is imported: what sets it must not import it."""
    code = (
        "import os, sys; from pathlib import Path; from emberflow.cli.environment import prepare_environment;"
        "prepare_environment(Path(sys.argv[1])); print(os.environ['PREFECT_HOME'], 'prefect' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env={}, capture_output=True, text=True, check=True)

    assert answer.stdout == f"{tmp_path / 'prefect'} False\n"


def test_the_key_that_signs_is_named_from_here(environment, tmp_path, monkeypatch):
    """The project file may lie elsewhere; nothing is named by default."""
    assert signing_key() is None

    monkeypatch.chdir(tmp_path)
    environment["EMBERFLOW_SIGNING_KEY"] = "my.key"
    assert str(tmp_path / "my.key") == signing_key()


def test_a_key_in_the_environment_is_a_path(environment):
    """The key itself would become a parameter of the run."""
    environment["EMBERFLOW_SIGNING_KEY"] = "-----BEGIN PRIVATE KEY-----\nhunter2\n"

    with pytest.raises(ProjectError, match=r"received a key itself as EMBERFLOW_SIGNING_KEY \(not shown here\)") as raised:
        signing_key()
    assert "hunter2" not in str(raised.value)
