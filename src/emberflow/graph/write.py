"""A .tflite that holds one operator of a Graph. Knows the schema as `read` does; refuses to invent what the graph doesn't say."""

from collections.abc import Iterable
from typing import Any

import flatbuffers
import tflite

from emberflow.graph.options import OPTIONS, VECTORS, number_option
from emberflow.graph.read import DTYPES
from emberflow.graph.values import Operator, Tensor

_CODES = {dtype: code for code, dtype in DTYPES.items()}


def write_operator(operator: Operator, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> bytes:
    """A model that computes `outputs` from `inputs` by `operator` alone, a builtin one; what of `inputs` is computed is the model's input.

    Shapes, types, quantization and constants are those of the tensors given, which need not be those of the operator's graph.
    """
    builder = flatbuffers.Builder(1024)
    tensors = (*inputs, *outputs)
    computed = [position for position, tensor in enumerate(inputs) if tensor.data is None]
    written = range(len(inputs), len(tensors))
    buffers = [_buffer(builder, None), *(_buffer(builder, tensor) for tensor in tensors)]
    subgraph = {
        "Tensors": _vector(builder, [_tensor(builder, tensor, position + 1) for position, tensor in enumerate(tensors)], "UOffsetTRelative"),
        "Inputs": _vector(builder, computed),
        "Outputs": _vector(builder, written),
        "Operators": _vector(builder, [_operator(builder, operator, range(len(inputs)), written)], "UOffsetTRelative"),
    }
    model = {
        "Version": 3,
        "OperatorCodes": _vector(builder, [_code(builder, operator)], "UOffsetTRelative"),
        "Subgraphs": _vector(builder, [_table(builder, "SubGraph", subgraph)], "UOffsetTRelative"),
        "Buffers": _vector(builder, buffers, "UOffsetTRelative"),
    }
    builder.Finish(_table(builder, "Model", model), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _code(builder: Any, operator: Operator) -> int:
    code = getattr(tflite.BuiltinOperator, operator.name)
    fields = {"DeprecatedBuiltinCode": min(code, 127), "BuiltinCode": code, "Version": operator.version}
    return _table(builder, "OperatorCode", fields)


def _operator(builder: Any, operator: Operator, reads: Iterable[int], writes: Iterable[int]) -> int:
    fields = {"OpcodeIndex": 0, "Inputs": _vector(builder, reads), "Outputs": _vector(builder, writes)}
    if operator.options:
        kind, names = OPTIONS[operator.name]
        values = {names[key]: _option(builder, key, value) for key, value in operator.options.items()}
        fields["BuiltinOptions"] = _table(builder, kind.__name__, values)
        fields["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, kind.__name__)
    return _table(builder, "Operator", fields)


def _option(builder: Any, key: str, value: Any) -> Any:
    return _vector(builder, value) if key in VECTORS else number_option(key, value)


def _tensor(builder: Any, tensor: Tensor, buffer: int) -> int:
    fields = {
        "Shape": _vector(builder, tensor.shape),
        "Type": _CODES[tensor.dtype],
        "Buffer": buffer,
        "Name": builder.CreateString(f"tensor{buffer}"),
        "IsVariable": tensor.is_variable,
    }
    if tensor.quantization:
        fields["Quantization"] = _table(
            builder,
            "QuantizationParameters",
            {
                "Scale": _vector(builder, tensor.quantization.scales.tolist(), "Float32"),
                "ZeroPoint": _vector(builder, tensor.quantization.zero_points.tolist(), "Int64"),
                "QuantizedDimension": tensor.quantization.axis,
            },
        )
    return _table(builder, "Tensor", fields)


def _buffer(builder: Any, tensor: Tensor | None) -> int:
    if tensor is None or tensor.data is None:
        return _table(builder, "Buffer", {})
    return _table(builder, "Buffer", {"Data": builder.CreateByteVector(tensor.data.tobytes())})


def _vector(builder: Any, items: Iterable[Any], kind: str = "Int32") -> int:
    values, width = list(items), 8 if kind == "Int64" else 4
    builder.StartVector(width, len(values), width)
    for value in reversed(values):
        getattr(builder, f"Prepend{kind}")(value)
    return int(builder.EndVector())


def _table(builder: Any, kind: str, fields: dict[str, Any]) -> int:
    getattr(tflite, f"{kind}Start")(builder)
    for name, value in fields.items():
        getattr(tflite, f"{kind}Add{name}")(builder, value)
    return int(getattr(tflite, f"{kind}End")(builder))
