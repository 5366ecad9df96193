"""Where a run's record and report lie, and how the last one is found. Knows folders; refuses to know what a record says."""

import json
import os
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from emberflow.errors import ProjectError, did_you_mean
from emberflow.gate import Decision
from emberflow.record import Record

_DECISION = "gate.json"


def new_run_id(now: datetime) -> str:
    """A name that sorts by time: `20261122-150301-k3f9`."""
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def run_folder(home: Path, project: str, run_id: str) -> Path:
    """Where record, report and plots of a run lie."""
    return home / "runs" / project / run_id


def bundle_folder(home: Path, project: str, run_id: str) -> Path:
    """Where the bundle of a run lies."""
    return home / "bundles" / project / run_id


def write_record(home: Path, record: Record) -> Path:
    """Write the record of a run as JSON and say where."""
    path = run_folder(home, record.project, record.provenance.run_id) / "record.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(record.model_dump_json(indent=1), encoding="utf-8")
    return path


def write_decision(folder: Path, decision: Decision) -> None:
    """Write what the gate decided as JSON into a run's folder."""
    (folder / _DECISION).write_text(decision.model_dump_json(indent=1), encoding="utf-8")


def read_decision(home: Path, record: Record) -> Decision | None:
    """What the gate decided of a run's champion; None where nothing was to be decided, or another version of Emberflow wrote it."""
    path = run_folder(home, record.project, record.provenance.run_id) / _DECISION
    try:
        return Decision.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def last_record(home: Path, project: str | None) -> Record:
    """The newest record under `home`, of `project` where one is named.

    Raises: ProjectError: there is none (with "did you mean"), or it was written by another version.
    """
    base = home / "runs"
    known = sorted(path.name for path in base.iterdir() if path.is_dir()) if base.is_dir() else []
    if project is not None and project not in known:
        raise ProjectError(f"no run of '{project}' under '{home}'; known are {', '.join(known) or 'none'}.{did_you_mean(project, known)}")
    newest = next(_records(base, [project] if project else known), None)
    if newest is None:
        raise ProjectError(f"no finished run under '{home}'; start one with `emberflow run examples/watch/emberflow.yaml`")
    try:
        return Record.model_validate(json.loads(newest.read_text(encoding="utf-8")))
    except (ValidationError, ValueError) as error:
        raise ProjectError(f"'{newest}' was written by another version of Emberflow; run again") from error


def _records(base: Path, projects: Iterable[str]) -> Iterator[Path]:
    """Newest first. Of all that lie there names alone are read, in one go a project: a folder may hold thousands of runs."""
    named = sorted(((run, project) for project in projects for run in os.listdir(base / project)), reverse=True)
    paths = (base / project / run / "record.json" for run, project in named)
    return (path for path in paths if path.is_file())
