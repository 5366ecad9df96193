"""Pruned kernels have exactly the zeros that the recipe says, in the Keras model and in the int8 .tflite."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.compress import compress, load_any
from emberflow.recipe import Prune
from emberflow.training import Lesson
from emberflow.wishes import LayerWish, Wishes

pytestmark = pytest.mark.xdist_group("tensorflow")
Made = Callable[[str], tuple[Path, tuple[str, ...]]]
Kernels = Callable[[str], dict[str, np.ndarray]]
Converted = Callable[[str], dict[str, Any]]

# TFMOT keeps round(n * (1 - 0.7)) of n weights: of 144 43.2, of 192 57.6, of 896 268.8, of 48 14.4
KEPT_OF_PRUNE70 = {"first": 43, "second": 58, "dense": 269, "out": 14}


def test_prune70_leaves_the_share_of_each_kernel_that_it_says(made: Made, kernels: Kernels) -> None:
    """To the weight, also where the updates of the schedule don't divide its length."""
    assert {name: np.count_nonzero(kernel) for name, kernel in kernels("prune70").items()} == KEPT_OF_PRUNE70
    assert made("prune70")[1] == ()


def test_the_zeros_are_in_the_int8_file(converted: Converted) -> None:
    """No fewer; a small weight may round to one more."""
    for name, weights in converted("prune70").items():
        kept = weights.parameters - round(weights.sparsity * weights.parameters)
        assert KEPT_OF_PRUNE70[name] * 0.9 <= kept <= KEPT_OF_PRUNE70[name]


def test_prune2of4_zeroes_two_of_every_four_input_channels(kernels: Kernels) -> None:
    """A Conv2D kernel is (height, width, in, out) and a Dense kernel (in, out): blocks lie along the axis before the last, for each tap and output."""
    found = kernels("prune2of4")

    for name in ("second", "dense"):
        rows = np.moveaxis(found[name], -2, -1).reshape(-1, 4)  # (blocks, 4)
        assert set(np.count_nonzero(rows, axis=1)) == {2}


def test_prune50x4_zeroes_blocks_of_four_inputs_in_dense_layers(made: Made, kernels: Kernels) -> None:
    """A Dense kernel is (in, out): each column's fours are zero or not together; convolutions lose weight by weight, which is noted."""
    found = kernels("prune50x4")

    columns = found["dense"].T.reshape(-1, 4)  # (blocks, 4)
    assert set(np.count_nonzero(columns, axis=1)) == {0, 4}
    assert np.count_nonzero(found["dense"]) == found["dense"].size // 2
    assert np.count_nonzero(found["second"]) == found["second"].size // 2
    assert made("prune50x4")[1] == tuple(
        f"prune50x4: pruned layer '{name}' (Conv2D) weight by weight: blocks are for dense layers" for name in ("first", "second")
    )


def test_the_blocks_are_in_the_int8_file(converted: Converted) -> None:
    """Half of the weights at least, which is what a runtime that knows 2:4 could skip."""
    found = converted("prune2of4")

    assert all(0.5 <= found[name].sparsity <= 0.6 for name in ("second", "dense", "out"))


def test_a_layer_whose_channels_make_no_blocks_is_left_alone_and_named(made: Made, kernels: Kernels) -> None:
    """Six input channels aren't a multiple of 4."""
    assert made("prune2of4")[1] == ("prune2of4: left layer 'first' (Conv2D) alone: its 6 input channels can't be cut into blocks of 4",)
    assert np.count_nonzero(kernels("prune2of4")["first"]) == 3 * 6 * 8


def test_a_layer_may_be_left_alone_or_pruned_by_its_own_percentage(made: Made, lesson: Lesson, tmp_path: Path) -> None:
    """30 % of 896 weights leave 627, none of 144 are gone; the others are as the recipe says. Each is noted."""
    wishes = Wishes(layers={"dense": LayerWish(prune=30), "f*": LayerWish(prune=False)})
    notes = compress(made("")[0], (Prune(70),), lesson, tmp_path / "out.h5", lambda _: None, wishes)

    found = {layer.name: np.count_nonzero(layer.kernel) for layer in load_any(tmp_path / "out.h5").layers if hasattr(layer, "kernel")}
    assert KEPT_OF_PRUNE70 | {"dense": 627, "first": 144} == found
    assert (
        "prune70: left layer 'first' (Conv2D) alone: as the project wants",
        "prune70: pruned 30 % of layer 'dense', as the project wants",
    ) == notes
