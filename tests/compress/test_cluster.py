"""Clustered kernels hold no more values than the recipe says, and keep the zeros of pruning."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.xdist_group("tensorflow")
Made = Callable[[str], tuple[Path, tuple[str, ...]]]
Kernels = Callable[[str], dict[str, np.ndarray]]
Converted = Callable[[str], dict[str, Any]]
CLUSTERED = ("first", "second", "dense")


def test_cluster16_leaves_sixteen_values_in_each_kernel(kernels: Kernels) -> None:
    """Of the whole kernel, in the Keras model."""
    found = kernels("cluster16")

    assert all(2 <= np.unique(found[name]).size <= 16 for name in CLUSTERED)


def test_cluster16_leaves_sixteen_values_in_each_output_channel_of_the_int8_file(converted: Converted) -> None:
    """Over the whole tensor there are more: each channel has a step size of its own, and a folded normalization scales each differently."""
    found = converted("cluster16")

    assert all(found[name].distinct_per_channel <= 16 for name in CLUSTERED)


def test_a_layer_with_few_weights_is_left_alone_and_named(made: Made, kernels: Kernels) -> None:
    """48 weights are not worth 16 clusters."""
    assert made("cluster16")[1] == ("cluster16: left layer 'out' (Dense) alone: its 48 weights are too few for 16 clusters",)
    assert np.unique(kernels("cluster16")["out"]).size > 16


def test_clustering_keeps_the_zeros_of_pruning(kernels: Kernels) -> None:
    """Sixteen values, zero among them, at the same places; also in the layer that is not clustered but trains on."""
    pruned, both = kernels("prune70"), kernels("prune70-cluster16")

    assert all(np.all(both[name][pruned[name] == 0] == 0) for name in (*CLUSTERED, "out"))
    assert all(np.unique(both[name]).size <= 16 for name in CLUSTERED)
    assert not np.array_equal(pruned["out"], both["out"])
