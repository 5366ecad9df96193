"""Quantization-aware training keeps zeros and clusters as they then stand in the int8 file, on 1D layers too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.compress import load_any
from emberflow.compress.quantize_aware import apply
from emberflow.errors import UnsupportedLayer
from emberflow.keras_bridge import keras
from emberflow.recipe import Cluster, QuantizeAware, Steps
from emberflow.training import Lesson

pytestmark = pytest.mark.xdist_group("tensorflow")
Made = Callable[[str], tuple[Path, tuple[str, ...]]]
Kernels = Callable[[str], dict[str, np.ndarray]]
Converted = Callable[[str], dict[str, Any]]
CLUSTERED = ("first", "second", "dense")


def zeros(layer: Any) -> int:
    return round(layer.sparsity * layer.parameters)


def test_a_conv1d_model_is_trained_quantized_through_its_2d_form(made: Made, lesson: Lesson) -> None:
    """TFMOT refuses Conv1D; the saved model holds quantized Conv2D, takes the same windows and gives probabilities."""
    model = load_any(made("prune70-qat")[0])

    names = [layer.name for layer in model.layers]
    assert {"quant_first", "quant_second", "quant_dense", "quant_out"} <= set(names)
    assert model.input_shape == (None, 16, 6)
    assert np.asarray(model(lesson.x[:5])).sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_qat_keeps_the_zeros_of_pruning(kernels: Kernels, converted: Converted) -> None:
    """As many in the int8 file as in the pruned Keras model, or more by rounding."""
    pruned, found = kernels("prune70"), converted("prune70-qat")

    assert all(zeros(found[name]) >= np.count_nonzero(pruned[name] == 0) for name in found)


def test_qat_keeps_the_clusters(converted: Converted) -> None:
    """At most 16 values in each output channel; in a Dense kernel, which has one step size, at most 16 in all."""
    found = converted("cluster16-qat")

    assert all(2 <= found[name].distinct_per_channel <= 16 for name in CLUSTERED)
    assert found["dense"].distinct <= 16


def test_qat_keeps_zeros_and_clusters_together(kernels: Kernels, converted: Converted) -> None:
    """Of every layer, also of the one with too few weights to cluster."""
    pruned, found = kernels("prune70"), converted("prune70-cluster16-qat")

    assert all(zeros(found[name]) >= np.count_nonzero(pruned[name] == 0) for name in found)
    assert all(found[name].distinct_per_channel <= 16 for name in CLUSTERED)


def test_a_layer_without_zeros_costs_the_others_none(converted: Converted) -> None:
    """TFMOT shares one quantizer among all Conv2D, which forgets every mask at a kernel without zeros: here `first`, left alone by 2of4."""
    found = converted("prune2of4-cluster16-qat")

    assert found["first"].sparsity < 0.2
    assert all(found[name].sparsity >= 0.5 for name in ("second", "dense"))
    assert all(found[name].distinct_per_channel <= 16 for name in CLUSTERED)


@pytest.mark.parametrize("before", [(), (Cluster(16),)])
def test_what_tfmot_can_t_quantize_is_refused_before_training(before: Steps, lesson: Lesson) -> None:
    """By name, all of them."""
    source = keras().Input((8, 8, 3))
    x = keras().layers.Add()([keras().layers.Conv2D(3, 3, padding="same")(source), source])
    x = keras().layers.PReLU(name="prelu")(keras().layers.BatchNormalization(name="lone")(x))

    with pytest.raises(
        UnsupportedLayer, match=r"qat can't quantize 'prelu' \(PReLU\), 'lone' \(BatchNormalization\) of 'model\w*'; use a recipe without qat"
    ):
        apply(keras().Model(source, x), QuantizeAware(), before, lesson, lambda _: None)
