"""Which layers each step can treat, and what is said of the others. Tables and sentences; treats nothing."""

from collections.abc import Mapping
from typing import Any

from emberflow.errors import UnsupportedLayer
from emberflow.keras_bridge import Layer, Model, kind_of
from emberflow.recipe import Cluster, Prune, PruneBlock, Step
from emberflow.wishes import NONE, LayerWish, Wishes

# weights worth treating, by layer: depthwise kernels are few and each weight of them matters to a whole channel
PRUNABLE: Mapping[str, str] = {"Conv2D": "kernel", "Conv2DTranspose": "kernel", "Conv1D": "kernel", "Dense": "kernel"}
CLUSTERABLE: Mapping[str, str] = {"Conv2D": "kernel", "Conv1D": "kernel", "Dense": "kernel"}
MERGING = frozenset({"Multiply", "Subtract", "Maximum", "Minimum"})
"""Layers without weights that TFMOT doesn't know, and whose output has a range to train as Add's has, which it knows."""
_SMALL = 64


WISHED = "as the project wants"


def select(model: Model, step: Step, treatable: Mapping[str, str], wishes: Wishes = NONE) -> tuple[frozenset[str], tuple[str, ...]]:
    """The names of layers that `step` treats, and a note on each layer with weights that it leaves alone, or treats by a percentage of its own.

    Raises: UnsupportedLayer: no layer is left to treat.
    """
    chosen: set[str] = set()
    notes: list[str] = []
    for layer in model.layers:
        reason, wish = _why_not(layer, step, treatable, wishes), wishes.of(layer.name)
        if reason is None:
            chosen.add(layer.name)
            notes += _about_percent(layer, step, wish)
        elif reason:
            notes.append(f"{step}: left layer '{layer.name}' ({kind_of(layer)}) alone: {reason}")
    if not chosen:
        raise UnsupportedLayer(f"{step} finds no layer to treat in '{model.name}'; it treats {', '.join(treatable)}")
    return frozenset(chosen), tuple(notes)


def _about_percent(layer: Layer, step: Step, wish: LayerWish) -> list[str]:
    if wish.percent is None or not isinstance(step, Prune | PruneBlock):
        return []
    if isinstance(step, PruneBlock):
        return [f"{step}: layer '{layer.name}' is pruned in blocks as all others: its own {wish.percent} % is for prune<percent>"]
    return [f"{step}: pruned {wish.percent} % of layer '{layer.name}', {WISHED}"]


def _why_not(layer: Layer, step: Step, treatable: Mapping[str, str], wishes: Wishes) -> str | None:
    """None when `step` treats the layer, empty when there is nothing to say (no weights), else the reason."""
    kind = type(layer).__name__
    if not layer.weights or kind == "BatchNormalization":
        return ""
    if wishes.of(layer.name).refuses(step):
        return WISHED
    if kind not in treatable:
        return "not a kind of layer that it treats"
    kernel = getattr(layer, treatable[kind])
    if isinstance(step, PruneBlock) and kernel.shape[-2] % step.block:
        return f"its {kernel.shape[-2]} input channels can't be cut into blocks of {step.block}"
    if isinstance(step, Cluster) and kernel.shape.num_elements() <= max(_SMALL, 2 * step.clusters):
        return f"its {kernel.shape.num_elements()} weights are too few for {step.clusters} clusters"
    return None


def refuse_unquantizable(model: Model, scheme: Any, spared: frozenset[str] = frozenset()) -> None:
    """Raise UnsupportedLayer, naming them all, when `model` has layers that TFMOT can't train quantized and that aren't `spared`.

    `scheme` is the registry of TFMOT's scheme to be used: the one that preserves clusters knows fewer layers.

    A BatchNormalization is fine behind the convolution or dense layer that it is folded into, which so has no activation of its own.
    """
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit.default_8bit_quantize_registry import (  # noqa: PLC0415
        Default8BitQuantizeRegistry,
    )

    default = Default8BitQuantizeRegistry()
    bad = [layer for layer in model.layers if not _passes(layer) and not (default.supports(layer) and scheme.supports(layer))]
    bad += [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization" and not _folds(layer)]
    bad = [layer for layer in bad if layer.name not in spared]
    if bad:
        names = ", ".join(f"'{layer.name}' ({kind_of(layer)})" for layer in bad)
        raise UnsupportedLayer(
            f"qat can't quantize {names} of '{model.name}'; use a recipe without qat, replace the layer, or spare it with 'qat: false' under 'layers'"
        )


def spare(model: Model, wishes: Wishes) -> frozenset[str]:
    """The names of layers that quantization-aware training leaves alone: those of the project, and a BatchNormalization behind one of them."""
    wanted = {layer.name for layer in model.layers if not wishes.of(layer.name).qat}
    folded = {layer.name for layer in model.layers if type(layer).__name__ == "BatchNormalization" and _inbound_names(layer) & wanted}
    return frozenset(wanted | folded)


def _inbound_names(layer: Layer) -> set[str]:
    before = layer.inbound_nodes[0].inbound_layers
    return {each.name for each in (before if isinstance(before, list) else [before])}


def _passes(layer: Layer) -> bool:
    return type(layer).__name__ in {"InputLayer", "BatchNormalization", "SeparableConv2D", *MERGING}  # TFMOT makes two layers of a separable one


_FOLDED_INTO = ("Conv2D", "DepthwiseConv2D", "Dense", "SeparableConv2D")


def _folds(layer: Layer) -> bool:
    before = layer.inbound_nodes[0].inbound_layers
    return type(before).__name__ in _FOLDED_INTO and before.get_config()["activation"] == "linear"
