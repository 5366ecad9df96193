"""Quantization-aware training with TFMOT, plain or keeping the zeros and clusters of earlier steps. Keras in, Keras out."""

from typing import Any

from emberflow.compress.treatable import refuse_unquantizable
from emberflow.keras_bridge import Model
from emberflow.recipe import Cluster, Prune, PruneBlock, QuantizeAware, Steps
from emberflow.training import Lesson, fit
from emberflow.values import Report


def apply(model: Model, step: QuantizeAware, before: Steps, lesson: Lesson, report: Report) -> tuple[Model, tuple[str, ...]]:
    """Fine-tune `model` with the rounding of int8 in its forward pass.

    Returns: a model with fake-quantization nodes, whose ranges the converter takes over, and no notes.
    Raises: UnsupportedLayer: TFMOT can't quantize a layer (all of them named).
    """
    from tensorflow_model_optimization.quantization import keras as quantization  # noqa: PLC0415

    scheme = _scheme(before)
    refuse_unquantizable(model, scheme.get_quantize_registry())
    annotated = quantization.quantize_annotate_model(model)
    with quantization.quantize_scope():
        aware = quantization.quantize_apply(annotated, scheme=scheme)
    fit(aware, lesson, report)
    return _strip(aware, before), ()


def _scheme(before: Steps) -> Any:
    from tensorflow_model_optimization.experimental import combine  # noqa: PLC0415
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import default_8bit_quantize_scheme  # noqa: PLC0415

    pruned, clustered = _kinds(before)
    if clustered:
        return _cluster_scheme(pruned)
    return combine.Default8BitPrunePreserveQuantizeScheme() if pruned else default_8bit_quantize_scheme.Default8BitQuantizeScheme()


def _cluster_scheme(pruned: bool) -> Any:
    """TFMOT's scheme with a quantizer for each layer: its own share one, which forgets the zeros of all at the first layer that has none."""
    from tensorflow_model_optimization.experimental import combine  # noqa: PLC0415
    from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.cluster_preserve import (  # noqa: PLC0415
        cluster_preserve_quantize_registry as registry,
    )

    class Registry(registry.Default8bitClusterPreserveQuantizeRegistry):  # type: ignore[misc]  # TFMOT ships no types
        def get_quantize_config(self, layer: Any) -> Any:
            return registry.Default8bitClusterPreserveQuantizeRegistry(pruned).get_quantize_config(layer)

    class Scheme(combine.Default8BitClusterPreserveQuantizeScheme):  # type: ignore[misc]
        def get_quantize_registry(self) -> Any:
            return Registry(pruned)

    return Scheme(preserve_sparsity=pruned)


def _strip(model: Model, before: Steps) -> Model:
    if not _kinds(before)[1]:
        return model
    from tensorflow_model_optimization.experimental import combine  # noqa: PLC0415

    return combine.strip_clustering_cqat(model)


def _kinds(before: Steps) -> tuple[bool, bool]:
    return any(isinstance(step, Prune | PruneBlock) for step in before), any(isinstance(step, Cluster) for step in before)
