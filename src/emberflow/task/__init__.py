"""Tasks: what a model does, and all that follows from it. The registry of kinds, and a project's task as a value; knows no file and no runtime."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from emberflow.errors import ProjectError, did_you_mean
from emberflow.evaluate.metrics import Answers, Metric, once
from emberflow.evaluate.paired import check_applies, check_same_shape, drop
from emberflow.measure import Measure
from emberflow.task.anomaly import Anomaly
from emberflow.task.binary import Binary
from emberflow.task.classification import Classification
from emberflow.task.multi_label import MultiLabel
from emberflow.task.own import check_own, name_of, own_metric
from emberflow.task.regression import Regression
from emberflow.task.rules import Rules, TaskKind
from emberflow.values import AnyArray, Value
from emberflow.variant import Interval, Quality

RULES: Mapping[TaskKind, Rules] = {
    TaskKind.CLASSIFICATION: Classification(),
    TaskKind.BINARY: Binary(),
    TaskKind.MULTI_LABEL: MultiLabel(),
    TaskKind.REGRESSION: Regression(),
    TaskKind.ANOMALY: Anomaly(),
}


class Task(Value):
    """What a project's model does, and what it is judged by."""

    kind: TaskKind = TaskKind.CLASSIFICATION
    metric: str = Field(default="accuracy", description="a key of the kind's metrics, or module:function")
    higher_is_better: bool | None = Field(default=None, description="of the project's own metric")
    threshold: float | None = Field(default=0.5, description="of binary and multi-label tasks; None: chosen on the validation part")
    quantile: float = Field(default=0.99, description="of an anomaly task: of the normal validation samples' errors, which is the threshold")

    @property
    def rules(self) -> Rules:
        """What its kind decides."""
        return RULES[self.kind]

    @property
    def chooses(self) -> bool:
        """Whether thresholds are chosen on the validation part, for each variant by its own outputs."""
        return self.kind is TaskKind.ANOMALY or (self.kind in (TaskKind.BINARY, TaskKind.MULTI_LABEL) and self.threshold is None)

    def given_thresholds(self, labels: int) -> tuple[float, ...]:
        """Those that need no choice."""
        if self.threshold is None or self.kind not in (TaskKind.BINARY, TaskKind.MULTI_LABEL):
            return ()
        return (self.threshold,) * (labels if self.kind is TaskKind.MULTI_LABEL else 1)

    @property
    def is_own_metric(self) -> bool:
        """Whether the metric is a function of the project's."""
        return ":" in self.metric

    def measure(self, unit: str) -> Measure:
        """The metric that the project goes by, in words. Raises: ProjectError: the kind has none of this name."""
        if self.is_own_metric:
            return Measure(name=name_of(self.metric), higher_is_better=bool(self.higher_is_better), is_share=False)
        metric = find_metric(self.kind, self.metric)
        unit = unit if metric.has_unit else ""
        return Measure(name=self.metric, higher_is_better=metric.higher_is_better, is_share=metric.is_share, unit=unit)


def find_metric(kind: TaskKind, name: str) -> Metric:
    """The metric called `name`. Raises: ProjectError: there is none."""
    metrics = RULES[kind].metrics
    if name not in metrics:
        raise ProjectError(
            f"received '{name}' as a metric of a {kind} task; expected one of {', '.join(metrics)}, or module:function.{did_you_mean(name, metrics)}"
        )
    return metrics[name]


class Examiner:
    """A task with its metric at hand: the function of the project's is looked up in `folder`, once.

    Raises: ProjectError: no such metric, or no such function.
    """

    def __init__(self, task: Task, folder: Path) -> None:
        self.task = task
        own = task.is_own_metric
        self._name = name_of(task.metric) if own else task.metric
        self._metric = own_metric(task.metric, folder, bool(task.higher_is_better)) if own else find_metric(task.kind, task.metric)

    @property
    def metric(self) -> Metric:
        """What the project goes by."""
        return self._metric

    def assess(self, runtime: str, truth: AnyArray, answers: Answers, thresholds: tuple[float, ...]) -> Quality:
        """Every metric that applies, and what is drawn.

        Raises: ProjectError: the project's own metric raised, or is not finite. DataError: the project's metric means nothing for this truth.
        """
        check_applies(self._metric, truth, answers)
        metrics = {name: metric for name, metric in self.task.rules.metrics.items() if not metric.obstacle(truth, answers)}
        if self.task.is_own_metric:
            check_own(self.task.metric, self._metric, truth, answers)
            metrics = {self._name: self._metric, **metrics}
        scores = {name: float(metric.score(truth, answers, once(truth))[0]) for name, metric in metrics.items()}
        figures: Mapping[str, Any] = self.task.rules.figures(truth, answers)
        return Quality(runtime=runtime, samples=len(truth), scores=scores, thresholds=thresholds, **figures)

    def drop(self, truth: AnyArray, baseline: Answers, variant: Answers) -> Interval:
        """As `paired.drop`, of the project's metric."""
        return drop(self._metric, truth, baseline, variant)

    def agreement(self, baseline: Answers, variant: Answers) -> float:
        """How far they answer alike. Raises: DataError: predictions of other shapes."""
        check_same_shape(baseline.predictions, variant.predictions)
        return self.task.rules.agreement(baseline, variant)


__all__ = ["RULES", "Examiner", "Rules", "Task", "TaskKind", "find_metric"]
