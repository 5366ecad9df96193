"""Weights are stored without zeros only where that makes a smaller file which runs and gives the same; what it saved, in bytes and time, is said."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from emberflow.convert import Conversion, to_tflite
from emberflow.evaluate import litert
from emberflow.evaluate.size import measure_size
from emberflow.graph import read_graph
from emberflow.keras_bridge import keras
from emberflow.recipe import ALL, Format, Recipe
from emberflow.target import find_target
from emberflow.variant import SparseStorage
from emberflow.zeros import describe, is_worth_trying, weigh

pytestmark = pytest.mark.xdist_group("tensorflow")
X = np.random.default_rng(0).normal(size=(16, 8, 8, 16)).astype(np.float32)


def two_of_four(weights: np.ndarray) -> np.ndarray:
    """Of every four along the input channels the two smallest are zero, as `prune2of4` leaves them."""
    fours = np.moveaxis(weights, -2, -1).reshape(-1, 4).copy()
    np.put_along_axis(fours, np.argsort(np.abs(fours), axis=1)[:, :2], 0, axis=1)
    return np.moveaxis(fours.reshape(np.moveaxis(weights, -2, -1).shape), -1, -2)


def blocks_of_16(weights: np.ndarray) -> np.ndarray:
    """Three of four blocks of 16 input channels are zero."""
    blocks = np.moveaxis(weights, -2, -1).reshape(-1, 16).copy()
    blocks[np.arange(len(blocks)) % 4 > 0] = 0
    return np.moveaxis(blocks.reshape(np.moveaxis(weights, -2, -1).shape), -1, -2)


def network(prune: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A convolution and two dense layers, 40,000 weights, pruned."""
    layers = keras().layers
    keras().utils.set_random_seed(0)
    model = keras().Sequential(
        [
            keras().Input((8, 8, 16)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(256, "relu"),
            layers.Dense(64),
        ]
    )
    for layer in model.layers:
        if layer.get_weights():
            kernel, bias = layer.get_weights()
            layer.set_weights([prune(kernel), bias])
    return model


def both(prune: Callable[[np.ndarray], np.ndarray], number_format: Format) -> tuple[bytes, bytes]:
    """The network with its zeros, and without."""
    model = network(prune)
    plain, sparse = (to_tflite(model, number_format, X, Conversion(packs_zeros=packs)) for packs in (False, True))
    return plain, sparse


@pytest.mark.parametrize("prune", [two_of_four, blocks_of_16])
def test_a_float_model_is_smaller_and_computes_the_same(prune: Callable[[np.ndarray], np.ndarray]) -> None:
    """And is read as the model that it was: the same weights, sparsity and multiplications."""
    plain, sparse = both(prune, Format.FLOAT32)
    found = weigh(plain, sparse, X)

    assert found.is_kept
    assert found.sparse_bytes < 0.75 * found.plain_bytes
    assert None not in (found.plain_us, found.sparse_us)
    assert litert.run(plain, X) == pytest.approx(litert.run(sparse, X), abs=1e-5)
    assert [layer.sparsity for layer in measure_size(plain).layers] == [layer.sparsity for layer in measure_size(sparse).layers]
    assert (measure_size(plain).macs, measure_size(plain).parameters) == (measure_size(sparse).macs, measure_size(sparse).parameters)
    assert weights_of(plain) == weights_of(sparse)


def weights_of(model: bytes) -> list[bytes]:
    """All constants above 1,000 numbers, whatever they are called."""
    return sorted(tensor.data.tobytes() for tensor in read_graph(model).tensors if tensor.data is not None and tensor.elements > 1000)


def test_a_dynamic_model_with_two_of_four_grows_and_stays_as_it_was() -> None:
    """The places of int8 weights take as much as the weights."""
    found = weigh(*both(two_of_four, Format.DYNAMIC), X)

    assert not found.is_kept
    assert found.sparse_bytes > found.plain_bytes
    assert describe(found) == (
        f"zeros are stored like any weight: as sparse tensors the file would take {found.sparse_bytes:,} B instead of {found.plain_bytes:,} B;"
        " not done, for places of the other weights take more than the zeros do"
    )


def test_a_dynamic_model_that_litert_refuses_stays_as_it_was() -> None:
    """Smaller, with blocks; but its convolution can't be run from an int8 tensor that DENSIFY made."""
    found = weigh(*both(blocks_of_16, Format.DYNAMIC), X)

    assert found.sparse_bytes < found.plain_bytes
    assert found.why_not.startswith("LiteRT refuses the sparse model: failed to delegate CONV_2D")
    assert (found.plain_us, found.sparse_us) == (None, None)


def test_other_outputs_are_noticed() -> None:
    """A model of other weights, which no converter would give."""
    plain, sparse = both(two_of_four, Format.FLOAT32)[0], both(blocks_of_16, Format.FLOAT32)[1]

    assert weigh(plain, sparse, X).why_not.startswith("the outputs of the sparse model differ by ")


@pytest.mark.parametrize(
    ("plain_us", "sparse_us", "said"),
    [
        (200.0, 201.0, "took as long (201.0 µs instead of 200.0 µs)"),
        (200.0, 210.0, "took 5 % longer (210.0 µs instead of 200.0 µs)"),
        (200.0, 150.0, "took 25 % less (150.0 µs instead of 200.0 µs)"),
    ],
)
def test_time_is_told_as_it_was(plain_us: float, sparse_us: float, said: str) -> None:
    """Where it costs, too."""
    storage = SparseStorage(plain_bytes=4000, sparse_bytes=3000, plain_us=plain_us, sparse_us=sparse_us)

    assert (
        f"stored as sparse tensors, without zeros: 3,000 B instead of 4,000 B in the file; made whole again in memory, an inference here {said}"
        == describe(storage)
    )


def test_it_is_tried_for_pruned_float_and_dynamic_models_on_linux() -> None:
    """Never on a microcontroller, whose runtime has no sparse kernels."""
    tried = [str(recipe) for recipe in (*ALL, *map(Recipe.parse, ("prune2of4-float32", "prune50-dynamic", "prune70-cluster16-float16")))]

    assert ["prune2of4-float32", "prune50-dynamic", "prune70-cluster16-float16"] == [
        name for name in tried if is_worth_trying(Recipe.parse(name), find_target("linux-arm64"))
    ]
    assert not any(is_worth_trying(Recipe.parse(name), find_target("stm32f405")) for name in tried)
