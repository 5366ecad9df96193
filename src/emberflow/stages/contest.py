"""The stage that asks champion and new version the same test samples. Files in, a value out."""

from pathlib import Path

import numpy as np

from emberflow.contest import Contest
from emberflow.evaluate import contest, contest_alike
from emberflow.evaluate.grading import Grading
from emberflow.standardization import Standardization
from emberflow.task import TaskKind
from emberflow.values import Report, Value


class Entrant(Value):
    """A version by its files."""

    model: Path
    standardization: Standardization | None
    labels: tuple[str, ...]
    target: Standardization | None = None


class Arena(Value):
    """The test part by its files, and how it is scored."""

    x: Path
    y: Path
    labels: tuple[str, ...]
    standardization: Standardization | None
    metric: str
    grading: Grading = Grading()
    confidence: float
    is_microcontroller: bool


def compete(champion: Entrant, challenger: Entrant, arena: Arena, report: Report) -> Contest:
    """What the new version loses against the champion. Raises as `evaluate.contest.compete`."""
    facts = arena.model_dump(exclude={"x", "y", "standardization", "grading"})
    ground = contest.Ground(x=np.load(arena.x, mmap_mode="r"), truth=np.load(arena.y), standardization=arena.standardization, **facts)
    rivals = [contest.Rival(each.model.read_bytes(), each.standardization, each.labels, each.target) for each in (champion, challenger)]
    task = arena.grading.task
    if task.kind is TaskKind.CLASSIFICATION and not task.is_own_metric:
        found = contest.compete(rivals[0], rivals[1], ground)
    else:
        found = contest_alike.compete(rivals[0], rivals[1], ground, arena.grading)
    report(f"can't be compared: {found.refusal}" if found.loss is None else f"{found.metric} loss against the champion {found.loss}")
    return found
