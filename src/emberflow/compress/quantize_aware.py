"""Quantization-aware training with TFMOT, plain or keeping the zeros and clusters of earlier steps. Keras in, Keras out."""

from typing import Any

from emberflow.compress.treatable import MERGING, PRUNABLE, WISHED, refuse_unquantizable, spare
from emberflow.errors import UnsupportedLayer
from emberflow.keras_bridge import Layer, Model, keras, kind_of
from emberflow.recipe import Cluster, Prune, PruneBlock, QuantizeAware, Steps
from emberflow.training import Lesson, fit
from emberflow.values import Report
from emberflow.wishes import NONE, Wishes


def apply(model: Model, step: QuantizeAware, before: Steps, lesson: Lesson, report: Report, wishes: Wishes = NONE) -> tuple[Model, tuple[str, ...]]:
    """Fine-tune `model` with the rounding of int8 in its forward pass.

    A layer that is spared trains on without that rounding, but keeps its weights where earlier steps made zeros or clusters in them: no rounding of
    TFMOT's would keep those. Its output is rounded all the same where the next layer needs it.

    Returns: a model with fake-quantization nodes, whose ranges the converter takes over, and notes on layers left alone.
    Raises: UnsupportedLayer: TFMOT can't quantize a layer (all of them named), or a layer is to stay in float.
    """
    scheme, spared = _scheme(before), spare(model, wishes)
    _refuse_float(step, model, wishes)
    refuse_unquantizable(model, scheme.get_quantize_registry(), spared)
    for layer in model.layers:
        if layer.name in spared and type(layer).__name__ in PRUNABLE and any(_kinds(before)):
            layer.trainable = False

    aware = _quantized(_annotated(model, spared), scheme)
    fit(aware, lesson, report)
    notes = (f"{step}: left layer '{layer.name}' ({kind_of(layer)}) alone: {WISHED}" for layer in model.layers if layer.name in spared)
    return _strip(aware, before), tuple(notes)


def check(model: Model, before: Steps) -> None:
    """Raise UnsupportedLayer where `apply` would, as far as that can be told without training; `model` stays as it is."""
    scheme = _scheme(before)
    refuse_unquantizable(model, scheme.get_quantize_registry())
    try:
        annotated = _annotated(keras().models.clone_model(model))
    except (ValueError, TypeError) as error:
        raise UnsupportedLayer(f"qat can't copy '{model.name}', which Keras refuses: {' '.join(str(error).split())[:200]}") from error
    _quantized(annotated, scheme)


def _annotated(model: Model, spared: frozenset[str] = frozenset()) -> Model:
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit.default_8bit_quantize_configs import (  # noqa: PLC0415
        Default8BitOutputQuantizeConfig,
    )
    from tensorflow_model_optimization.quantization import keras as quantization  # noqa: PLC0415

    def annotate(layer: Layer) -> Layer:
        kind = type(layer).__name__
        if layer.name in spared or kind == "InputLayer":
            return layer
        return quantization.quantize_annotate_layer(layer, Default8BitOutputQuantizeConfig() if kind in MERGING else None)

    return keras().models.clone_model(model, clone_function=annotate)


def _quantized(annotated: Model, scheme: Any) -> Model:
    """What TFMOT makes of an annotated model; it knows some activations only, and none of the user's own."""
    from tensorflow_model_optimization.quantization import keras as quantization  # noqa: PLC0415

    try:
        with quantization.quantize_scope():
            return quantization.quantize_apply(annotated, scheme=scheme)
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise UnsupportedLayer(
            f"qat can't quantize '{annotated.name}', of which TFMOT says: {reason}; use a recipe without qat, or activations of Keras's own"
        ) from error


def _refuse_float(step: QuantizeAware, model: Model, wishes: Wishes) -> None:
    """The ranges that this step trains lie between all layers, and the converter quantizes whatever lies between ranges."""
    if left := wishes.in_float(layer.name for layer in model.layers):
        names = ", ".join(f"'{name}'" for name in sorted(left))
        raise UnsupportedLayer(
            f"{step} can't leave {names} in float: its ranges enclose every layer; use a recipe without qat, or 'qat: false' alone"
        )


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
