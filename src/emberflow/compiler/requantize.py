"""Multipliers: real scale factors as a 31-bit mantissa and a shift, as TFLM's kernels take them. Arithmetic only.

A kernel sums integer products and must multiply the sum by a real factor below or around 1, `s_in * s_w / s_out`. The LiteRT 8-bit
specification leaves open how; TensorFlow Lite for Microcontrollers takes `factor = mantissa * 2**(shift - 31)`, mantissa in
[2**30, 2**31), and rounds twice (gemmlowp's fixed point): to the high half of the product, then at the shift.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import frexp

import numpy as np

from emberflow.values import Float64Array, FloatArray, IntArray

_MANTISSA_BITS = 31


class Parity(StrEnum):
    """Whose bytes the C code gives: they differ in how the fully connected layer rounds, and in the tables of some elementwise operators."""

    TFLM = "tflm"
    LITERT_REFERENCE = "litert_reference"


@dataclass(frozen=True)
class Multiplier:
    """`real = mantissa * 2**(shift - 31)`; a negative shift makes numbers smaller."""

    mantissa: int
    shift: int


def multiplier(real: float) -> Multiplier:
    """The mantissa, rounded half up to 31 bits, and the shift of a positive factor; (0, 0) for one too small to matter.

    Raises: ValueError: not positive and finite, or too large for a shift of 30.
    """
    if not 0 < real < float("inf"):
        raise ValueError(f"received a factor of {real}; expected a positive, finite one")
    fraction, shift = frexp(real)
    mantissa = int(np.floor(fraction * (1 << _MANTISSA_BITS) + 0.5))
    if mantissa == 1 << _MANTISSA_BITS:
        mantissa, shift = mantissa // 2, shift + 1
    if shift < -_MANTISSA_BITS:
        return Multiplier(0, 0)
    if shift > 30:
        raise ValueError(f"received a factor of {real}; expected less than 2**30")
    return Multiplier(mantissa, shift)


def factors(input_scale: float, weight_scales: FloatArray, output_scale: float) -> Float64Array:
    """`s_in * s_w / s_out` for each channel, (channels,) float64 from float32 scales, multiplied in this order."""
    return np.float64(np.float32(input_scale)) * weight_scales.astype(np.float64) / np.float64(np.float32(output_scale))


def multipliers(reals: Float64Array) -> tuple[IntArray, IntArray]:
    """Mantissas and shifts of several factors, each (n,) int64. Raises ValueError as `multiplier`."""
    pairs = [multiplier(float(real)) for real in reals]
    return np.array([pair.mantissa for pair in pairs], np.int64), np.array([pair.shift for pair in pairs], np.int64)
