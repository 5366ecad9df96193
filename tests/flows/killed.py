"""Runs of the command line that are killed on the way, and what they leave: for tests that start such a run again."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from mlflow import MlflowClient

from emberflow.artifact import digest_file
from emberflow.bundle import verify_files

EMBERFLOW = [sys.executable, "-c", "from emberflow.cli import main; main()"]
LIMIT_SECONDS = 900
OF_ONE_RUN = {"provenance", "latency", "latencies", "host_latency"}  # when, where and how fast: another run's are others


@dataclass
class Home:
    """A home folder in which one project is run, and killed, again and again."""

    folder: Path
    project: Path
    recipes: str
    results: dict[str, int] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)

    def run(self, is_time=lambda _: False):
        """Start a run, and send it SIGKILL once `is_time`, which is asked with the seconds that went by; its exit code."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MLFLOW_"))}
        command = [*EMBERFLOW, "run", str(self.project), "--recipes", self.recipes, "--home", str(self.folder)]
        log = self.folder.parent / f"{self.folder.name}-{len(self.printed)}.log"
        start = time.monotonic()
        with log.open("w") as sink, subprocess.Popen(command, env=environment, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL) as process:
            while process.poll() is None:
                assert time.monotonic() < start + LIMIT_SECONDS, log.read_text()
                if is_time(time.monotonic() - start):
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.01)
        self.printed.append(log.read_text())
        return process.returncode

    def note_results(self):
        """The stages whose result was kept before, and that have another by now: they were run again."""
        now = {path.name: path.stat().st_mtime_ns for path in (self.folder / "results").glob("*-*") if path.stat().st_size}
        again = [name for name, written in self.results.items() if now.get(name) != written]
        self.results = now
        return again

    @property
    def runs(self):
        """The status of each parent run in MLflow, and those of its nested runs."""
        found = self._search("")
        parents = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
        nested = [(run.data.tags.get("mlflow.parentRunId"), run.info.status) for run in found]
        return [(run.info.status, sorted(status for parent, status in nested if parent == run.info.run_id)) for run in parents]

    @property
    def versions(self):
        """Number and aliases of each registered version."""
        client = MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")
        models = client.search_registered_models()
        return [{int(number): name for name, number in model.aliases.items()} | {"versions": len(self._versions(client))} for model in models]

    def _versions(self, client):
        return client.search_model_versions()

    def _search(self, condition):
        client = MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")
        return client.search_runs([each.experiment_id for each in client.search_experiments()], condition)

    def damaged(self):
        """Blobs whose bytes are not those of their name, and bundles that are not what their manifest says."""
        blobs = [str(blob) for blob in self.folder.glob("store/??/*") if digest_file(blob) != blob.stem]
        for bundle in self.folder.glob("bundles/*/*"):
            verify_files(bundle)
        return blobs

    def result(self):
        """What the last run found, but for what is of that run alone."""
        last = max(self.folder.glob("runs/*/*/record.json"), key=lambda path: path.parent.name)
        return without(json.loads(last.read_text()), OF_ONE_RUN)


def without(value, keys):
    """`value` without those keys, at any depth."""
    if isinstance(value, dict):
        return {key: without(inner, keys) for key, inner in value.items() if key not in keys}
    return [without(inner, keys) for inner in value] if isinstance(value, list) else value
