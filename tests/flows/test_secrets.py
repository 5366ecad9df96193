"""Secrets that a run needs, and where they must not be found afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emberflow.signing import make_keys

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.long]

SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAEMBERFLOWTEST",
    "AWS_SECRET_ACCESS_KEY": "hunter2/secret+access+key",
    "AWS_SESSION_TOKEN": "hunter2-session-token",
    "MLFLOW_TRACKING_USERNAME": "ann-of-the-test",
    "MLFLOW_TRACKING_PASSWORD": "hunter2-of-mlflow",
    "PGPASSWORD": "hunter2-of-postgres",
}


def test_no_secret_is_written_anywhere(write_project, tmp_path):
    """A run that signs and publishes, with keys and passwords in its environment: no file of the home folder or of the published place has one.

    Searched are the data bases of Prefect and MLflow, logs, records, results, bundles, and what the command said, which is every event there is.
    """
    make_keys(tmp_path / "my.key")
    key = (tmp_path / "my.key").read_text().splitlines()[1]
    project = write_project(recipes=["int8"], publish=str(tmp_path / "out"))
    program = str(Path(sys.executable).with_name("emberflow"))
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    surroundings = mine | SECRETS | {"EMBERFLOW_SIGNING_KEY": str(tmp_path / "my.key"), "PREFECT_LOGGING_LEVEL": "DEBUG"}

    done = subprocess.run(
        [program, "run", str(project), "--home", str(tmp_path / "home"), "--log", "json"],
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out" / "index.json").is_file()
    files = [path for folder in ("home", "out") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert {"prefect.db", "mlflow.db", "manifest.json", "record.json", "worker-1.log"} <= {path.name for path in files}
    texts = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in files} | {"said": (done.stdout + done.stderr).encode()}
    assert [] == [(name, word) for name, data in texts.items() for word in (*SECRETS.values(), key) if word.encode() in data]
