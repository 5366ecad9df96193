"""The small results that Prefect keeps in files, one a stage: which blobs they name. Knows their JSON; refuses to know what a stage is."""

import json
from pathlib import Path

from emberflow.artifact import Artifact, artifacts_in


def artifacts_of(result: Path) -> tuple[Artifact, ...] | None:
    """The blobs that a result names; None where it can't be read: cut off by a crash, or of another version of Prefect."""
    try:
        return tuple(artifacts_in(json.loads(json.loads(result.read_bytes())["result"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None
