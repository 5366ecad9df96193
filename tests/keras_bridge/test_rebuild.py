"""Whole models rebuilt in Keras 2: what comes out computes the same, and a layer that doesn't is named."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from emberflow.errors import ModelError
from emberflow.keras_bridge import activations, is_keras_2, keras, largest_difference, operators, rebuild, to_keras_2
from emberflow.keras_bridge.layers import Rebuilt
from emberflow.keras_bridge.proof import TOLERANCE, random_inputs, sensitivity

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_a_graph_with_branches_computes_the_same(three: ModuleType, weighed: Callable[[Any], Any]) -> None:
    """Two inputs, a layer called twice, a merge of a list, two outputs."""
    one, other = three.Input((16, 4), name="one"), three.Input((16, 4), name="other")
    shared = three.layers.Conv1D(4, 3, padding="same", name="shared")
    merged = three.layers.Concatenate(axis=1)([shared(one), shared(shared(other))])
    total = three.layers.Add()([one, other])
    model = weighed(three.Model([one, other], [three.layers.Flatten()(merged), three.layers.Dense(2)(total)]))

    rebuilt = to_keras_2(model)

    assert [tensor.name for tensor in rebuilt.inputs] == ["one", "other"]
    assert [tuple(output.shape) for output in rebuilt.outputs] == [(None, 128), (None, 16, 2)]
    assert largest_difference(model, rebuilt) == 0.0


def test_a_sequential_model_computes_the_same(three: ModuleType) -> None:
    """Its graph is that of the functional model in it."""
    layers = three.layers
    model = three.Sequential([three.Input((16, 4)), layers.Conv1D(2, 3), layers.Dropout(0.5), layers.Flatten(), layers.Dense(2, "softmax")])

    assert largest_difference(model, to_keras_2(model)) == 0.0


def test_models_within_models_become_one(three: ModuleType, weighed: Callable[[Any], Any]) -> None:
    """Called several times, with layers of the same name; what they share is shared."""
    make = three.layers
    sequential = three.Sequential([three.Input((16, 4)), make.Dense(4, "relu6", name="d"), three.Sequential([make.Dense(4)])])
    source = three.Input((16, 4))
    functional = three.Model(source, make.BatchNormalization()(make.Dense(4, name="d")(source)))
    outer = three.Input((16, 4), name="outer")
    model = weighed(three.Model(outer, [make.Dense(2, name="d")(functional(functional(sequential(sequential(outer))))), functional(outer)]))

    rebuilt = to_keras_2(model)

    assert largest_difference(model, rebuilt) == 0.0
    assert rebuilt.count_params() == model.count_params()
    assert {"d", "d_1", "d_2"} <= {layer.name for layer in rebuilt.layers}


def test_models_within_a_model_of_keras_2_become_one() -> None:
    """TFMOT refuses them."""
    make = keras().layers
    inner = keras().Sequential([keras().Input((3,)), make.Dense(3, "hard_sigmoid"), make.BatchNormalization()])
    source = keras().Input((3,))
    model = keras().Model(source, inner(inner(source)))

    rebuilt = to_keras_2(model)

    assert [type(layer).__name__ for layer in rebuilt.layers] == ["InputLayer", "Dense", "BatchNormalization"]
    assert largest_difference(model, rebuilt) == 0.0


def test_mappings_of_inputs_and_outputs_become_lists(three: ModuleType, weighed: Callable[[Any], Any]) -> None:
    """In the order of their keys."""
    a, b = three.Input((3,), name="a"), three.Input((4,), name="b")
    model = weighed(three.Model({"b": b, "a": a}, {"y": three.layers.Dense(2)(a), "x": three.layers.Dense(5)(b)}))

    rebuilt = to_keras_2(model)

    assert [tensor.name for tensor in rebuilt.inputs] == ["a", "b"]
    assert [tuple(tensor.shape) for tensor in rebuilt.outputs] == [(None, 5), (None, 2)]
    assert largest_difference(model, rebuilt) == 0.0


def test_an_input_of_bytes_stays_one(three: ModuleType, chain: Callable[..., Any]) -> None:
    """Pixels from 0 to 255 that the model rescales by itself."""
    model = chain(three.layers.Rescaling(1 / 255), three.layers.Conv2D(2, 3), shape=(8, 8, 3), dtype="uint8")

    rebuilt = to_keras_2(model)

    assert rebuilt.inputs[0].dtype.name == "uint8"
    assert largest_difference(model, rebuilt) == 0.0


def test_a_plain_keras_2_model_comes_back_as_it_is() -> None:
    """There is nothing to rebuild."""
    model = keras().Sequential([keras().Input((3,)), keras().layers.Dense(2)])

    assert to_keras_2(model) is model
    assert is_keras_2(model)


@pytest.mark.parametrize("received", [3, None, list])
def test_what_is_no_model_is_refused(received: object) -> None:
    """With its type."""
    with pytest.raises(ModelError, match=r"received builtins\.\w+; expected a Keras model \(keras or tf_keras\)"):
        to_keras_2(received)


def test_the_first_layer_that_computes_something_else_is_named(three: ModuleType, chain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Were hard_sigmoid rebuilt under its name, it would be that of Keras 2: at x = 2.5, 1 and not 11 / 12, a difference of 0.083."""
    monkeypatch.setitem(activations.AS_LAYERS, "hard_sigmoid", lambda name: keras().layers.Activation("hard_sigmoid", name=name))
    layers = three.layers
    model = chain(layers.Dense(3), layers.Activation("hard_sigmoid", name="second"), layers.Dense(2))

    with pytest.raises(ModelError, match=r"'second' \(Activation\) computes something else in Keras 2: on random inputs its outputs differ by 0\.08"):
        to_keras_2(model)


def steep(three: ModuleType, chain: Callable[..., Any]) -> Any:
    """A normalization of images, which Keras 2 computes in one operation, and a sigmoid ten thousand times as steep: it makes much of a rounding."""
    layers = three.layers
    model = chain(layers.BatchNormalization(name="norm"), layers.Rescaling(1e4), layers.Activation("sigmoid"), shape=(32, 32, 4))
    norm = model.get_layer("norm")
    norm.set_weights([weight + shift for weight, shift in zip(norm.get_weights(), (0.1, 0.2, 0.3, -0.3), strict=True)])
    return model


def test_a_model_that_makes_much_of_roundings_is_rebuilt(three: ModuleType, chain: Callable[..., Any]) -> None:
    """Each layer computes the same from the same; outputs are apart by what inputs a rounding away make of it, too."""
    model = steep(three, chain)
    rebuilt = to_keras_2(model)

    assert TOLERANCE < largest_difference(model, rebuilt) <= 10 * sensitivity(model, random_inputs(model))


def test_layers_that_are_alike_are_not_enough(three: ModuleType, chain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Were outputs further apart than roundings explain."""
    monkeypatch.setattr(rebuild, "_ROUNDINGS", 0)

    with pytest.raises(ModelError, match=r"computes something else in Keras 2: on random inputs its outputs differ by \d"):
        to_keras_2(steep(three, chain))


def test_weights_that_don_t_fit_are_told_with_the_layer(three: ModuleType, chain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a layer of another size made."""
    wider = keras().layers.Dense(5)
    monkeypatch.setattr(rebuild, "in_keras_2", lambda layer, name: Rebuilt(wider, wider))

    with pytest.raises(ModelError, match=r"layer 'narrow' \(Dense\) can't be rebuilt in Keras 2: .*shape.*; build the model with tf_keras"):
        to_keras_2(chain(three.layers.Dense(3, name="narrow")))


def test_an_operator_whose_layer_can_t_be_called_is_told(three: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were x + y made of a layer that doesn't take it."""
    monkeypatch.setitem(operators._OPERATORS, "add", lambda operands, _, name: keras().layers.Reshape((5,), name=name)(operands[0]))
    source = three.Input((3,))

    with pytest.raises(ModelError, match=r"computes 'add\w*' \(keras.ops.Add\) in a way that no layer of Keras 2 does: "):
        to_keras_2(three.Model(source, source + source))
