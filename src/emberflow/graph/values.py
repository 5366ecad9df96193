"""Tensors, operators and the graph they form. Values only; refuse to know how a file holds them."""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from emberflow.errors import GraphError
from emberflow.values import AnyArray, FloatArray, IntArray

ABSENT = -1
"""Index of an optional input that is left out."""

_SHOWN_NAME = 60  # the converter joins the names of fused layers with semicolons, to hundreds of characters


def show_name(name: str) -> str:
    """`name` as messages show it: on one line, what a terminal would obey replaced by '?', and the end of a long one cut off."""
    shown = "".join(character if character.isprintable() else "?" for character in name[:_SHOWN_NAME])
    return shown if len(name) <= _SHOWN_NAME else f"{shown}..."


@dataclass(frozen=True, eq=False)
class Quantization:
    """How integers stand for reals: `real = scale * (code - zero_point)` (LiteRT 8-bit specification).

    scales: shape (1,) or (channels,), float32, finite and > 0; read-only.
    zero_points: same shape, int64, within the range of the tensor's type; read-only.
    axis: which axis of the tensor the channels are; 0 when there is one scale.
    """

    scales: FloatArray
    zero_points: IntArray
    axis: int

    @property
    def per_channel(self) -> bool:
        """Whether each slice along `axis` has a scale of its own."""
        return len(self.scales) > 1


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of a graph.

    shape: sizes >= 0; () is a scalar. A dimension unknown at conversion stands as 1, and is -1 in `signature`.
    dtype: numpy's name: float16, float32, float64, bool, or int and uint with 8, 16, 32 or 64 bits.
    quantization: None when the numbers stand for themselves.
    data: constant values, of `shape` and `dtype`, a read-only view of the file; None for what is computed.
    buffer: where the file keeps `data`; two constants with one buffer are the same bytes.
    is_variable: whether it is a state kept from one inference to the next, such as an LSTM's.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    dtype: str
    quantization: Quantization | None
    data: AnyArray | None
    buffer: int
    is_variable: bool

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Bytes it takes in memory."""
        return self.elements * np.dtype(self.dtype).itemsize

    @property
    def values(self) -> AnyArray:
        """`data`, where a constant is needed. Raises: GraphError: the tensor is computed."""
        if self.data is None:
            raise GraphError(f"{self} is computed while the model runs; expected a constant; convert the model again")
        return self.data

    def __str__(self) -> str:
        return f"tensor {self.index} '{show_name(self.name)}'"


@dataclass(frozen=True, eq=False)
class Operator:
    """One step of a graph.

    name: the schema's name such as CONV_2D, or the code of a custom operator, after the word CUSTOM where it is one of the schema's names.
    inputs: indices of tensors; ABSENT (-1) for an optional one that is left out.
    options: fields of the operator's options, by the schema's names in snake case (`stride_h`, `padding`: SAME or VALID,
        `activation`: NONE, RELU, RELU6 ...); empty for operators that have none, or whose options nothing here needs.
    """

    index: int
    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any]

    def __str__(self) -> str:
        return f"operator {self.index} {show_name(self.name)}"


@dataclass(frozen=True, eq=False)
class Graph:
    """What a .tflite computes: operators in an order in which they can run.

    inputs, outputs: indices of tensors, in the model's order.
    subgraphs: how many the file holds; this is the first, the others are bodies of control flow.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    description: str
    version: int
    subgraphs: int

    def operand(self, operator: Operator, position: int) -> Tensor:
        """The tensor that `operator` reads at `position`. Raises: GraphError: it reads none there."""
        tensor = self.optional(operator, position)
        if tensor is None:
            raise GraphError(f"{operator} reads nothing at position {position}; expected a tensor; convert the model again")
        return tensor

    def optional(self, operator: Operator, position: int) -> Tensor | None:
        """The tensor that `operator` reads at `position`, or None where it is left out."""
        index = operator.inputs[position] if position < len(operator.inputs) else ABSENT
        return None if index == ABSENT else self.tensors[index]

    def result(self, operator: Operator) -> Tensor:
        """The first tensor that `operator` writes. Raises: GraphError: it writes none."""
        if not operator.outputs:
            raise GraphError(f"{operator} writes nothing; expected a tensor; convert the model again")
        return self.tensors[operator.outputs[0]]

    @cached_property
    def producers(self) -> dict[int, Operator]:
        """The operator that writes each computed tensor, by the tensor's index."""
        return {index: operator for operator in self.operators for index in operator.outputs}

    @cached_property
    def readers(self) -> dict[int, tuple[Operator, ...]]:
        """The operators that read each tensor, in order, by the tensor's index; a tensor that nobody reads is left out."""
        found: dict[int, dict[int, Operator]] = {}
        for operator in self.operators:
            for index in operator.inputs:
                if index != ABSENT:
                    found.setdefault(index, {})[operator.index] = operator
        return {index: tuple(operators.values()) for index, operators in found.items()}
