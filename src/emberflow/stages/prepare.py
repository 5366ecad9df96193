"""The stage that reads, checks and standardizes a project's data. Files out; knows no store."""

from pathlib import Path

import numpy as np

from emberflow import dataset
from emberflow.dataset import Preparation, Sampling
from emberflow.project import Project
from emberflow.source import load_dataset
from emberflow.standardization import Standardization
from emberflow.values import Report, Value
from emberflow.view import write


class Facts(Value):
    """What there is to know of prepared data beside the arrays."""

    samples: dict[str, int]
    input_shape: tuple[int, ...]
    labels: tuple[str, ...]
    sampling: Sampling
    standardization: Standardization | None
    target: Standardization | None = None
    target_unit: str = ""
    warnings: tuple[str, ...]


def preparation_of(project: Project) -> Preparation:
    """What of a project decides how its data are prepared."""
    return Preparation(
        kind=project.task,
        standardize=project.standardize,
        standardize_target=project.standardizes_target,
        calibration_samples=project.calibration_samples,
        seed=project.training.seed,
    )


def prepare(project: Project, folder: Path, out: Path, report: Report) -> Facts:
    """Write `<part>-x.npy` and `<part>-y.npy` of each part to the folder `out`.

    Raises: ProjectError: the user's function. DataError: what it returned, or a file.
    """
    made = dataset.prepare(load_dataset(project, folder), preparation_of(project))
    for name, (x, y) in made.parts.items():
        write(x, out / f"{name}-x.npy")
        np.save(out / f"{name}-y.npy", y)
    counts = {name: len(x) for name, (x, _) in made.parts.items()}
    report(", ".join(f"{count:,} {name}" for name, count in counts.items()))
    return Facts(
        samples=counts,
        input_shape=made.parts["train"][0].shape[1:],
        labels=made.labels,
        sampling=made.sampling,
        standardization=made.standardization,
        target=made.target,
        target_unit=made.target_unit,
        warnings=made.warnings,
    )
