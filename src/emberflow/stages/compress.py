"""The stage that carries out one compression step. Files in, files out."""

from pathlib import Path

from emberflow import compress as compression
from emberflow.keras_bridge import own_classes
from emberflow.recipe import Steps
from emberflow.stages.classroom import Classroom
from emberflow.training import FineTuning
from emberflow.trust import OwnClasses
from emberflow.values import Report, Value
from emberflow.wishes import NONE, Wishes


class Treatment(Value):
    """How a step trains on, what it is to do otherwise with single layers, and where the model's own classes are."""

    fine_tuning: FineTuning
    wishes: Wishes = NONE
    own: OwnClasses | None = None


def compress(model: Path, steps: Steps, treatment: Treatment, classroom: Classroom, out: Path, report: Report) -> tuple[str, ...]:
    """Carry out the last of `steps` on `model`, which is the result of those before, and write the result to `out`.

    Returns: notes on what was left alone. Raises: UnsupportedLayer: the step can't treat this model. ProjectError: the user's classes.
    """
    lesson = classroom.lesson(treatment.fine_tuning.epochs, treatment.fine_tuning.learning_rate)
    with own_classes(treatment.own):
        return compression.compress(model, steps, lesson, out, report, treatment.wishes)
