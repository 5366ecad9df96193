"""The stage that looks at a champion on fresh data: how good it is now, and what has moved. Files in, a value out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emberflow.drift import Checkup, Drift, Series, Thresholds, compare, names_of
from emberflow.errors import DataError
from emberflow.evaluate.contest import Rival
from emberflow.evaluate.contest_alike import answer, unfit
from emberflow.evaluate.grading import Grading
from emberflow.evaluate.metrics import Answers, Metric, once
from emberflow.evaluate.paired import check_applies
from emberflow.stages.contest import Entrant
from emberflow.standardization import Standardization
from emberflow.task import Task
from emberflow.values import FloatArray, Report, Value


class Judged(Value):
    """A test part by its files, and what it was standardized by."""

    x: Path
    y: Path
    labels: tuple[str, ...]
    channels: tuple[str, ...]
    standardization: Standardization | None

    def raw(self) -> FloatArray:
        """What the sensor gave, shape (samples, *input_shape), up to rounding."""
        x = np.load(self.x, mmap_mode="r")
        return self.standardization.undo(x) if self.standardization else np.asarray(x)


class Question(Value):
    """Which champion is looked at, and how; `folder` is where the project's own metric lies."""

    project: str
    version: int
    task: Task
    unit: str = ""
    folder: Path = Path()
    is_microcontroller: bool
    thresholds: Thresholds


@dataclass(frozen=True, eq=False)
class Seen:
    """A test part and what the champion answers to it: `x` as the sensor gave it, `score` by the project's metric."""

    x: FloatArray
    answers: Answers
    score: float


def check(champion: Entrant, then: Judged, now: Judged, question: Question, report: Report) -> Checkup:
    """The champion on the test part that it was judged on `then`, and on that of `now`, as it serves.

    Raises: DataError: the data or the task are others now than the champion's, or the metric means nothing for these samples.
        ProjectError: the project's own metric raised. GraphError, WorkerLost: as `contest.compete`.
    """
    grading = Grading(task=question.task, labels=len(champion.labels), folder=question.folder)
    examiner, rival, outcomes = grading.examiner(), champion.rival(), question.task.rules.outcomes
    _compare_kinds(rival, then, now, grading)
    before, after = (_look(rival, part, question, grading, examiner.metric) for part in (then, now))
    found = Checkup(
        project=question.project,
        version=question.version,
        measure=question.task.measure(question.unit),
        samples=len(after.x),
        then=before.score,
        now=after.score,
        thresholds=question.thresholds,
        inputs=_compare(_channels(before.x, now.channels), _channels(after.x, now.channels), question.thresholds),
        predictions=_compare(outcomes(before.answers, champion.labels), outcomes(after.answers, champion.labels), question.thresholds),
    )
    report("; ".join(found.findings) or f"{found.measure.name} {found.measure.show(found.now)}, as steady as it was")
    return found


def _look(rival: Rival, part: Judged, question: Question, grading: Grading, metric: Metric) -> Seen:
    x, truth = part.raw(), np.load(part.y)
    answers = answer(rival, x, None, question.is_microcontroller, grading)
    check_applies(metric, truth, answers)
    return Seen(x, answers, float(metric.score(truth, answers, once(truth))[0]))


def _channels(x: FloatArray, channels: tuple[str, ...]) -> tuple[Series, ...]:
    """The last axis holds the features."""
    names = names_of(channels, x.shape[-1])
    return tuple(Series(name, x[..., place].reshape(len(x), -1)) for place, name in enumerate(names))  # (samples, values)


def _compare(then: tuple[Series, ...], now: tuple[Series, ...], thresholds: Thresholds) -> tuple[Drift, ...]:
    return tuple(compare(reference, fresh, thresholds) for reference, fresh in zip(then, now, strict=True))


def _compare_kinds(champion: Rival, then: Judged, now: Judged, grading: Grading) -> None:
    shapes = [np.load(each.x, mmap_mode="r").shape[1:] for each in (then, now)]
    if shapes[0] != shapes[1]:
        raise DataError(f"the champion takes samples of shape {shapes[0]}, and the data are of shape {shapes[1]} now; retrain the project")
    if now.labels != champion.labels:
        raise DataError(
            f"the champion answers for {', '.join(champion.labels)}, and the data are of {', '.join(now.labels)} now; retrain the project"
        )
    if obstacle := unfit(champion, grading):
        raise DataError(f"the champion {obstacle}; retrain the project")
