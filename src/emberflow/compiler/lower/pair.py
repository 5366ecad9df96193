"""Operators of two operands, element by element: ADD, SUB, MUL. Chooses which operand is rounded; leaves shapes to `spread`."""

import numpy as np

from emberflow.compiler.lower.scale import factor, small_scale
from emberflow.compiler.lower.spread import call_pair
from emberflow.compiler.program import Field, Step
from emberflow.compiler.requantize import Multiplier
from emberflow.compiler.site import Site

_LEFT_SHIFT = 20  # of both operands, before they are brought to one scale (TFLM, kernels/add_common.cc)


def lower_add(site: Site) -> tuple[Step, ...]:
    """ADD with broadcasting and a fused activation."""
    swap = site.scale(site.tensor(0)) > site.scale(site.tensor(1))  # the kernel rounds its first operand, whose scale is the smaller
    return call_pair(site, "add", site.struct("ef_add", **_add_fields(site, swap, 1)), swap)


def lower_sub(site: Site) -> tuple[Step, ...]:
    """SUB: as ADD; the kernel computes `b - a`, or `a + b` with the factor of `b` negative."""
    swap = site.scale(site.tensor(0)) > site.scale(site.tensor(1))
    fields = _add_fields(site, swap, 1 if swap else -1)
    return call_pair(site, "add", site.struct("ef_add", **fields), swap, "sub" if swap else "add")


def lower_mul(site: Site) -> tuple[Step, ...]:
    """MUL with broadcasting and a fused activation."""
    _expect_int8(site)
    a, b = (site.tensor(position) for position in (0, 1))
    real = np.float64(site.scale(a)) * np.float64(site.scale(b)) / np.float64(site.scale(site.output))
    low, high = site.clamp()
    parameters = site.struct(
        "ef_mul",
        scale=small_scale(site, float(real)).fields,
        a_zero=site.zero_point(a),
        b_zero=site.zero_point(b),
        zero_point=site.zero_point(site.output),
        low=low,
        high=high,
    )
    return call_pair(site, "mul", parameters)


def _add_fields(site: Site, swap: bool, sign: int) -> dict[str, Field]:
    _expect_int8(site)
    a, b = (site.tensor(position) for position in ((1, 0) if swap else (0, 1)))
    twice = 2 * site.scale(b)
    found = factor(site, site.scale(a) / twice)
    # equal scales: a factor of exactly 1/2, whose shift is 0; one step more to the left and one to the right says the same
    inner, left = (Multiplier(found.mantissa, -1), _LEFT_SHIFT + 2) if found.shift == 0 and found.mantissa else (found, _LEFT_SHIFT + 1)
    outer = factor(site, twice / ((1 << _LEFT_SHIFT) * site.scale(site.output)))
    site.expect(
        outer.shift < 0 or not outer.mantissa, f"its output's scale {site.scale(site.output)} is at most 2**-18 of an input's; calibrate again"
    )
    low, high = site.clamp()
    return {
        "a_mantissa": inner.mantissa,
        "a_offset": -site.zero_point(a) << left,
        "b_factor": sign << (_LEFT_SHIFT - 1),
        "b_offset": -site.zero_point(b) * sign << (_LEFT_SHIFT - 1),
        "out_mantissa": outer.mantissa,
        "a_left": left,
        "a_right": max(-inner.shift, 1),
        "out_right": max(-outer.shift, 1),
        "zero_point": site.zero_point(site.output),
        "low": low,
        "high": high,
    }


def _expect_int8(site: Site) -> None:
    for tensor in (site.tensor(0), site.tensor(1), site.output):
        site.expect_dtype(tensor, "int8")
