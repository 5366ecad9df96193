"""The stage that asks champion and new version the same test samples. Files in, a value out."""

from pathlib import Path

import numpy as np

from emberflow.contest import Contest
from emberflow.evaluate import contest, contest_alike
from emberflow.evaluate.grading import Grading
from emberflow.measure import Measure
from emberflow.standardization import Standardization
from emberflow.task import TaskKind
from emberflow.values import Report, Value


class Entrant(Value):
    """A version by its files."""

    model: Path
    standardization: Standardization | None
    labels: tuple[str, ...]
    target: Standardization | None = None
    thresholds: tuple[float, ...] = ()

    def rival(self) -> contest.Rival:
        """With its bytes."""
        return contest.Rival(self.model.read_bytes(), self.standardization, self.labels, self.target, self.thresholds)


class Arena(Value):
    """The test part by its files, and how it is scored."""

    x: Path
    y: Path
    labels: tuple[str, ...]
    standardization: Standardization | None
    measure: Measure
    grading: Grading = Grading()
    confidence: float
    is_microcontroller: bool


def compete(champion: Entrant, challenger: Entrant, arena: Arena, report: Report) -> Contest:
    """What the new version loses against the champion. Raises as `evaluate.contest.compete`."""
    facts = {name: getattr(arena, name) for name in ("labels", "standardization", "measure", "confidence", "is_microcontroller")}
    ground = contest.Ground(x=np.load(arena.x, mmap_mode="r"), truth=np.load(arena.y), **facts)
    rivals = [each.rival() for each in (champion, challenger)]
    task = arena.grading.task
    if task.kind is TaskKind.CLASSIFICATION and not task.is_own_metric:
        found = contest.compete(rivals[0], rivals[1], ground)
    else:
        found = contest_alike.compete(rivals[0], rivals[1], ground, arena.grading)
    report(
        f"can't be compared: {found.refusal}"
        if found.loss is None
        else f"{found.metric} loss against the champion {found.measure.show_loss(found.loss)}"
    )
    return found
