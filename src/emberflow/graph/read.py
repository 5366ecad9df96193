"""From the bytes of a .tflite to a checked Graph. Knows the schema and what can't be; refuses to import TensorFlow."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import tflite
from tflite.utils import BUILTIN_OPCODE2NAME

from emberflow.errors import GraphError
from emberflow.graph.options import OPTIONS, VECTORS, check_present, kind_of, name_options
from emberflow.graph.source import Source, decoding
from emberflow.graph.sparse import densify
from emberflow.graph.values import ABSENT, Graph, Operator, Quantization, Tensor, show_name
from emberflow.values import AnyArray, FloatArray, IntArray

DTYPES = {
    tflite.TensorType.FLOAT16: "float16",
    tflite.TensorType.FLOAT32: "float32",
    tflite.TensorType.FLOAT64: "float64",
    tflite.TensorType.INT8: "int8",
    tflite.TensorType.INT16: "int16",
    tflite.TensorType.INT32: "int32",
    tflite.TensorType.INT64: "int64",
    tflite.TensorType.UINT8: "uint8",
    tflite.TensorType.UINT16: "uint16",
    tflite.TensorType.UINT32: "uint32",
    tflite.TensorType.UINT64: "uint64",
    tflite.TensorType.BOOL: "bool",
}
"""The element types that are read, by the schema's code; the others (strings, resources, int4 ...) are refused by name."""

_TYPE_NAMES = {code: name for name, code in vars(tflite.TensorType).items() if name.isupper()}
_BUILTIN_NAMES = frozenset(BUILTIN_OPCODE2NAME.values())
_MAGIC = b"TFL3"
_SCHEMA_VERSION = 3
_MOST_DIMENSIONS = 8
_MOST_BYTES = 2**31 - 1
_LEAST_BYTES = {"Subgraphs": 24, "Buffers": 8, "OperatorCodes": 8, "Tensors": 32, "Operators": 24}
"""What one element of these vectors takes in a file: its offset, its table, and the vectors without which it would mean nothing."""


def read_graph(data: bytes) -> Graph:
    """The first subgraph of a .tflite, checked: what it returns can be walked without looking out.

    Args:
        data: the whole file. Constants of the Graph are views of it.
    Returns: tensors and operators as the file orders them. Every index is in range, every constant has the bytes that its shape and type
        need, every scale is finite and positive, and every operator reads only what is constant, a graph input, a state, or written before.
    Raises: GraphError: anything else, saying what and where. No other exception, whatever the bytes; time and memory grow with the file.
    Source: the TensorFlow Lite schema, version 3 (schema.fbs).
    """
    _check_magic(data)
    source = Source(bytes(data))
    with decoding("the model's header"):
        model = tflite.Model.GetRootAs(source.data, 0)
        version = model.Version()
        description = source.text(model.Description())
        subgraphs = _tables(source, model, "Subgraphs")
        buffers = _tables(source, model, "Buffers")
        codes = [_read_code(source, code, index) for index, code in enumerate(_tables(source, model, "OperatorCodes"))]
    if version != _SCHEMA_VERSION:
        raise GraphError(f"the file has schema version {version}; expected {_SCHEMA_VERSION}; convert the model again")
    if not subgraphs:
        raise GraphError("the file holds no subgraph; expected at least one; convert the model again")
    graph = Graph(*_read_subgraph(source, subgraphs[0], buffers, codes), description, version, len(subgraphs))
    _check_order(graph)
    return graph


def _check_magic(data: bytes) -> None:
    if len(data) < 8 or bytes(data[4:8]) != _MAGIC:
        raise GraphError(
            f"received {len(data):,} B with {bytes(data[4:8])!r} at offset 4; expected a .tflite, which has {_MAGIC!r} there; check the path"
        )


def _tables(source: Source, table: Any, field: str) -> list[Any]:
    return source.tables(table, field, _LEAST_BYTES[field])


def _read_subgraph(
    source: Source, table: Any, buffers: list[Any], codes: list[tuple[str, int]]
) -> tuple[tuple[Tensor, ...], tuple[Operator, ...], tuple[int, ...], tuple[int, ...]]:
    """Tensors, operators, and the indices of inputs and outputs."""
    with decoding("the first subgraph"):
        tables, steps = _tables(source, table, "Tensors"), _tables(source, table, "Operators")
        inputs, outputs = source.integers(table, "Inputs"), source.integers(table, "Outputs")
    _check_indices(inputs + outputs, len(tables), "the graph's inputs and outputs", lowest=0)
    tensors = tuple(_read_tensor(source, tensor, index, buffers) for index, tensor in enumerate(tables))
    operators = tuple(_read_operator(source, step, index, codes, len(tables)) for index, step in enumerate(steps))
    return tensors, operators, inputs, outputs


def _read_code(source: Source, code: Any, index: int) -> tuple[str, int]:
    # codes up to 126 are written in the older, 8-bit field, and in both by recent writers (schema.fbs, OperatorCode)
    number = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
    if number == tflite.BuiltinOperator.CUSTOM:
        name = source.text(code.CustomCode())
        return f"CUSTOM {name}" if name in _BUILTIN_NAMES or not name else name, code.Version()
    if number not in BUILTIN_OPCODE2NAME:
        raise GraphError(
            f"operator code {index} is {number}, which schema version {_SCHEMA_VERSION} as packaged doesn't know; expected 0 to {max(BUILTIN_OPCODE2NAME)}"
        )
    return BUILTIN_OPCODE2NAME[number], code.Version()


def _read_tensor(source: Source, table: Any, index: int, buffers: list[Any]) -> Tensor:
    with decoding(f"tensor {index}"):
        name, code, buffer, is_variable = source.text(table.Name()), table.Type(), table.Buffer(), bool(table.IsVariable())
        shape, signature = source.integers(table, "Shape"), source.integers(table, "ShapeSignature")
    if code not in DTYPES:
        raise GraphError(f"tensor {index} '{show_name(name)}' has type {_TYPE_NAMES.get(code, code)}; expected one of {', '.join(DTYPES.values())}")
    tensor = Tensor(index, name, shape, signature or shape, DTYPES[code], None, None, buffer, is_variable)
    _check_shape(tensor)
    _check_indices((buffer,), len(buffers), f"the buffer of {tensor}", lowest=0)
    data = None if is_variable else _read_data(source, table, buffers[buffer], tensor)
    return replace(tensor, quantization=_read_quantization(source, table, tensor), data=data)


def _check_shape(tensor: Tensor) -> None:
    if len(tensor.shape) > _MOST_DIMENSIONS:
        raise GraphError(f"{tensor} has {len(tensor.shape)} dimensions; expected at most {_MOST_DIMENSIONS}")
    if min(tensor.shape, default=0) < 0 or tensor.size_bytes > _MOST_BYTES:
        raise GraphError(
            f"{tensor} has shape {tensor.shape}; expected sizes of 0 or more, and at most {_MOST_BYTES:,} B in all; fix the model's input shape"
        )


def _read_data(source: Source, table: Any, buffer: Any, tensor: Tensor) -> AnyArray | None:
    dtype = np.dtype(tensor.dtype).newbyteorder("<")
    with decoding(f"the data of {tensor}"):
        content = source.content(buffer)
        if content.size and (sparsity := table.Sparsity()) is not None:
            source.spend(content.size)
            return densify(source, sparsity, content.view(dtype), tensor.shape)
    if not content.size:
        return None
    if content.size != tensor.size_bytes:
        raise GraphError(
            f"{tensor} has {content.size:,} B of data; expected {tensor.size_bytes:,} B for shape {tensor.shape} of {tensor.dtype};"
            " convert the model again"
        )
    return content.view(dtype).reshape(tensor.shape)


def _read_quantization(source: Source, table: Any, tensor: Tensor) -> Quantization | None:
    with decoding(f"the quantization of {tensor}"):
        quantization = table.Quantization()
        if quantization is None or not quantization.ScaleLength():
            return None
        scales, zero_points = source.numbers(quantization, "Scale"), source.numbers(quantization, "ZeroPoint")
        axis = quantization.QuantizedDimension() if scales.size > 1 else 0
    _check_scales(scales, axis, tensor)
    _check_zero_points(zero_points, scales.size, tensor)
    return Quantization(scales, np.broadcast_to(zero_points, scales.shape), axis)


def _check_scales(scales: FloatArray, axis: int, tensor: Tensor) -> None:
    bad = scales[~(np.isfinite(scales) & (scales > 0))]
    if bad.size:
        raise GraphError(f"{tensor} has a scale of {bad[0]}; expected finite and positive ones; convert the model again")
    if scales.size > 1 and tensor.shape[axis : axis + 1] != (scales.size,):
        raise GraphError(
            f"{tensor} has {scales.size} scales along axis {axis} of shape {tensor.shape};"
            " expected one, or one for each slice along the axis; convert the model again"
        )


def _check_zero_points(zero_points: IntArray, scales: int, tensor: Tensor) -> None:
    if zero_points.size not in (1, scales):
        raise GraphError(f"{tensor} has {zero_points.size} zero points for {scales} scales; expected one, or as many; convert the model again")
    if tensor.dtype.startswith(("int", "uint")):
        low, high = np.iinfo(tensor.dtype).min, np.iinfo(tensor.dtype).max
        bad = zero_points[(zero_points < low) | (zero_points > high)]
        if bad.size:
            raise GraphError(f"{tensor} has a zero point of {bad[0]}; expected {low} to {high}, the range of {tensor.dtype}; convert the model again")


def _read_operator(source: Source, table: Any, index: int, codes: list[tuple[str, int]], tensors: int) -> Operator:
    with decoding(f"operator {index}"):
        inputs, outputs = source.integers(table, "Inputs"), source.integers(table, "Outputs")
        code, kind, union = table.OpcodeIndex(), table.BuiltinOptionsType(), table.BuiltinOptions()
    _check_indices((code,), len(codes), f"the code of operator {index}", lowest=0)
    name, version = codes[code]
    what = f"operator {index} {name}"
    _check_indices(inputs, tensors, f"the inputs of {what}", lowest=ABSENT)
    _check_indices(outputs, tensors, f"the outputs of {what}", lowest=0)
    options = _read_options(source, name, (kind, union), what)
    return Operator(index=index, name=name, version=version, inputs=inputs, outputs=outputs, options=options)


def _read_options(source: Source, name: str, union: tuple[int, Any], what: str) -> dict[str, Any]:
    if name not in OPTIONS:
        return {}
    kind, table = union
    if not kind or table is None:
        check_present(what, name)
        return {}
    if kind != kind_of(name):
        raise GraphError(f"{what} carries options of kind {kind}; expected {kind_of(name)}; convert the model again")
    schema, fields = OPTIONS[name]
    with decoding(f"the options of {what}"):
        options = schema()
        options.Init(table.Bytes, table.Pos)
        values = {key: source.integers(options, field) if key in VECTORS else getattr(options, field)() for key, field in fields.items()}
    return name_options(values, what)


def _check_indices(indices: Iterable[int], count: int, what: str, lowest: int) -> None:
    for index in indices:
        if not lowest <= index < count:
            raise GraphError(f"{what}: received index {index}; expected {lowest} to {count - 1}; convert the model again")


def _check_order(graph: Graph) -> None:
    known = set(graph.inputs) | {t.index for t in graph.tensors if t.data is not None or t.is_variable or not t.elements}
    written = {t.index for t in graph.tensors if t.data is not None} | set(graph.inputs)
    for operator in graph.operators:
        for index in operator.inputs:
            if index != ABSENT and index not in known:
                raise GraphError(
                    f"{operator} reads {graph.tensors[index]} before anything writes it; expected operators in an order in which they can run"
                )
        for index in operator.outputs:
            if index in written:
                raise GraphError(
                    f"{operator} writes {graph.tensors[index]}, which is constant, a graph input, or written before; expected one writer"
                )
            written.add(index)
        known.update(operator.outputs)
    for index in graph.outputs:
        if index not in known:
            raise GraphError(
                f"the graph gives out {graph.tensors[index]}, which nothing writes; expected an operator that does; convert the model again"
            )
