"""A .tflite called by the names of its signature, as an application calls it. Refuses shapes that LiteRT would silently take."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from emberflow.errors import DataError, GraphError, did_you_mean
from emberflow.evaluate import litert
from emberflow.values import AnyArray

OPEN = -1


def call(model: bytes, name: str, inputs: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """What the signature `name` gives for `inputs`, by the outputs' names.

    Inputs of open size are resized to what is given. Where a size is constant, another one is refused: LiteRT's own signature runner resizes
    those too, and what comes out then is not what the model was tested for.

    Raises: GraphError: LiteRT refuses the model, or it has no such signature. DataError: an input is missing, unknown, or of another shape or type.
    """
    interpreter = litert.open_model(model)
    offered = interpreter.get_signature_list()
    if name not in offered:
        raise GraphError(f"the model has no signature '{name}'; expected one of {', '.join(offered) or 'none'}.{did_you_mean(name, offered)}")
    runner = interpreter.get_signature_runner(name)
    details = runner.get_input_details()
    if set(inputs) != set(details):
        hints = "".join(did_you_mean(key, details) for key in inputs if key not in details)
        raise DataError(f"signature '{name}' takes {', '.join(details)}; received {', '.join(inputs) or 'nothing'}.{hints}")
    for key, value in inputs.items():
        _check(value, key, details[key])
    return {key: np.asarray(value) for key, value in runner(**inputs).items()}


def _check(value: AnyArray, key: str, details: Mapping[str, Any]) -> None:
    signature = details.get("shape_signature", ())
    expected = tuple(map(int, signature if len(signature) else details["shape"]))
    fits = len(expected) == value.ndim and all(size in (OPEN, given) for size, given in zip(expected, value.shape, strict=True))
    if not fits:
        shown = ", ".join("any" if size == OPEN else str(size) for size in expected)
        raise DataError(f"the input '{key}' was given shape {value.shape}; expected ({shown})")
    if value.dtype != np.dtype(details["dtype"]):
        raise DataError(f"the input '{key}' was given {value.dtype}; expected {np.dtype(details['dtype'])}")


def by_index(model: bytes, inputs: Mapping[str, AnyArray], name: str) -> dict[str, AnyArray]:
    """The same outputs, got through tensor indices: input i of the graph is resized and set, output i read, as programs without signatures do."""
    runner = litert.open_model(model).get_signature_runner(name)
    sources, sinks = (
        {key: int(each["index"]) for key, each in details.items()} for details in (runner.get_input_details(), runner.get_output_details())
    )
    interpreter = litert.open_model(model)  # another one: a runner keeps hold of tensors, and LiteRT then allocates none
    for key, value in inputs.items():
        interpreter.resize_tensor_input(sources[key], value.shape)
    interpreter.allocate_tensors()
    for key, value in inputs.items():
        interpreter.set_tensor(sources[key], value)
    interpreter.invoke()
    return {key: interpreter.get_tensor(index) for key, index in sinks.items()}
