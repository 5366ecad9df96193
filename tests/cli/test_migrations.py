"""Data bases: of which version they are is read without their programs, and the command that is told really migrates them."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

from emberflow.cli.environment import remember_migration
from emberflow.cli.finding import Finding
from emberflow.cli.migrations import MLFLOW, PREFECT, look_at_data_bases, revision_of

OLD_MLFLOW = "f5a4f2784254"  # of MLflow 2.17


@pytest.fixture(autouse=True)
def without_prefect(monkeypatch):
    """Nobody has chosen a Prefect."""
    for name in list(os.environ):
        if name.startswith("PREFECT_"):
            monkeypatch.delenv(name)


def stamped(file, revision):
    """A data base with nothing but alembic's note."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        opened.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
        opened.commit()
    return file


@pytest.mark.parametrize("source", [MLFLOW, PREFECT], ids=["mlflow", "prefect"])
def test_all_migrations_are_found_and_lead_to_one_head(source):
    """Of the installed version, by its files alone; their number is that of the files."""
    known, heads = source.revisions()

    assert len(heads) == 1
    assert heads < known
    assert len(known) > 50


def test_where_there_is_no_data_base_nothing_is_said(tmp_path):
    """The first run makes them."""
    assert list(look_at_data_bases(tmp_path)) == []


def test_data_bases_of_the_installed_versions_are_well(tmp_path):
    """By alembic's note; one in which nothing is yet is well too."""
    stamped(tmp_path / "mlflow.db", *MLFLOW.revisions()[1])
    (tmp_path / "prefect").mkdir()
    sqlite3.connect(tmp_path / "prefect" / "prefect.db").close()

    assert list(look_at_data_bases(tmp_path)) == [
        Finding("MLflow's data base", f"of MLflow {version('mlflow')}"),
        Finding("Prefect's data base", "empty"),
    ]


def test_an_older_one_of_mlflow_stops_a_run_and_is_told_with_the_command(tmp_path):
    """Its address has four slashes, as an absolute path of SQLite has."""
    file = stamped(tmp_path / "mlflow.db", OLD_MLFLOW)
    (head,) = MLFLOW.revisions()[1]
    program = Path(sys.executable).with_name("mlflow")

    assert list(look_at_data_bases(tmp_path)) == [
        Finding(
            "MLflow's data base",
            f"'{file}' is of an older version ({OLD_MLFLOW})",
            f"expected {head}, of MLflow {version('mlflow')}; copy the file, then: {program} db upgrade sqlite:///{file}",
        )
    ]


def test_an_older_one_of_prefect_is_migrated_by_the_next_run(tmp_path):
    """Unless it was noted as migrated, as it is after the first run, and exchanged since: then a run doesn't look, and would stop."""
    known, heads = PREFECT.revisions()
    file = stamped(tmp_path / "prefect" / "prefect.db", old := sorted(known - heads)[0])
    command = f"PREFECT_API_DATABASE_CONNECTION_URL=sqlite+aiosqlite:///{file} {Path(sys.executable).with_name('prefect')} server database upgrade -y"
    expected = f"expected {next(iter(heads))}, of Prefect {version('prefect')}"

    (finding,) = look_at_data_bases(tmp_path)
    found = f"'{file}' is of an older version ({old})"
    assert finding == Finding("Prefect's data base", found, f"{expected}; the next run migrates it, or: {command}", is_needed=False)

    remember_migration(tmp_path)
    (finding,) = look_at_data_bases(tmp_path)
    assert finding == Finding("Prefect's data base", found, f"{expected}; copy the file, then: {command}")


def test_one_of_a_newer_version_is_told(tmp_path):
    """No migration leads back."""
    file = stamped(tmp_path / "mlflow.db", "feedfacecafe")

    (finding,) = look_at_data_bases(tmp_path)
    assert finding.found == f"'{file}' is of a newer version (feedfacecafe)"
    assert finding.remedy == (f"expected one that MLflow {version('mlflow')} knows; install the version that made it, or bring back an older copy")


def test_a_file_that_is_none_is_told(tmp_path):
    """In SQLite's own words."""
    (tmp_path / "mlflow.db").write_bytes(b"no data base at all, but longer than the head of one" * 20)

    (finding,) = look_at_data_bases(tmp_path)
    assert finding.found == f"'{tmp_path / 'mlflow.db'}' can't be read"
    assert finding.remedy == (
        "expected a data base of SQLite (file is not a database); bring it back from a copy, or move it away: a new one is made"
    )


@pytest.mark.parametrize("name", ["PREFECT_API_URL", "PREFECT_API_DATABASE_CONNECTION_URL"])
def test_a_data_base_of_a_server_of_ones_own_is_not_looked_at(tmp_path, monkeypatch, name):
    """Whoever keeps it migrates it."""
    stamped(tmp_path / "prefect" / "prefect.db", "feedfacecafe")
    monkeypatch.setenv(name, "http://prefect.example/api")

    assert list(look_at_data_bases(tmp_path)) == []


def obey(finding):
    """Carry out the command that a finding tells."""
    command = finding.remedy.partition(": ")[2]
    return subprocess.run(command, shell=True, check=True, capture_output=True, timeout=300)  # noqa: S602 - our own words


@pytest.mark.long
def test_the_command_really_migrates_mlflows(tmp_path):
    """A data base that MLflow's own migrations made, up to an old revision; afterwards MLflow takes it, and has nothing left to do."""
    from alembic import command
    from mlflow import MlflowClient
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base
    from sqlalchemy import create_engine

    url = f"sqlite:///{tmp_path / 'mlflow.db'}"
    engine = create_engine(url)
    Base.metadata.create_all(engine)  # where the first migration begins
    engine.dispose()
    command.upgrade(_get_alembic_config(url), OLD_MLFLOW)
    (finding,) = look_at_data_bases(tmp_path)
    assert finding.found == f"'{tmp_path / 'mlflow.db'}' is of an older version ({OLD_MLFLOW})"

    obey(finding)

    assert list(look_at_data_bases(tmp_path)) == [Finding("MLflow's data base", f"of MLflow {version('mlflow')}")]
    assert [each.name for each in MlflowClient(url).search_experiments()] in ([], ["Default"])


@pytest.mark.long
def test_the_command_really_migrates_prefects(tmp_path):
    """One that Prefect itself has taken a revision back."""
    file = tmp_path / "prefect" / "prefect.db"
    file.parent.mkdir()
    program = str(Path(sys.executable).with_name("prefect"))
    environment = os.environ | {"PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{file}", "PREFECT_HOME": str(tmp_path / "prefect")}
    for words in (("upgrade",), ("downgrade", "-r", "-1")):
        subprocess.run([program, "server", "database", *words, "-y"], env=environment, check=True, capture_output=True, timeout=300)
    (finding,) = look_at_data_bases(tmp_path)
    assert finding.found == f"'{file}' is of an older version ({revision_of(file)})"

    obey(finding)

    assert list(look_at_data_bases(tmp_path)) == [Finding("Prefect's data base", f"of Prefect {version('prefect')}")]
