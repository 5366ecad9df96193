"""A model quantized but for some layers, which stay in float. Knows TensorFlow's quantizer; refuses to know why a layer is left out.

The converter has no public way to do so. Its quantizer does: `mlir_quantize` takes a calibrated model and the names of results whose operators it
is to pass by (TensorFlow 2.21, tensorflow/lite/python/convert.py, `denylisted_nodes`; its QuantizationDebugger works this way).
"""

from typing import Any

from emberflow.errors import ConversionError
from emberflow.graph import Graph, read_graph
from emberflow.graph.layers import scopes_of_operators
from emberflow.recipe import Format

SELECTIVE = (Format.INT8, Format.UINT8)
"""The formats that can leave layers in float."""


def convert_but(converter: Any, left: frozenset[str], number_format: Format) -> bytes:
    """A .tflite in `number_format`, one of SELECTIVE, in which all operators of the layers `left` compute in float32.

    Args: converter: TensorFlow's, with a representative data set.
    Raises: ConversionError: a layer has no operator of its own, or was quantized all the same. Whatever the converter raises.
    """
    import tensorflow as tf  # noqa: PLC0415
    from tensorflow.lite.python.convert import mlir_quantize  # noqa: PLC0415

    converter._experimental_calibrate_only = True
    calibrated = bytes(converter.convert())
    graph = read_graph(calibrated)
    nodes = {graph.result(graph.operators[place]).name for place in _places(graph, left)}
    border = getattr(tf, number_format.value)
    data = bytes(mlir_quantize(calibrated, denylisted_nodes=nodes, input_data_type=border, output_data_type=border))
    _check(read_graph(data), left)
    return data


def _places(graph: Graph, left: frozenset[str]) -> list[int]:
    """The positions of operators of the layers `left`; borders between integers and floats are no layer's."""
    scopes = scopes_of_operators(graph)
    return [
        place for place, operator in enumerate(graph.operators) if operator.name not in ("QUANTIZE", "DEQUANTIZE") and scopes[operator.index] & left
    ]


def _check(graph: Graph, left: frozenset[str]) -> None:
    scopes, places = scopes_of_operators(graph), _places(graph, left)
    if absent := left - {name for place in places for name in scopes[graph.operators[place].index]}:
        names = ", ".join(f"'{name}'" for name in sorted(absent))
        raise ConversionError(f"the layers {names} have no operator of their own to leave in float; leave out 'quantize: false' for them")
    for place in places:
        operator = graph.operators[place]
        if graph.result(operator).dtype != "float32":
            raise ConversionError(f"{operator} of a layer to be left in float was quantized all the same; please report the model")
