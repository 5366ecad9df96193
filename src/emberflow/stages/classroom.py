"""What training stages are given: paths and settings as one value. Opens them as a Lesson; trains nothing."""

import gc
from pathlib import Path

import numpy as np

from emberflow.entry import find_function
from emberflow.keras_bridge import keras
from emberflow.standardization import Standardization
from emberflow.task import TaskKind
from emberflow.training import Lesson
from emberflow.values import AnyArray, FloatArray, Value
from emberflow.view import Rows, View


class Classroom(Value):
    """The training and validation parts by path, and the settings that every training shares."""

    x: Path
    y: Path
    validation_x: Path
    validation_y: Path
    standardization: Standardization | None
    target: Standardization | None = None
    task: TaskKind = TaskKind.CLASSIFICATION
    loss: str = "mse"
    batch_size: int
    seed: int
    augment: str | None
    folder: Path

    def lesson(self, epochs: int, learning_rate: float) -> Lesson:
        """The lesson, its arrays memory-mapped; every random generator of this process starts at the seed, and Keras forgets earlier models."""
        keras().backend.clear_session()
        gc.collect()  # models hold themselves in cycles, and this process lives long
        keras().utils.set_random_seed(self.seed)
        x, y, validation_x, validation_y = (np.load(p, mmap_mode="r") for p in (self.x, self.y, self.validation_x, self.validation_y))
        return Lesson(
            x=x,
            y=self._due(y),
            validation=self._watched_on(validation_x, np.asarray(validation_y)),
            epochs=epochs,
            batch_size=self.batch_size,
            learning_rate=learning_rate,
            seed=self.seed,
            augment=find_function(self.augment, self.folder) if self.augment else None,
            standardization=self.standardization,
            task=self.task,
            loss=self.loss,
        )

    def _due(self, y: AnyArray) -> AnyArray | None:
        """What the model shall give: the truth, standardized where the data say so; None for the samples themselves."""
        if self.task is TaskKind.ANOMALY:
            return None
        return self.target.apply(np.asarray(y)) if self.target else y

    def _watched_on(self, x: FloatArray, y: AnyArray) -> tuple[Rows, AnyArray | None]:
        """The validation part; of an anomaly task its normal samples, which are to be reconstructed."""
        due = self._due(y)
        if due is None:
            return View(x).take(np.flatnonzero(y == 0)), None
        return x, np.asarray(due)
