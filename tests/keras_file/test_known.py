"""What a Keras file may name: every layer of either Keras is allowed, or refused with a reason."""

import inspect

import pytest

from emberflow.keras_bridge.operators import IN_KERAS_2
from emberflow.keras_bridge.which import keras, keras_3
from emberflow.keras_file import known

BASES = {"Layer", "Wrapper", "PreprocessingLayer", "AbstractRNNCell"}


@pytest.mark.xdist_group("tensorflow")
def test_every_layer_of_either_keras_is_allowed_or_refused() -> None:
    """A layer that a new version brings shows here: somebody decides whether it does more than compute."""
    found = {name for make in (keras(), keras_3()) for name, kind in vars(make.layers).items() if inspect.isclass(kind)}

    assert sorted(found - known.LAYERS - set(known.REFUSED) - BASES - {"InputSpec"}) == []
    assert sorted(known.LAYERS & set(known.REFUSED)) == []


@pytest.mark.xdist_group("tensorflow")
def test_every_activation_of_keras_3_may_be_said() -> None:
    """And nothing else that lies beside them in its module."""
    found = {name for name, kind in vars(keras_3().activations).items() if inspect.isfunction(kind)}

    assert found - {"get", "serialize", "deserialize"} == known.ACTIVATIONS


def test_every_function_that_the_bridge_knows_may_be_called() -> None:
    """Else no file could hold it."""
    assert [name for name in IN_KERAS_2 if name not in known.TENSORFLOW_FUNCTIONS and not name.startswith(known.COMPUTING_MODULES)] == []


@pytest.mark.parametrize(
    "name", ["io.write_file", "io.read_file", "py_function", "numpy_function", "raw_ops.WriteFile", "saved_model.load", "function"]
)
def test_a_function_that_does_more_than_compute_may_not(name: str) -> None:
    """By its name or by where it is."""
    assert name not in known.TENSORFLOW_FUNCTIONS
    assert not name.startswith(known.COMPUTING_MODULES)


def test_only_lambda_layers_can_be_trusted() -> None:
    """What else is refused has nothing that firmware could be made of."""
    assert known.MAY_BE_TRUSTED == {name for name, (reason, _) in known.REFUSED.items() if reason == known.CODE} - {"JaxLayer", "FlaxLayer"}
