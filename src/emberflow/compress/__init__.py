"""Compression: Keras in, Keras out, one step at a time. Decides how a step is carried out; refuses to know which steps a user wants."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from emberflow.compress import cluster, prune, quantize_aware
from emberflow.compress.rewrite import lift_to_2d
from emberflow.compress.treatable import CLUSTERABLE, PRUNABLE, select
from emberflow.errors import UnsupportedLayer
from emberflow.keras_bridge import Model, load_own, save
from emberflow.recipe import Cluster, Prune, PruneBlock, QuantizeAware, Steps
from emberflow.training import Lesson
from emberflow.values import Report
from emberflow.wishes import NONE, Wishes

COMPRESSORS: dict[type, Callable[..., tuple[Model, tuple[str, ...]]]] = {
    Prune: prune.apply,
    PruneBlock: prune.apply,
    Cluster: cluster.apply,
    QuantizeAware: quantize_aware.apply,
}


def compress(model_path: Path, steps: Steps, lesson: Lesson, out: Path, report: Report, wishes: Wishes = NONE) -> tuple[str, ...]:
    """Carry out the last of `steps` on the model at `model_path`, which is the result of those before, and write the result to `out`.

    Returns: notes on what was left alone.
    Raises: UnsupportedLayer: the step can't treat this model.
    """
    *before, step = steps
    model = lift_to_2d(load_any(model_path))  # a fresh copy: TFMOT changes the model that it is given
    treated, notes = COMPRESSORS[type(step)](model, step, tuple(before), lesson, report, wishes)
    save(treated, out)
    return notes


def why_not(model: Model, steps: Steps) -> str:
    """What stands against carrying out `steps` on `model`, as far as can be told without training: the error that would be raised; empty when there is none.

    `model` stays as it is.
    """
    try:
        lifted = lift_to_2d(model)
        for place, step in enumerate(steps):
            if isinstance(step, QuantizeAware):
                quantize_aware.check(lifted, steps[:place])
            else:
                select(lifted, step, CLUSTERABLE if isinstance(step, Cluster) else PRUNABLE)
    except UnsupportedLayer as error:
        return str(error)
    return ""


def load_any(path: Path) -> Model:
    """Read a model that any step wrote, those with fake quantization too."""
    with _tfmot_scope():
        return load_own(path)


def _tfmot_scope() -> Any:
    from tensorflow_model_optimization.quantization import keras as quantization  # noqa: PLC0415

    return quantization.quantize_scope()
