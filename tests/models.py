"""Tiny models as .tflite bytes: some written by hand, byte by byte, some converted by TensorFlow from weights that a test can count."""

import functools
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite

_PLACE = 0x0123456789ABCDEF  # found and replaced once the length of the FlatBuffer is known
FORMATS = ("float32", "float16", "dynamic", "int8", "int16x8")


@dataclass(frozen=True)
class TensorSpec:
    """A tensor to be written as it is, possible or not. `buffer` overrides the one made for `data`."""

    name: str = "x"
    shape: tuple[int, ...] = (1, 4)
    type: int = tflite.TensorType.INT8
    data: bytes = b""
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis: int = 0
    is_variable: bool = False
    signature: tuple[int, ...] = ()
    buffer: int | None = None


@dataclass(frozen=True)
class OperatorSpec:
    """An operator to be written as it is. `options` are fields of the schema's table `kind`, such as Conv2DOptions."""

    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    kind: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    version: int = 1
    custom: str = ""
    opcode_index: int | None = None


def write_tflite(
    tensors: tuple[TensorSpec, ...],
    operators: tuple[OperatorSpec, ...],
    inputs: tuple[int, ...] = (0,),
    outputs: tuple[int, ...] = (1,),
    **header: int,
) -> bytes:
    """A .tflite with exactly these parts, whether or not they make sense.

    header: `version` of the schema (3), how many `subgraphs` (1, all the same), and the index of a tensor whose data go `outside`,
        behind the FlatBuffer (none).
    """
    version, subgraphs, outside = header.get("version", 3), header.get("subgraphs", 1), header.get("outside")
    builder = flatbuffers.Builder(1024)
    buffers = [_write_buffer(builder, b""), *(_write_buffer(builder, t.data, outside=i == outside) for i, t in enumerate(tensors))]
    codes = [_write_code(builder, operator) for operator in operators]
    written = [_write_tensor(builder, tensor, index + 1 if tensor.data else 0) for index, tensor in enumerate(tensors)]
    steps = [_write_operator(builder, operator, index) for index, operator in enumerate(operators)]
    vectors = {
        "Tensors": _offsets(builder, written),
        "Inputs": _numbers(builder, inputs, "Int32"),
        "Outputs": _numbers(builder, outputs, "Int32"),
        "Operators": _offsets(builder, steps),
    }
    graph = _table(builder, "SubGraph", vectors)
    parts = {
        "OperatorCodes": _offsets(builder, codes),
        "Subgraphs": _offsets(builder, [graph] * subgraphs),
        "Description": builder.CreateString("by hand"),
        "Buffers": _offsets(builder, buffers),
    }
    builder.Finish(_table(builder, "Model", {"Version": version, **parts}), file_identifier=b"TFL3")
    data = bytes(builder.Output())
    return data if outside is None else data.replace(struct.pack("<Q", _PLACE), struct.pack("<Q", len(data))) + tensors[outside].data


def _table(builder: flatbuffers.Builder, kind: str, fields: dict[str, Any]) -> int:
    getattr(tflite, f"{kind}Start")(builder)
    for name, value in fields.items():
        getattr(tflite, f"{kind}Add{name}")(builder, value)
    return getattr(tflite, f"{kind}End")(builder)


def _offsets(builder: flatbuffers.Builder, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _numbers(builder: flatbuffers.Builder, numbers: tuple[Any, ...], kind: str) -> int:
    width = 8 if kind == "Int64" else 4
    builder.StartVector(width, len(numbers), width)
    for number in reversed(numbers):
        getattr(builder, f"Prepend{kind}")(number)
    return builder.EndVector()


def _write_buffer(builder: flatbuffers.Builder, data: bytes, *, outside: bool = False) -> int:
    if outside:
        return _table(builder, "Buffer", {"Offset": _PLACE, "Size": len(data)})
    return _table(builder, "Buffer", {"Data": builder.CreateByteVector(data)} if data else {})


def _write_code(builder: flatbuffers.Builder, operator: OperatorSpec) -> int:
    custom = {"CustomCode": builder.CreateString(operator.custom)} if operator.custom else {}
    codes = {"DeprecatedBuiltinCode": min(operator.code, 127), "BuiltinCode": operator.code, "Version": operator.version}
    return _table(builder, "OperatorCode", codes | custom)


def _write_tensor(builder: flatbuffers.Builder, tensor: TensorSpec, buffer: int) -> int:
    vectors = {"Scale": _numbers(builder, tensor.scales, "Float32"), "ZeroPoint": _numbers(builder, tensor.zero_points, "Int64")}
    quantization = _table(builder, "QuantizationParameters", {**vectors, "QuantizedDimension": tensor.axis})
    fields = {
        "Shape": _numbers(builder, tensor.shape, "Int32"),
        "Type": tensor.type,
        "Buffer": buffer if tensor.buffer is None else tensor.buffer,
        "Name": builder.CreateString(tensor.name),
        "Quantization": quantization,
        "IsVariable": tensor.is_variable,
    }
    signature = {"ShapeSignature": _numbers(builder, tensor.signature, "Int32")} if tensor.signature else {}
    return _table(builder, "Tensor", fields | signature)


def _write_operator(builder: flatbuffers.Builder, operator: OperatorSpec, index: int) -> int:
    fields = {
        "OpcodeIndex": index if operator.opcode_index is None else operator.opcode_index,
        "Inputs": _numbers(builder, operator.inputs, "Int32"),
        "Outputs": _numbers(builder, operator.outputs, "Int32"),
    }
    if operator.kind:
        values = {k: _numbers(builder, v, "Int32") if isinstance(v, tuple) else v for k, v in operator.options.items()}
        fields |= {
            "BuiltinOptionsType": getattr(tflite.BuiltinOptions, operator.kind),
            "BuiltinOptions": _table(builder, operator.kind, values),
        }
    return _table(builder, "Operator", fields)


def small_tflite(unknown: bool = False) -> bytes:
    """CONV_2D with RELU and FULLY_CONNECTED written by hand, int8: 6 x 6 x 2 to 3 classes, each of which some input gives.

    unknown: between the two stands a COS, which nobody compiles.
    """
    numbers, kinds = np.random.default_rng(1), tflite.TensorType
    kernel, dense = (numbers.integers(-127, 128, shape).astype(np.int8) for shape in ((4, 3, 3, 2), (3, 144)))
    tensors = (
        TensorSpec("input", (1, 6, 6, 2), scales=(0.05,), zero_points=(3,)),
        TensorSpec("kernel", kernel.shape, data=kernel.tobytes(), scales=(0.004, 0.005, 0.006, 0.007), zero_points=(0,) * 4),
        TensorSpec("bias", (4,), kinds.INT32, np.int32([100, -200, 300, 0]).tobytes()),
        TensorSpec("hidden", (1, 6, 6, 4), scales=(0.04,), zero_points=(-128,)),
        TensorSpec("dense", dense.shape, data=dense.tobytes(), scales=(0.003,), zero_points=(0,)),
        TensorSpec("scores", (1, 3), scales=(0.15,), zero_points=(5,)),
        TensorSpec("between", (1, 6, 6, 4), scales=(0.04,), zero_points=(-128,)),
    )
    same, ones = tflite.Padding.SAME, {"StrideW": 1, "StrideH": 1, "DilationWFactor": 1, "DilationHFactor": 1}
    relu = tflite.ActivationFunctionType.RELU
    convolution = OperatorSpec(
        tflite.BuiltinOperator.CONV_2D, (0, 1, 2), (3,), "Conv2DOptions", {"Padding": same, "FusedActivationFunction": relu, **ones}
    )
    cosine = OperatorSpec(tflite.BuiltinOperator.COS, (3,), (6,))
    decision = OperatorSpec(tflite.BuiltinOperator.FULLY_CONNECTED, (6 if unknown else 3, 4), (5,), "FullyConnectedOptions")
    return write_tflite(tensors, (convolution, cosine, decision) if unknown else (convolution, decision), outputs=(5,))


def countable_weights(shape: tuple[int, ...], start: int = 0) -> np.ndarray:
    """float32 1/64, 2/64 ... 64/64, -1/64, -2/64 ... and so on round, entered at `start`: no zero, exact in float16, 128 values."""
    steps = np.arange(start, start + int(np.prod(shape)))
    signs = np.where(steps // 64 % 2, -1, 1)
    return ((steps % 64 + 1) * signs / 64).astype(np.float32).reshape(shape)


def image_model() -> Any:
    """Conv2D, DepthwiseConv2D and Dense: 6 x 6 x 2 to 20 classes; the first channel of the convolution is zero."""
    keras = _keras()
    model = keras.Sequential(
        [
            keras.layers.Input((6, 6, 2)),
            keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv"),
            keras.layers.DepthwiseConv2D(3, name="depthwise"),
            keras.layers.Flatten(),
            keras.layers.Dense(20, activation="softmax", name="dense"),
        ]
    )
    return _with_weights(model)


def signal_model() -> Any:
    """Conv1D, mean and Dense: a window of 16 steps of 3 channels to 2 classes."""
    keras = _keras()
    model = keras.Sequential(
        [
            keras.layers.Input((16, 3)),
            keras.layers.Conv1D(4, 5, activation="relu", name="conv"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(2, name="dense"),
        ]
    )
    return _with_weights(model)


def recurrent_model() -> Any:
    """LSTM and Dense: 8 steps of 3 channels to 2 classes."""
    keras = _keras()
    return _with_weights(keras.Sequential([keras.layers.Input((8, 3)), keras.layers.LSTM(4), keras.layers.Dense(2, name="dense")]))


MODELS: dict[str, Callable[[], Any]] = {"image": image_model, "signal": signal_model, "recurrent": recurrent_model}


@functools.cache
def tiny_tflite(name: str, number_format: str, batch: int | None = 1) -> bytes:
    """The model `name` of MODELS as a .tflite in one of FORMATS; `batch` None leaves the batch open. Converted once a process."""
    return convert(MODELS[name](), number_format, batch)


def convert(model: Any, number_format: str, batch: int | None = 1) -> bytes:
    """`model` (tf_keras) as a .tflite in one of FORMATS, calibrated on eight seeded random samples."""
    import tensorflow as tf

    keras = _keras()
    entrance = keras.Input(batch_size=batch, shape=model.input_shape[1:])
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(entrance, model(entrance)))
    if number_format != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if number_format == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if number_format in ("int8", "int16x8"):
        converter.representative_dataset = functools.partial(_samples, model.input_shape[1:])
        converter.target_spec.supported_ops = [_integer_operators(number_format)]
        converter.inference_input_type = converter.inference_output_type = tf.int8 if number_format == "int8" else tf.int16
    return bytes(converter.convert())


def _integer_operators(number_format: str) -> Any:
    import tensorflow as tf

    sets = tf.lite.OpsSet
    return sets.TFLITE_BUILTINS_INT8 if number_format == "int8" else sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8


def _samples(shape: tuple[int, ...]) -> Iterator[list[np.ndarray]]:
    generator = np.random.default_rng(0)
    for _ in range(8):
        yield [generator.standard_normal((1, *shape), dtype=np.float32)]


def _with_weights(model: Any) -> Any:
    for position, layer in enumerate(model.layers):  # each layer starts elsewhere: equal constants would share a buffer
        weights = [countable_weights(weight.shape, position) for weight in layer.get_weights()]
        if layer.name == "conv":
            weights[0][..., 0] = 0
        layer.set_weights(weights)
    return model


def _keras() -> Any:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tf_keras

    return tf_keras
