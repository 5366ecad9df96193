"""Which layers each step treats, what is said of the others, and that our word on qat is TFMOT's."""

from collections.abc import Callable
from typing import Any

import pytest

from emberflow.compress.treatable import CLUSTERABLE, PRUNABLE, refuse_unquantizable, select, spare
from emberflow.errors import UnsupportedLayer
from emberflow.keras_bridge import keras
from emberflow.recipe import Cluster, Prune, PruneBlock, Step
from emberflow.wishes import LayerWish, Wishes

pytestmark = pytest.mark.xdist_group("tensorflow")


def two() -> Any:
    """Keras 2's layers; asked for when a test runs, so that only the process that runs it imports TensorFlow."""
    return keras().layers


def chain(*layers: Any) -> Any:
    return keras().Sequential([keras().Input((8, 8, 3)), *layers])


@pytest.mark.parametrize(
    ("step", "table", "chosen", "notes"),
    [
        (Prune(70), PRUNABLE, {"conv", "up", "dense", "out"}, ["depthwise: not a kind of layer that it treats"]),
        (
            PruneBlock(2, 4),
            PRUNABLE,
            {"up", "dense", "out"},  # the transposed kernel is (height, width, out, in): its axis before the last is 4 long
            ["conv: its 3 input channels can't be cut into blocks of 4", "depthwise: not a kind of layer that it treats"],
        ),
        (
            Cluster(16),
            CLUSTERABLE,
            {"conv", "dense"},
            [
                "depthwise: not a kind of layer that it treats",
                "up: not a kind of layer that it treats",
                "out: its 20 weights are too few for 16 clusters",
            ],
        ),
        (
            Cluster(64),  # needs more than 128 weights
            CLUSTERABLE,
            {"dense"},
            [
                "conv: its 108 weights are too few for 64 clusters",
                "depthwise: not a kind of layer that it treats",
                "up: not a kind of layer that it treats",
                "out: its 20 weights are too few for 64 clusters",
            ],
        ),
    ],
    ids=["prune70", "prune2of4", "cluster16", "cluster64"],
)
def test_each_layer_with_weights_is_treated_or_named(step: Step, table: dict[str, str], chosen: set[str], notes: list[str]) -> None:
    """Layers without weights, and normalizations, go without saying."""
    model = chain(
        two().Conv2D(4, 3, name="conv"),  # 3 * 3 * 3 * 4 = 108 weights
        two().BatchNormalization(),
        two().ReLU(),
        two().DepthwiseConv2D(3, name="depthwise"),
        two().Conv2DTranspose(4, 3, name="up"),
        two().Flatten(),
        two().Dense(4, name="dense"),  # 6 * 6 * 4 * 4 = 576 weights
        two().Dense(5, name="out"),  # 20 weights
    )

    treated, said = select(model, step, table)

    assert treated == chosen
    assert [note.replace(f"{step}: left layer ", "") for note in said] == [_sentence(model, note) for note in notes]


def _sentence(model: Any, note: str) -> str:
    name, reason = note.split(": ")
    return f"'{name}' ({type(model.get_layer(name)).__name__}) alone: {reason}"


@pytest.mark.parametrize("step", [Prune(70), PruneBlock(2, 4), Cluster(16)], ids=str)
def test_a_model_with_nothing_to_treat_is_refused(step: Step) -> None:
    """With the kinds of layers that could be."""
    model = keras().Sequential([keras().Input((8, 3)), two().LSTM(4)], name="recurrent")

    with pytest.raises(UnsupportedLayer, match=f"{step} finds no layer to treat in 'recurrent'; it treats Conv2D, Conv2DTranspose, Conv1D, Dense"):
        select(model, step, PRUNABLE)


def try_tfmot(model: Any) -> bool:
    from tensorflow_model_optimization.quantization import keras as quantization

    try:
        quantization.quantize_apply(quantization.quantize_annotate_model(model))
    except RuntimeError:
        return False
    return True


def try_ours(model: Any) -> bool:
    from emberflow.compress.quantize_aware import _scheme

    try:
        refuse_unquantizable(model, _scheme(()).get_quantize_registry())
    except UnsupportedLayer:
        return False
    return True


@pytest.mark.parametrize(
    ("make", "works"),
    [
        (lambda: chain(two().Conv2D(3, 3), two().BatchNormalization(), two().ReLU()), True),
        (lambda: chain(two().Conv2D(3, 3, activation="relu"), two().BatchNormalization()), False),
        (lambda: chain(two().DepthwiseConv2D(3), two().BatchNormalization(), two().ReLU(6.0)), True),
        (lambda: chain(two().SeparableConv2D(3, 3), two().BatchNormalization()), True),
        (lambda: chain(two().Flatten(), two().Dense(3), two().BatchNormalization()), True),
        (lambda: chain(two().BatchNormalization()), False),
        (lambda: chain(two().MaxPooling2D(), two().BatchNormalization()), False),
        (lambda: chain(two().Conv2D(3, 3), two().LeakyReLU(), two().Dropout(0.1), two().UpSampling2D()), True),
        (lambda: chain(two().Conv2D(3, 3), two().ELU()), False),
        (lambda: chain(two().Conv2DTranspose(3, 3), two().ZeroPadding2D(), two().GlobalAveragePooling2D(), two().Dense(3), two().Softmax()), True),
        (lambda: chain(two().Rescaling(2.0)), False),
        (lambda: chain(two().Reshape((64, 3)), two().LSTM(3)), False),
        (lambda: chain(two().Reshape((64, 3)), two().Conv1D(3, 3)), False),
    ],
)
def test_our_word_on_qat_is_tfmot_s(make: Callable[[], Any], works: bool) -> None:
    """Refused here before any work exactly where TFMOT would raise in the middle of it."""
    assert try_ours(make()) is works
    assert try_tfmot(make()) is works


def test_wishes_are_told_beside_what_can_t_be_treated() -> None:
    """Left alone, by a percentage of its own, and one that blocks can't have."""
    model = chain(two().Conv2D(4, 3, name="conv"), two().Flatten(), two().Dense(4, name="dense"))
    wishes = Wishes(layers={"conv": LayerWish(prune=False, cluster=False), "dense": LayerWish(prune=30)})

    assert [frozenset({"dense"})] * 2 == [select(model, step, PRUNABLE, wishes)[0] for step in (Prune(70), Cluster(16))]
    assert "prune70: pruned 30 % of layer 'dense', as the project wants" == select(model, Prune(70), PRUNABLE, wishes)[1][-1]
    told = "prune2of4: layer 'dense' is pruned in blocks as all others: its own 30 % is for prune<percent>"
    assert told == select(model, PruneBlock(2, 4), PRUNABLE, wishes)[1][-1]
    assert "cluster16: left layer 'conv' (Conv2D) alone: as the project wants" == select(model, Cluster(16), PRUNABLE, wishes)[1][0]


def test_a_normalization_behind_a_spared_layer_is_spared_too() -> None:
    """It would be folded into a layer whose weights aren't rounded."""
    model = chain(two().Conv2D(4, 3, name="conv"), two().BatchNormalization(name="norm"), two().ReLU(name="relu"))

    assert frozenset({"conv", "norm"}) == spare(model, Wishes(layers={"conv": LayerWish(qat=False)}))
    assert frozenset() == spare(model, Wishes())
