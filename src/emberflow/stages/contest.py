"""The stage that asks champion and new version the same test samples. Files in, a value out."""

from pathlib import Path

import numpy as np

from emberflow.contest import Contest
from emberflow.evaluate import contest
from emberflow.standardization import Standardization
from emberflow.values import Report, Value


class Entrant(Value):
    """A version by its files."""

    model: Path
    standardization: Standardization | None
    labels: tuple[str, ...]


class Arena(Value):
    """The test part by its files, and how it is scored."""

    x: Path
    y: Path
    labels: tuple[str, ...]
    standardization: Standardization | None
    metric: str
    confidence: float
    is_microcontroller: bool


def compete(champion: Entrant, challenger: Entrant, arena: Arena, report: Report) -> Contest:
    """What the new version loses against the champion. Raises as `evaluate.contest.compete`."""
    facts = arena.model_dump(exclude={"x", "y", "standardization"})
    ground = contest.Ground(x=np.load(arena.x, mmap_mode="r"), truth=np.load(arena.y), standardization=arena.standardization, **facts)
    rivals = [contest.Rival(each.model.read_bytes(), each.standardization, each.labels) for each in (champion, challenger)]
    found = contest.compete(rivals[0], rivals[1], ground)
    report(f"can't be compared: {found.refusal}" if found.loss is None else f"{found.metric} loss against the champion {found.loss}")
    return found
