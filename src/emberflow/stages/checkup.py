"""The stage that looks at a champion on fresh data: how good it is now, and what has moved. Files in, a value out."""

from pathlib import Path

import numpy as np

from emberflow.drift import Checkup, Drift, Thresholds, compare_classes, compare_values, names_of
from emberflow.errors import DataError
from emberflow.evaluate.contest import Rival, ask
from emberflow.evaluate.metrics import once
from emberflow.stages.contest import Entrant
from emberflow.standardization import Standardization
from emberflow.task.classification import Classification
from emberflow.values import AnyArray, FloatArray, Report, Value


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
    """Which champion is looked at, and how."""

    project: str
    version: int
    metric: str
    is_microcontroller: bool
    thresholds: Thresholds


def check(champion: Entrant, then: Judged, now: Judged, question: Question, report: Report) -> Checkup:
    """The champion on the test part that it was judged on `then`, and on that of `now`.

    Raises: DataError: the data are of another shape or of other labels now. GraphError, WorkerLost: as `contest.compete`.
    """
    _compare_kinds(champion, then, now)
    rival = Rival(champion.model.read_bytes(), champion.standardization, champion.labels)
    parts = [(each, each.raw(), np.load(each.y)) for each in (then, now)]
    answers = [ask(rival, raw, None, question.is_microcontroller) for _, raw, _ in parts]
    then_now = [_score(question.metric, truth, answer) for (_, _, truth), answer in zip(parts, answers, strict=True)]
    before, after = (answer.argmax(axis=1) for answer in answers)
    found = Checkup(
        **question.model_dump(include={"project", "version", "metric"}),
        samples=len(after),
        then=then_now[0],
        now=then_now[1],
        thresholds=question.thresholds,
        inputs=_inputs(parts[0][1], parts[1][1], now.channels, question.thresholds),
        predictions=compare_classes("predictions", before, after, len(champion.labels), question.thresholds),
    )
    report("; ".join(found.findings) or f"{question.metric} {found.now:.4f}, as steady as it was")
    return found


def _score(name: str, truth: AnyArray, probabilities: FloatArray) -> float:
    rules = Classification()
    return float(rules.metrics[name].score(truth, rules.decide(probabilities, ()), once(truth))[0])


def _inputs(then: FloatArray, now: FloatArray, channels: tuple[str, ...], thresholds: Thresholds) -> tuple[Drift, ...]:
    """The last axis holds the features."""
    names = names_of(channels, now.shape[-1])
    return tuple(compare_values(name, _of(then, place), _of(now, place), thresholds) for place, name in enumerate(names))


def _of(x: FloatArray, channel: int) -> AnyArray:
    return x[..., channel].reshape(len(x), -1)  # (samples, values)


def _compare_kinds(champion: Entrant, then: Judged, now: Judged) -> None:
    shapes = [np.load(each.x, mmap_mode="r").shape[1:] for each in (then, now)]
    if shapes[0] != shapes[1]:
        raise DataError(f"the champion takes samples of shape {shapes[0]}, and the data are of shape {shapes[1]} now; retrain the project")
    if now.labels != champion.labels:
        raise DataError(
            f"the champion tells {', '.join(champion.labels)} apart, and the data are of {', '.join(now.labels)} now; retrain the project"
        )
