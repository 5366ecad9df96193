"""How large a model of a checked file would be, found without making it. Knows both Kerases' symbolic modes; refuses to allocate."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emberflow.errors import ModelError
from emberflow.keras_bridge.graph import Node, check_readable, play
from emberflow.keras_bridge.which import Model, keras, keras_3, short
from emberflow.keras_file import Checked, Form

MOST_OUTPUTS = 1 << 27
"""Values that one layer may give for a sample: half a gigabyte of float32."""

_SPARE_VALUES = 1_000_000
"""That a model may hold beside its file's weights, such as the states of random generators."""


def weigh(file: Checked) -> None:
    """Refuse a model whose configuration asks for more than its weights could fill, or for outputs that fit no device.

    Raises: ModelError: too large, with the layer's name; or a configuration that Keras can't read.
    """
    try:
        values = (_in_keras_3 if file.version == 3 else _in_keras_2)(file)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"Keras {file.version} can't build the model that the file describes: {short(error)}; save it again") from error
    if values > file.values + _SPARE_VALUES:
        raise ModelError(f"the file describes a model of {values:,} weights and holds {file.values:,}; save the whole model again")


def _in_keras_3(file: Checked) -> int:
    with _nothing_initialized(), keras_3().StatelessScope(initialize_variables=False):
        if file.form is Form.ZIP:
            model = keras_3().saving.deserialize_keras_object(dict(file.config), safe_mode=True)
        else:
            from keras.src.legacy.saving.saving_utils import model_from_config  # noqa: PLC0415 - Keras 3 reads its HDF5 configurations with it alone

            model = model_from_config(dict(file.config))
        _check_outputs(model)
        return sum(math.prod(variable.shape) for variable in model.variables)


@contextmanager
def _nothing_initialized() -> Iterator[None]:
    """Keras 3 keeps a list of the variables that such a scope left without values, and gives them values with the next model that it makes."""
    from keras.src.backend.common import global_state  # noqa: PLC0415 - Keras is imported by now

    before = list(global_state.get_global_attribute("uninitialized_variables") or [])
    try:
        yield
    finally:
        global_state.set_global_attribute("uninitialized_variables", before)


def _in_keras_2(file: Checked) -> int:
    import tensorflow as tf  # noqa: PLC0415 - the bridge is imported without it

    with tf.Graph().as_default():
        if file.form is Form.ZIP:
            model = keras().saving.deserialize_keras_object(dict(file.config), safe_mode=True)
        else:
            model = keras().models.model_from_config(dict(file.config))
        _check_outputs(model)
        return sum(math.prod(variable.shape) for variable in model.variables)


def _check_outputs(model: Model) -> None:
    def act(node: Node, _: tuple[Any, ...], __: dict[str, Any]) -> list[None]:
        for tensor in node.outputs:
            _check_size(f"layer '{node.layer.name}' gives", tensor.shape)
        return [None] * len(node.outputs)

    check_readable(model)
    for tensor in model.inputs:
        _check_size(f"the input '{tensor.name}' has", tensor.shape)
    play(model, [None] * len(model.inputs), act)


def _check_size(what: str, shape: Any) -> None:
    if math.prod(int(size or 1) for size in tuple(shape)[1:]) > MOST_OUTPUTS:
        raise ModelError(f"{what} the shape {tuple(shape)}; expected at most {MOST_OUTPUTS:,} values for a sample: no device holds them")
