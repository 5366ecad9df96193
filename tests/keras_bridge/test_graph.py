"""Graphs of either Keras, played call by call."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from emberflow.errors import ModelError
from emberflow.keras_bridge import keras
from emberflow.keras_bridge.graph import Node, check_readable, leaves, play

pytestmark = pytest.mark.xdist_group("tensorflow")


def names_of(model: Any) -> list[str]:
    """The layers that are called, in order, models within the model opened."""
    called = []

    def act(node: Node, _: tuple[Any, ...], __: dict[str, Any]) -> list[None]:
        called.append(node.layer.name)
        return [None] * len(node.outputs)

    play(model, [None] * len(model.inputs), act)
    return called


@pytest.mark.parametrize("version", [2, 3])
def test_models_within_models_are_opened(three: ModuleType, version: int) -> None:
    """Each time that they are called, with the layers that all calls share."""
    make = keras() if version == 2 else three
    inner = make.Sequential([make.Input((3,)), make.layers.Dense(3, name="a"), make.layers.Dense(3, name="b")])
    source = make.Input((3,))
    outer = make.Model(source, make.layers.Dense(2, name="c")(inner(inner(source))))

    assert names_of(outer) == ["a", "b", "a", "b", "c"]


def test_operators_that_compute_a_mask_are_left_out(three: ModuleType, chain: Callable[..., Any]) -> None:
    """Keras 3 lists them among the calls."""
    masked = chain(three.layers.Masking(name="m"), three.layers.LSTM(3, name="l"))

    assert "NotEqual" in [type(operation).__name__ for operation in masked.operations]
    assert names_of(masked) == ["m", "l"]


def test_values_go_the_way_of_the_graph(three: ModuleType) -> None:
    """Calling each layer on values gives what the model gives."""
    one, other = three.Input((3,)), three.Input((3,))
    shared = three.layers.Dense(3)
    model = three.Model([one, other], [three.layers.Add()([shared(one), shared(other)]), one])
    x = [np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)]

    played = play(model, x, lambda node, args, kwargs: node.layer(*args, **kwargs))

    assert [np.asarray(y).tolist() for y in played] == [np.asarray(y).tolist() for y in model(x)]


def test_leaves_of_a_mapping_come_by_its_keys() -> None:
    """As both Keras order them."""
    assert leaves({"b": [1, (2,)], "a": 3}) == [3, 1, 2]


def subclassed(make: ModuleType) -> Any:
    """A model whose graph only its code knows."""

    class Subclassed(make.Model):  # type: ignore[misc,name-defined]  # Keras ships no types
        def call(self, x: Any) -> Any:
            return x

    return Subclassed()


def subclassed_under_the_name_of_keras(make: ModuleType) -> Any:
    class Model(make.Model):  # type: ignore[misc,name-defined]  # Keras ships no types
        def call(self, x: Any) -> Any:
            return x

    return Model(name="mine")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (subclassed_under_the_name_of_keras, "'mine' was made by a subclass; expected a Sequential or functional Keras model, whose graph can be"),
        (subclassed, "received a Subclassed; expected a Sequential or functional Keras model, whose graph can be read"),
        (
            lambda make: make.Sequential([make.layers.Dense(2)]),
            "a Sequential model without an input shape; start it with an Input layer, or call build()",
        ),
    ],
)
def test_a_model_without_a_graph_is_refused(three: ModuleType, make: Callable[[ModuleType], Any], said: str) -> None:
    """Before anything is done with it."""
    for version in (keras(), three):
        with pytest.raises(ModelError) as told:
            check_readable(make(version))

        assert said in str(told.value)
