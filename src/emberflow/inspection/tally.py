"""Sums over the numbers of one tensor: noise, range, saturation. Arithmetic on arrays; knows no model and runs nothing."""

from dataclasses import dataclass, field
from math import log10

import numpy as np

from emberflow.graph import Tensor
from emberflow.values import AnyArray, Float64Array, IntArray

_BINS = 256
_TAIL = 0.0005
"""What the bulk of the codes leaves out on either side."""

_SLACK = 1.01
"""Steps by which a number may lie outside the range: softmax's 1.0 is one step above its highest code (LiteRT 8-bit specification)."""


@dataclass
class Power:
    """Signal and noise: sums of squares."""

    signal: float = 0.0
    noise: float = 0.0

    def add(self, real: Float64Array, approximate: Float64Array) -> None:
        """`approximate` stands for `real`."""
        self.signal += float(np.square(real).sum())
        self.noise += float(np.square(real - approximate).sum())

    @property
    def decibels(self) -> float | None:
        """`10 log10(signal / noise)`; None where either is 0."""
        return 10 * log10(self.signal / self.noise) if self.signal and self.noise else None


@dataclass
class Tally:
    """Everything that is summed up of one quantized tensor.

    tensor: has one scale, and integers.
    clamped: codes at which a fused activation may rightly hold many numbers, such as that of 0 after RELU.
    """

    tensor: Tensor
    clamped: frozenset[int] = frozenset()
    here: Power = field(default_factory=Power)
    alone: Power = field(default_factory=Power)
    weights: Power = field(default_factory=Power)
    seen: int = 0
    outside: int = 0
    lowest: float = float("inf")
    highest: float = float("-inf")
    histogram: IntArray = field(default_factory=lambda: np.zeros(_BINS, np.int64))

    def add(self, codes: AnyArray, real: AnyArray | None) -> None:
        """What one sample gave here, and in the float model."""
        first, last = self._limits
        self.seen += codes.size
        self.histogram += np.bincount((codes.astype(np.int64).reshape(-1) - first) * _BINS // (last - first + 1), minlength=_BINS)
        values = self.mean(codes) if real is None else real.astype(np.float64)
        self.lowest, self.highest = min(self.lowest, float(values.min())), max(self.highest, float(values.max()))
        if real is None:
            self.outside += sum(int(np.count_nonzero(codes == end)) for end in {first, last} - self.clamped)
            return
        slack = _SLACK * self._step
        self.outside += int(np.count_nonzero((values < self.range[0] - slack) | (values > self.range[1] + slack)))
        self.here.add(values, self.mean(codes))

    def add_alone(self, codes: AnyArray, real: AnyArray) -> None:
        """What the operator alone gave for the float model's inputs, and what the float model gave."""
        self.alone.add(real.astype(np.float64), self.mean(codes))

    def add_weights(self, result: AnyArray, real: AnyArray) -> None:
        """What the operator alone gave in float, but for its weights, and what the float model gave."""
        self.weights.add(real.astype(np.float64), result.astype(np.float64))

    def mean(self, codes: AnyArray) -> Float64Array:
        """The real numbers that `codes` stand for."""
        return np.asarray((codes.astype(np.float64) - self._zero_point) * self._step)

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest real number that a code stands for."""
        low, high = self.mean(np.array(self._limits))
        return float(low), float(high)

    @property
    def saturation(self) -> float:
        """Share of numbers outside the range; without a float model, of codes at its ends."""
        return self.outside / self.seen

    @property
    def used(self) -> float:
        """Share of the range between the lowest and the highest code seen, in steps of 1/256."""
        return self._width(0.0)

    @property
    def bulk(self) -> float:
        """Share of the range that is left when 0.05 % of the numbers on either side are cut off."""
        return self._width(_TAIL)

    def _width(self, tail: float) -> float:
        reached = np.cumsum(self.histogram)
        first = int(np.searchsorted(reached, tail * self.seen, side="right"))
        last = int(np.searchsorted(reached, (1 - tail) * self.seen, side="left"))
        return (last - first + 1) / _BINS

    @property
    def _limits(self) -> tuple[int, int]:
        limits = np.iinfo(self.tensor.dtype)
        return int(limits.min), int(limits.max)

    @property
    def _step(self) -> float:
        assert self.tensor.quantization is not None  # noqa: S101 - what noise measures has one
        return float(self.tensor.quantization.scales[0])

    @property
    def _zero_point(self) -> int:
        assert self.tensor.quantization is not None  # noqa: S101 - as above
        return int(self.tensor.quantization.zero_points[0])
