"""What a .tflite weighs: bytes, parameters, multiplications, activations, zeros. Reads its bytes; refuses to run the model."""

import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from emberflow.evaluate.macs import count_macs
from emberflow.graph import Graph, Operator, Tensor, read_graph
from emberflow.graph.values import ABSENT
from emberflow.values import IntArray
from emberflow.variant import LayerWeights, Size

_RAW_DEFLATE = -zlib.MAX_WBITS


@dataclass(frozen=True)
class Roles:
    """Which inputs of an operator are weights and which are biases, and which axis of the weights the output channels are."""

    weights: tuple[int, ...]
    biases: tuple[int, ...] = ()
    channel_axis: int = 0


ROLES = {
    "CONV_2D": Roles((1,), (2,)),  # (channels out, height, width, channels in)
    "DEPTHWISE_CONV_2D": Roles((1,), (2,), channel_axis=-1),  # (1, height, width, channels out)
    "FULLY_CONNECTED": Roles((1,), (2,)),  # (units, inputs)
    "TRANSPOSE_CONV": Roles((1,), (3,)),  # (channels out, height, width, channels in)
    "BATCH_MATMUL": Roles((0, 1), channel_axis=-1),  # (..., inputs, channels out)
    # 1-8 input and recurrent weights, 16 projection; 9-11 peepholes, 12-15 biases, 17 projection bias, 20-23 layer normalization
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Roles((*range(1, 9), 16), (*range(9, 16), 17, *range(20, 24))),
    "ADD": Roles((), (0, 1)),
    "SUB": Roles((), (0, 1)),
    "MUL": Roles((), (0, 1)),
    "DIV": Roles((), (0, 1)),
    "PRELU": Roles((), (1,)),
    "GATHER": Roles((0,)),
    "EMBEDDING_LOOKUP": Roles((1,)),
}
"""The operators whose constants are parameters. The others' constants (shapes, axes, paddings) are settings."""


def measure_size(data: bytes) -> Size:
    """What the .tflite in `data` weighs.

    file_bytes: as it is. compressed_bytes: raw DEFLATE at level 9, the stream inside a zip, without the zip's headers.
    parameters: elements of the constants that ROLES names, if they are float or have a scale (arithmetic on shapes has neither).
        A constant that two operators share, or two tensors with the same buffer, count once.
    macs: see `emberflow.evaluate.macs`.
    layers: each weight tensor once, as stored, under the first operator that uses it, also through a DEQUANTIZE as in float16 files.
        A zero is a code equal to its zero point. Distinct values are counted as stored; output channels lie along the axis of the
        scales where there are many, else along the operator's convention (ROLES).
    sparsity: zeros of all layers over their elements; 0 when there are none.
    peak_activation_bytes: the largest sum of sizes of activations alive at once, operators in the file's order: graph inputs from the
        start, outputs and states to the end, any other from the operator that writes it to its last reader. A RESHAPE's output is
        counted beside its input. What follows from constants alone (dequantized weights) is no activation; scratch is not in the file.

    Raises: GraphError: not a .tflite, or one that can't be.
    """
    graph = read_graph(data)
    found = list(_weights(graph))
    parts = [_zeros(tensor) for _, tensor in found]
    elements = sum(part.size for part in parts)
    return Size(
        file_bytes=len(data),
        compressed_bytes=_compressed_bytes(data),
        parameters=_count_parameters(graph),
        macs=sum(count_macs(graph).values()),
        peak_activation_bytes=_peak_activation_bytes(graph),
        sparsity=sum(int(part.sum()) for part in parts) / elements if elements else 0.0,
        operators=dict(sorted(Counter(operator.name for operator in graph.operators).items())),
        layers=tuple(_describe(operator, tensor) for operator, tensor in found),
    )


def _compressed_bytes(data: bytes) -> int:
    compressor = zlib.compressobj(9, zlib.DEFLATED, _RAW_DEFLATE)
    return len(compressor.compress(data)) + len(compressor.flush())


def parameters_of(graph: Graph, operator: Operator, positions: tuple[int, ...]) -> Iterator[Tensor]:
    """The constants at `positions` that are parameters: float, or with a scale; as stored, before a DEQUANTIZE."""
    for position in positions:
        tensor = graph.optional(operator, position)
        stored = _stored(graph, tensor) if tensor else None
        if stored and stored.data is not None and (stored.quantization or stored.dtype.startswith("float")):
            yield stored


def _stored(graph: Graph, tensor: Tensor) -> Tensor:
    """What a DEQUANTIZE or a DENSIFY, or both, made `tensor` of; or `tensor` itself."""
    while (producer := graph.producers.get(tensor.index)) and producer.name in ("DEQUANTIZE", "DENSIFY"):
        tensor = graph.operand(producer, 0)
    return tensor


def _count_parameters(graph: Graph) -> int:
    stored = {}
    for operator in graph.operators:
        roles = ROLES.get(operator.name, Roles(()))
        stored.update({tensor.buffer: tensor.elements for tensor in parameters_of(graph, operator, roles.weights + roles.biases)})
    return sum(stored.values())


def _weights(graph: Graph) -> Iterator[tuple[Operator, Tensor]]:
    seen: set[int] = set()
    for operator in graph.operators:
        for tensor in parameters_of(graph, operator, ROLES.get(operator.name, Roles(())).weights):
            if tensor.buffer not in seen:
                seen.add(tensor.buffer)
                yield operator, tensor


def _describe(operator: Operator, tensor: Tensor) -> LayerWeights:
    zeros, per_channel = _zeros(tensor), _distinct_per_channel(operator, tensor)
    return LayerWeights(
        name=tensor.name,
        operator=operator.name,
        shape=tensor.shape,
        dtype=tensor.dtype,
        parameters=tensor.elements,
        sparsity=float(zeros.mean()),
        distinct=int(np.unique(tensor.values).size),
        distinct_per_channel=int(per_channel.max()),
    )


def _zeros(tensor: Tensor) -> NDArray[np.bool_]:
    """Where `tensor` stands for 0.0: shape of the tensor."""
    quantization = tensor.quantization
    if quantization is None:
        return np.equal(tensor.values, 0)
    along = [1] * len(tensor.shape)
    if quantization.per_channel:
        along[quantization.axis] = -1
    return np.equal(tensor.values, quantization.zero_points.reshape(along))


def _distinct_per_channel(operator: Operator, tensor: Tensor) -> IntArray:
    """Distinct values within each output channel: shape (channels,), int64."""
    axis = tensor.quantization.axis if tensor.quantization and tensor.quantization.per_channel else ROLES[operator.name].channel_axis
    channels = np.moveaxis(np.atleast_1d(tensor.values), axis, 0)
    channels = np.sort(channels.reshape(len(channels), -1), axis=1)  # (channels, weights of one)
    counts: IntArray = 1 + np.count_nonzero(channels[:, 1:] != channels[:, :-1], axis=1)
    return counts


def _peak_activation_bytes(graph: Graph) -> int:
    end = len(graph.operators)
    change = [0] * (end + 2)  # bytes that come alive at each step, less those that died before it
    for index, (born, died) in lifetimes(graph).items():
        change[born] += graph.tensors[index].size_bytes
        change[died + 1] -= graph.tensors[index].size_bytes
    return max(accumulate(change))


def lifetimes(graph: Graph) -> dict[int, tuple[int, int]]:
    """The first and last operator during which each activation is alive, by the tensor's index; what is given out lives on past the last."""
    end, constant = len(graph.operators), known_before_running(graph)
    states = {tensor.index for tensor in graph.tensors if tensor.is_variable}
    born = {index: operator.index for index, operator in graph.producers.items()} | dict.fromkeys((*graph.inputs, *states), 0)
    died = {index: operators[-1].index for index, operators in graph.readers.items()} | dict.fromkeys((*graph.outputs, *states), end)
    return {index: (start, died.get(index, start)) for index, start in born.items() if index not in constant}


def known_before_running(graph: Graph) -> set[int]:
    """The tensors that are constant, or follow from constants alone, by their index."""
    known = {tensor.index for tensor in graph.tensors if tensor.data is not None}
    for operator in graph.operators:
        read = [index for index in operator.inputs if index != ABSENT]
        if read and known.issuperset(read):
            known.update(operator.outputs)
    return known
