"""A .tflite that holds some operators of a Graph. Knows the schema as `read` does; refuses to invent what the graph doesn't say."""

from collections.abc import Iterable, Mapping
from typing import Any

import flatbuffers
import tflite

from emberflow.graph.options import OPTIONS, VECTORS, number_option
from emberflow.graph.read import DTYPES
from emberflow.graph.values import ABSENT, Operator, Tensor

_CODES = {dtype: code for code, dtype in DTYPES.items()}


def write_operators(operators: tuple[Operator, ...], tensors: Mapping[int, Tensor]) -> bytes:
    """A model of `operators` alone, builtin ones. Its inputs are what they read and neither hold nor write, its outputs what none of them reads.

    Args:
        tensors: by the indices that the operators name. Shapes, types, quantization and constants are those given, which need not be those
            of the operators' graph.
    """
    builder = flatbuffers.Builder(1024)
    read = [index for operator in operators for index in operator.inputs if index != ABSENT]
    written = [index for operator in operators for index in operator.outputs]
    places = {index: place for place, index in enumerate(dict.fromkeys((*read, *written)))}
    inputs = [places[index] for index in dict.fromkeys(read) if index not in written and tensors[index].data is None]
    outputs = [places[index] for index in written if index not in read]
    places[ABSENT] = ABSENT
    buffers = [_buffer(builder, None), *(_buffer(builder, tensors[index]) for index in places if index != ABSENT)]
    subgraph = {
        "Tensors": _tables(builder, (_tensor(builder, tensors[index], place + 1) for index, place in places.items() if index != ABSENT)),
        "Inputs": _vector(builder, inputs),
        "Outputs": _vector(builder, outputs),
        "Operators": _tables(builder, (_operator(builder, operator, code, places) for code, operator in enumerate(operators))),
    }
    model = {
        "Version": 3,
        "OperatorCodes": _tables(builder, (_code(builder, operator) for operator in operators)),
        "Subgraphs": _tables(builder, (_table(builder, "SubGraph", subgraph),)),
        "Buffers": _vector(builder, buffers, "UOffsetTRelative"),
    }
    builder.Finish(_table(builder, "Model", model), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _code(builder: Any, operator: Operator) -> int:
    code = getattr(tflite.BuiltinOperator, operator.name)
    fields = {"DeprecatedBuiltinCode": min(code, 127), "BuiltinCode": code, "Version": operator.version}
    return _table(builder, "OperatorCode", fields)


def _operator(builder: Any, operator: Operator, code: int, places: Mapping[int, int]) -> int:
    reads, writes = ([places[index] for index in indices] for indices in (operator.inputs, operator.outputs))
    fields = {"OpcodeIndex": code, "Inputs": _vector(builder, reads), "Outputs": _vector(builder, writes)}
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


def _tables(builder: Any, tables: Iterable[int]) -> int:
    return _vector(builder, tables, "UOffsetTRelative")


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
