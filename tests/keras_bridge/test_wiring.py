"""The wiring of tf_keras models, read from their configuration."""

from typing import Any

import pytest

from emberflow.errors import ModelError
from emberflow.keras_bridge import keras, one_or_all, read_wiring

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_a_list_of_one_is_its_tensor() -> None:
    """Keras gives back outputs in the structure that a model was built with."""
    assert [one_or_all([3]), one_or_all([3, 4])] == [3, [3, 4]]


def test_an_operator_between_tensors_of_keras_2_is_refused_by_name() -> None:
    """Its second input hides in an argument, so that the graph can't be rebuilt."""
    source = keras().Input((16, 4))
    model = keras().Model(source, keras().layers.Conv1D(4, 3, padding="same")(source) + source)

    with pytest.raises(
        ModelError, match=r"computes 'tf.__operators__.add\w*' on tensors without a layer; use a layer instead, such as Add\(\) for \+"
    ):
        read_wiring(model)


def test_a_nested_model_of_keras_2_is_one_call() -> None:
    """Keras counts the nested model's own inputs as its call 0, so that the first use is call 1."""
    inner = keras().Sequential([keras().Input((3,)), keras().layers.Dense(3)], name="inner")
    source = keras().Input((3,), name="source")

    wiring = read_wiring(keras().Model(source, inner(inner(source))))

    assert [(call.layer, call.node) for call in wiring.calls] == [("source", 0), ("inner", 1), ("inner", 2)]
    assert [(end.layer, end.node) for end in wiring.outputs] == [("inner", 2)]


def test_a_graph_that_can_t_be_ordered_is_refused() -> None:
    """A layer waits for one that never comes."""

    class Model:
        name = "odd"
        layers = (type("Layer", (), {"name": "a"})(),)

        def get_config(self) -> dict[str, Any]:
            waits = {"name": "a", "class_name": "Dense", "inbound_nodes": [[["b", 0, 0, {}]]]}
            return {"layers": [waits], "input_layers": [], "output_layers": [["a", 0, 0]]}

    with pytest.raises(ModelError, match="a cycle or a missing input at 'a'"):
        read_wiring(Model())
