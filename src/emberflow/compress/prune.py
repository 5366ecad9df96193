"""Magnitude pruning with TFMOT: the smallest weights become zero while the model trains on. Keras in, Keras out."""

from typing import Any

from emberflow.compress.treatable import PRUNABLE, select
from emberflow.keras_bridge import Layer, Model, keras
from emberflow.recipe import Prune, PruneBlock, Steps
from emberflow.training import Lesson, fit
from emberflow.values import Report
from emberflow.wishes import NONE, LayerWish, Wishes

_REACHED_AT = 0.7  # share of the training after which the sparsity stays; the rest lets the remaining weights recover
_UPDATES_PER_EPOCH = 10


def apply(
    model: Model, step: Prune | PruneBlock, before: Steps, lesson: Lesson, report: Report, wishes: Wishes = NONE
) -> tuple[Model, tuple[str, ...]]:
    """Prune `model` (changed in place by TFMOT) and strip the wrappers.

    The sparsity rises as s(t) = s_f * (1 - (1 - t/T)^3) (Zhu & Gupta 2017, the polynomial decay of TFMOT) over the first part of the training.

    Returns: the pruned model, and notes on layers left alone, and on those that are not pruned in blocks though the step has some.
    """
    from tensorflow_model_optimization.sparsity import keras as sparsity  # noqa: PLC0415

    chosen, notes = select(model, step, PRUNABLE, wishes)

    def wrap(layer: Layer) -> Layer:
        return sparsity.prune_low_magnitude(layer, **_settings(step, layer, lesson, wishes.of(layer.name))) if layer.name in chosen else layer

    wrapped = keras().models.clone_model(model, clone_function=wrap)
    fit(wrapped, lesson, report, [sparsity.UpdatePruningStep()])
    return sparsity.strip_pruning(wrapped), (*notes, *_without_blocks(model, step, chosen))


def _without_blocks(model: Model, step: Prune | PruneBlock, chosen: frozenset[str]) -> list[str]:
    """TFMOT cuts blocks in kernels of two dimensions alone."""
    if not isinstance(step, Prune) or step.block == 1:
        return []
    others = [layer for layer in model.layers if layer.name in chosen and type(layer).__name__ != "Dense"]
    return [f"{step}: pruned layer '{layer.name}' ({type(layer).__name__}) weight by weight: blocks are for dense layers" for layer in others]


def _settings(step: Prune | PruneBlock, layer: Layer, lesson: Lesson, wish: LayerWish) -> dict[str, Any]:
    """How TFMOT prunes one layer: of `step`'s percentage, or its own."""
    from tensorflow_model_optimization.sparsity import keras as sparsity  # noqa: PLC0415

    end = max(1, int(_REACHED_AT * lesson.epochs * lesson.steps))
    frequency = max(1, min(lesson.steps // _UPDATES_PER_EPOCH, end))
    end -= end % frequency  # TFMOT updates at multiples of the frequency: the last one must reach the sparsity
    if isinstance(step, PruneBlock):
        schedule = sparsity.ConstantSparsity(step.zeros / step.block, 0, frequency=frequency)
        return {"pruning_schedule": schedule, "sparsity_m_by_n": (step.zeros, step.block)}
    schedule = sparsity.PolynomialDecay(0.0, (wish.percent or step.percent) / 100, 0, end, frequency=frequency)
    return {"pruning_schedule": schedule, "block_size": (step.block if type(layer).__name__ == "Dense" else 1, 1)}
