"""How a .tflite's outputs are graded: what they mean for the task, and the thresholds chosen by them. Knows paths of arrays; runs what it is given."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import Field

from emberflow.evaluate.borders import codes_of
from emberflow.evaluate.litert import read_borders
from emberflow.evaluate.metrics import Answers
from emberflow.standardization import Standardization
from emberflow.task import Examiner, Task
from emberflow.task.rules import Run
from emberflow.values import AnyArray, Value
from emberflow.view import Rows

Runtime = Callable[[bytes, Rows], AnyArray]
"""Takes a .tflite and samples (n, *input_shape), standardized; gives raw outputs (n, *output_shape)."""


class Grading(Value):
    """What every variant is graded by: the task, and where the validation part and the project's own functions lie."""

    task: Task = Task()
    labels: int = 0
    target: Standardization | None = Field(default=None, description="of a regression's values")
    validation_x: Path = Path()
    validation_y: Path = Path()
    folder: Path = Path()

    def examiner(self) -> Examiner:
        """The task with its metric at hand. Raises: ProjectError: there is no such metric."""
        return Examiner(self.task, self.folder)

    def predictions(self, model: bytes, x: Rows, outputs: AnyArray) -> AnyArray:
        """What `outputs`, given for `x`, mean. Raises: DataError: one is not finite, or samples of another shape."""
        borders = read_borders(model)
        return self.task.rules.predictions(Run(codes_of(x, borders.input), outputs, borders), self.target)

    def thresholds(self, model: bytes, runtime: Runtime) -> tuple[float, ...]:
        """Those that the project gives, or chosen by what `runtime` makes of the validation part. Raises: DataError: nothing there to choose by."""
        if not self.task.chooses:
            return self.task.given_thresholds(self.labels)
        x, truth = np.load(self.validation_x, mmap_mode="r"), np.load(self.validation_y)
        return self.task.rules.choose(self.predictions(model, x, runtime(model, x)), truth, self.task.quantile)

    def decide(self, predictions: AnyArray, thresholds: tuple[float, ...]) -> Answers:
        """The answers that follow."""
        return self.task.rules.decide(predictions, thresholds)
