"""Per-channel bias, multiplier and shift, packed as `kernels/channel.h` reads them. Arithmetic on int64; refuses sums that overflow."""

from dataclasses import dataclass

import numpy as np

from emberflow.compiler.program import Field
from emberflow.compiler.requantize import factors, multipliers
from emberflow.compiler.site import Site
from emberflow.graph import Tensor
from emberflow.values import Float64Array, IntArray

_LARGEST_BIAS = 1 << 25
_LARGEST_SUM = 1 << 29
_MOST_RIGHT = 22


@dataclass(frozen=True, eq=False)
class Sums:
    """What a layer adds up for each output channel.

    bias: (channels,) int64, with the input's zero point folded in.
    bounds: (channels,) int64, the largest absolute value of any partial sum.
    reals: (channels,) float64, the factor from the sum to the output's steps.
    """

    bias: IntArray
    bounds: IntArray
    reals: Float64Array


def weighted_sums(site: Site, source: Tensor, weights: Tensor, rows: IntArray, bias: Tensor | None) -> Sums:
    """The sums of a layer with constant weights.

    Args:
        rows: weights less their zero point, shape (channels, depth), int64.
        bias: constant, (channels,) int32 in steps of `s_in * s_w`, or None.
    Raises: UnsupportedOperator: biases of another number or type, or sums that don't fit in 32 bits.
    """
    channels = len(rows)
    values = np.zeros(channels, np.int64) if bias is None else _bias_values(site, bias, channels)
    folded = values - site.zero_point(source) * rows.sum(axis=1)
    bounds = np.abs(folded) + 128 * np.abs(rows).sum(axis=1)
    site.expect(int(bounds.max(initial=0)) < 1 << 31, f"its sums reach {int(bounds.max(initial=0)):,}; expected less than 2^31, what 32 bits hold")
    scales = np.broadcast_to(site.quantization(weights).scales, (channels,))
    return Sums(folded, bounds, factors(site.scale(source), scales, site.scale(site.output)))


def _bias_values(site: Site, bias: Tensor, channels: int) -> IntArray:
    site.expect_dtype(bias, "int32")
    site.expect(bias.data is not None, f"{bias} is computed while the model runs; expected constant biases")
    site.expect(bias.elements == channels, f"{bias} has {bias.elements} biases; expected {channels}, one an output channel")
    return bias.values.reshape(-1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Rescale:
    """How sums become codes: the fields of `ef_rescale`, and whether the layer is wide, which has kernels of its own."""

    fields: dict[str, Field]
    is_wide: bool

    def kernel(self, name: str) -> str:
        """The kernel `name`, in the form that reads these fields."""
        return f"{name}_wide" if self.is_wide else name


def pack(site: Site, sums: Sums, once: bool = False) -> Rescale:
    """Sums to codes, in the packed form where it is exact. `once` asks for one rounding, as LiteRT's reference does in some operators.

    Raises: UnsupportedOperator: a factor is out of range.
    """
    try:
        mantissas, shifts = multipliers(sums.reals)
    except ValueError as error:
        site.refuse(f"{error}; convert the model again with another calibration set")
    is_packed = not once and site.clamp() == (-128, 127) and _may_pack(sums, mantissas, shifts)
    words = (sums.bias * 64 - shifts, 2 * mantissas - (1 << 32)) if is_packed else (sums.bias, mantissas, shifts)
    low, high = site.clamp()
    fields: dict[str, Field] = {
        "words": site.constant("channels", np.stack(words, axis=1).astype(np.int32)),
        "zero_point": site.zero_point(site.output),
        "low": low,
        "high": high,
        "once": int(once),
    }
    return Rescale(fields, not is_packed)


def _may_pack(sums: Sums, mantissas: IntArray, shifts: IntArray) -> bool:
    """Whether every number fits the packed form (`kernels/channel.h`); a mantissa of 0 (a factor too small to matter) doesn't."""
    fits = (np.abs(sums.bias) < _LARGEST_BIAS) & (sums.bounds < _LARGEST_SUM) & (mantissas > 0)
    return bool((fits & (shifts < 0) & (shifts >= -_MOST_RIGHT)).all())
