"""What a program does with a model's outputs, by task: limits in the output's own codes, steps of an error. Values only; writes no text."""

from dataclasses import dataclass

import numpy as np

from emberflow.errors import BundleError
from emberflow.evaluate.borders import Border, Borders, dequantize
from emberflow.standardization import Standardization
from emberflow.task import RULES, TaskKind
from emberflow.task.anomaly import Steps
from emberflow.task.rules import Run
from emberflow.values import AnyArray

_BY_LABEL = (TaskKind.CLASSIFICATION, TaskKind.BINARY, TaskKind.ANOMALY)


@dataclass(frozen=True)
class Decision:
    """How outputs become a decision.

    Args:
        kind: of the task.
        thresholds: of binary and anomaly one, of multi-label one a label.
        target: of a regression whose model gives standardized values.
        unit: of a regression's values.
    """

    kind: TaskKind = TaskKind.CLASSIFICATION
    thresholds: tuple[float, ...] = ()
    target: Standardization | None = None
    unit: str = ""

    @property
    def has_one_label(self) -> bool:
        """Whether the answer is a label."""
        return self.kind in _BY_LABEL

    def check(self, outputs: int, labels: int, inputs: int) -> None:
        """Raises: BundleError: a model of so many outputs and inputs can't decide so."""
        rules, shape = RULES[self.kind], (inputs,) if self.kind is TaskKind.ANOMALY else (labels,)
        if not rules.gives((outputs,), labels, shape):
            raise BundleError(f"received {outputs} outputs for {labels} labels; expected {rules.expected(labels, shape)}")
        due = rules.thresholds(labels)
        if len(self.thresholds) != due:
            raise BundleError(f"received {len(self.thresholds)} thresholds for a {self.kind} task of {labels} labels; expected {due}")

    def limits(self, output: Border) -> tuple[int, ...]:
        """For each threshold the highest code that is not above it, one below the lowest where all are: `code > limit` decides as reals do."""
        if not output.is_integer:
            return ()
        ends = np.iinfo(output.dtype)
        codes = np.arange(ends.min, ends.max + 1).astype(output.dtype)
        values = dequantize(codes, output)
        return tuple(int(ends.min) - 1 + int(np.count_nonzero(values <= np.float32(threshold))) for threshold in self.thresholds)

    def steps(self, borders: Borders) -> Steps | None:
        """In which steps an anomaly's error is counted; None of other tasks, and where a border holds floats."""
        exact = self.kind is TaskKind.ANOMALY and borders.input.is_integer and borders.output.is_integer
        return Steps.of(borders.input, borders.output) if exact else None

    def decide(self, run: Run) -> AnyArray:
        """What the host decides, which is what the program must: labels (n,), labels present (n, labels), or values (n, values) float32."""
        rules = RULES[self.kind]
        return rules.decide(rules.predictions(run, self.target), self.thresholds).decided
