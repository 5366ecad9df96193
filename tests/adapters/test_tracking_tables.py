"""MLflow's tables in a fresh SQLite file."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from emberflow.adapters.tracking import Tracker
from emberflow.adapters.tracking_tables import make_tables


@pytest.mark.slow
def test_who_is_killed_while_it_makes_the_tables_leaves_none(tmp_path: Path) -> None:
    """MLflow can't go on from half of them: the next process makes them all, and nothing is left beside."""
    code = "import sys; from pathlib import Path; from emberflow.adapters.tracking import Tracker;"
    code += "Tracker.local(Path(sys.argv[1])).open_run('e', 'r', {})"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) as process:
        while not any(os.path.getsize(path) > 100_000 for path in tmp_path.glob("mlflow.db*") if not path.name.endswith("-journal")):  # of 950 KB
            assert process.poll() is None
            time.sleep(0.001)
        process.kill()

    assert not (tmp_path / "mlflow.db").exists() or not (tmp_path / "mlflow.db").stat().st_size
    assert Tracker.local(tmp_path).open_run("e", "r", {}).experiment_id == "1"
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db", "mlflow.db.lock"}


def test_a_file_that_holds_something_stays_as_it_is(tmp_path: Path) -> None:
    """Of whichever version: MLflow itself says what it thinks of it."""
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as base:
        base.execute("CREATE TABLE experiments (name TEXT)")
    before = (tmp_path / "mlflow.db").read_bytes()

    make_tables(tmp_path / "mlflow.db")

    assert before == (tmp_path / "mlflow.db").read_bytes()


def test_an_empty_file_gets_the_tables_and_old_leftovers_do_not_count(tmp_path: Path) -> None:
    """SQLite would play a journal that lies beside the new file back into it."""
    for name in ("mlflow.db", "mlflow.db.new", "mlflow.db.new-journal"):
        (tmp_path / name).write_bytes(b"" if name == "mlflow.db" else b"left by somebody who was killed")

    make_tables(tmp_path / "mlflow.db")

    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as base:
        assert base.execute("SELECT count(*) FROM experiments").fetchone() == (0,)
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]
