"""One operator of a graph as a lowering sees it: its tensors, names for its constants, and words to refuse it. Knows no kernel."""

from dataclasses import dataclass, field
from math import copysign, floor
from typing import Any, NoReturn

import numpy as np

from emberflow.compiler.program import Constant, Field, Read, Struct, Write
from emberflow.compiler.requantize import Parity
from emberflow.compiler.tables import Tables
from emberflow.compiler.weights import Storage
from emberflow.errors import UnsupportedOperator
from emberflow.graph import Graph, Operator, Quantization, Tensor
from emberflow.values import AnyArray


@dataclass(frozen=True, eq=False)
class Site:
    """Where code for one operator is to stand.

    tables: what TFLM answers to every code, for the operators of `tables.TABLED`.
    part: ends the names of constants, where an operator becomes several calls.
    """

    graph: Graph
    operator: Operator
    parity: Parity
    tables: Tables = field(default_factory=dict)
    storage: Storage = Storage.SMALLEST
    part: str = ""

    @property
    def name(self) -> str:
        """Begins the names of this operator's constants, such as `conv_2d_3`."""
        return f"{self.operator.name.lower()}_{self.operator.index}{self.part}"

    @property
    def options(self) -> dict[str, Any]:
        """The operator's options, by the names of `emberflow.graph.options`."""
        return self.operator.options

    def tensor(self, position: int) -> Tensor:
        """What it reads at `position`. Raises: GraphError: nothing."""
        return self.graph.operand(self.operator, position)

    def optional(self, position: int) -> Tensor | None:
        """What it reads at `position`, or None."""
        return self.graph.optional(self.operator, position)

    def numbers(self, position: int, what: str) -> tuple[int, ...]:
        """The constant integers that it reads at `position`, in order. Raises: UnsupportedOperator: they aren't constant, or no integers."""
        tensor = self.tensor(position)
        self.expect_dtype(tensor, "int32", "int64")
        if tensor.data is None:
            self.refuse(f"its {what} ({tensor}) is computed while the model runs; expected constants; fix the shape inside the model")
        return tuple(int(number) for number in tensor.data.reshape(-1))

    def axis(self, number: int, rank: int) -> int:
        """Axis `number` counted from the front, of `rank` axes. Raises: UnsupportedOperator: there is none."""
        self.expect(-rank <= number < rank, f"it works along axis {number}; expected one of the {rank} axes; convert the model again")
        return number % rank

    @property
    def output(self) -> Tensor:
        """The first tensor it writes. Raises: GraphError: none."""
        return self.graph.result(self.operator)

    def read(self, position: int) -> Read | Constant:
        """The argument for what it reads at `position`: a tensor, or an array in flash where the model holds it constant."""
        tensor = self.tensor(position)
        return Read(tensor.index) if tensor.data is None else self.constant(f"operand{position}", tensor.data)

    def write(self, position: int = 0) -> Write:
        """The argument for what it writes at `position`."""
        return Write(self.operator.outputs[position])

    def constant(self, role: str, values: AnyArray) -> Constant:
        """`values` as an array in flash."""
        return Constant(f"{self.name}_{role}", np.ascontiguousarray(values).reshape(-1))

    def struct(self, c_type: str, role: str = "parameters", /, **fields: Field) -> Struct:
        """Parameters for a kernel."""
        return Struct(f"{self.name}_{role}", c_type, fields)

    def quantization(self, tensor: Tensor) -> Quantization:
        """How the codes of `tensor` stand for reals. Raises: UnsupportedOperator: they don't."""
        if tensor.quantization is None:
            self.refuse(f"{tensor} is {tensor.dtype} without a scale; convert the model with full-integer quantization")
        return tensor.quantization

    def scale(self, tensor: Tensor) -> float:
        """The step of `tensor`, which has one. Raises: UnsupportedOperator: it has several, or none."""
        quantization = self.quantization(tensor)
        if quantization.per_channel:
            self.refuse(f"{tensor} has {len(quantization.scales)} scales; expected one for a tensor of activations")
        return float(quantization.scales[0])

    def zero_point(self, tensor: Tensor) -> int:
        """The code of `tensor` that stands for 0. Raises: UnsupportedOperator: there are several, or none."""
        self.scale(tensor)
        return int(self.quantization(tensor).zero_points[0])

    def expect_dtype(self, tensor: Tensor, *allowed: str) -> None:
        """Raises: UnsupportedOperator: `tensor` holds another type than those `allowed`."""
        if tensor.dtype not in allowed:
            self.refuse(f"{tensor} is {tensor.dtype}; expected {' or '.join(allowed)}; convert the model with full-integer quantization")

    def expect(self, holds: bool, otherwise: str) -> None:
        """Raises: UnsupportedOperator: `otherwise`, when it does not hold."""
        if not holds:
            self.refuse(otherwise)

    def refuse(self, why: str) -> NoReturn:
        """Raises: UnsupportedOperator: says which operator, where it stands, and why."""
        place = f"{self.operator} at position {self.operator.index} of {self.graph.operators[-1].index + 1}"
        raise UnsupportedOperator(f"{place}: {_shortened(why)}")

    def clamp(self) -> tuple[int, int]:
        """The lowest and highest code that the fused activation lets through to the output.

        RELU, RELU6 and RELU_N1_TO_1 bound the real value; a bound's code is `zero_point + round(bound / scale)`, halves away from zero,
        and never outside the type's range (TFLM, CalculateActivationRangeQuantized; LiteRT 8-bit specification).
        """
        limits = np.iinfo(self.output.dtype)
        activation = self.options.get("activation", "NONE")
        if activation not in _REAL_BOUNDS:
            self.refuse(f"a fused {activation} isn't compiled; expected one of {', '.join(_REAL_BOUNDS)}")
        low, high = _REAL_BOUNDS[str(activation)]
        scale, zero_point = np.float32(self.scale(self.output)), self.zero_point(self.output)
        codes = [None if bound is None else zero_point + _round_half_away(bound / scale) for bound in (low, high)]
        return (
            limits.min if codes[0] is None else max(int(limits.min), codes[0]),
            limits.max if codes[1] is None else min(int(limits.max), codes[1]),
        )


_LONGEST_REASON = 700

_REAL_BOUNDS: dict[str, tuple[np.float32 | None, np.float32 | None]] = {
    "NONE": (None, None),
    "RELU": (np.float32(0), None),
    "RELU6": (np.float32(0), np.float32(6)),
    "RELU_N1_TO_1": (np.float32(-1), np.float32(1)),
}


def _shortened(text: str) -> str:
    """`text` without its middle where a file's thousands of numbers make it too long to be read."""
    return text if len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON // 2]} ... {text[-_LONGEST_REASON // 2 :]}"


def _round_half_away(real: np.float32) -> int:
    return int(copysign(floor(abs(float(real)) + 0.5), float(real)))
