"""Models weighed before they are made: what asks for more than its weights could fill is refused without being given it."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from emberflow.errors import ModelError
from emberflow.keras_bridge import keras
from emberflow.keras_bridge.weigh import weigh
from emberflow.keras_file import Checked, Form

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.fixture(scope="module")
def small(three: ModuleType, chain: Callable[..., Any]) -> dict[int, dict[str, Any]]:
    """The same small model's configuration in each Keras."""
    make = keras().layers
    newer = chain(three.layers.Reshape((4, 16)), three.layers.Dense(7), three.layers.LSTM(2), three.layers.Dense(2))
    older = keras().Sequential([keras().Input((16, 4)), make.Reshape((4, 16)), make.Dense(7), make.LSTM(2), make.Dense(2)])
    return {3: json.loads(newer.to_json()), 2: keras().saving.serialize_keras_object(older)}


def file_of(config: dict[str, Any], version: int, values: int, **changed: Any) -> Checked:
    """A file of this configuration, with settings of any layer that has them changed."""
    text = json.dumps(config)
    for key, value in changed.items():
        text = text.replace(f'"{key}": 7', f'"{key}": {value}').replace(f'"{key}": [4, 16]', f'"{key}": {value}')
    return Checked(Path("m.keras"), Form.ZIP, version, json.loads(text), values)


@pytest.mark.parametrize("version", [2, 3])
def test_a_model_that_its_weights_fill_passes(small: dict[int, dict[str, Any]], version: int) -> None:
    """Of either Keras: 213 numbers, and no more are described."""
    assert weigh(file_of(small[version], version, 213)) is None


@pytest.mark.parametrize(("version", "weights"), [(2, 30_000_000 * (17 + 8) + 30), (3, 30_000_000 * 17 + 88)])
def test_a_layer_too_large_for_its_file_is_refused(small: dict[int, dict[str, Any]], version: int, weights: int) -> None:
    """Dense of 30,000,000 units after 16 values. The LSTM after it has 4 x 2 weights for each, but in Keras 3, which builds it for what the file says."""
    with pytest.raises(ModelError, match=rf"the file describes a model of {weights:,} weights and holds 213; save the whole model again"):
        weigh(file_of(small[version], version, 213, units=30_000_000))


@pytest.mark.parametrize("version", [2, 3])
def test_outputs_too_large_for_any_device_are_refused(small: dict[int, dict[str, Any]], version: int) -> None:
    """By the layer's name: 4 steps of 200,000,000 values."""
    with pytest.raises(
        ModelError, match=r"layer 'dense\w*' gives the shape \(None, 4, 200000000\); expected at most 134,217,728 values for a sample"
    ):
        weigh(file_of(small[version], version, 213, units=200_000_000))


@pytest.mark.parametrize("version", [2, 3])
def test_a_configuration_that_keras_can_t_read_is_told(small: dict[int, dict[str, Any]], version: int) -> None:
    """With what it says."""
    for wrong in (-7, '"many"'):
        with pytest.raises(ModelError, match=f"Keras {version} can't build the model that the file describes: .+; save it again"):
            weigh(file_of(small[version], version, 213, units=wrong))


def test_an_input_too_large_for_any_device_is_refused(three: ModuleType) -> None:
    """Before anything is drawn for it."""
    vast = three.Sequential([three.Input((1 << 20, 1 << 10), name="vast"), three.layers.GlobalMaxPooling1D()])

    with pytest.raises(ModelError, match=r"the input 'vast' has the shape \(None, 1048576, 1024\)"):
        weigh(file_of(json.loads(vast.to_json()), 3, 0))
