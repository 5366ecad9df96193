"""SOFTMAX: the exponentials of all differences of codes, as TFLM's fixed point gives them. Arithmetic on Python's integers."""

from math import exp, floor

import numpy as np

from emberflow.compiler.lower.scale import factor
from emberflow.compiler.program import Call, Step
from emberflow.compiler.requantize import Multiplier
from emberflow.compiler.site import Site
from emberflow.values import Int32Array

INTEGER_BITS = 5
"""Differences are held in 32 bits, 5 of them before the point (TFLM, kernels/softmax_common.cc: kScaledDiffIntegerBits)."""

MOST_DEPTH = 4095
"""Beyond, a sum of exponentials with 12 bits before the point can overflow."""

_FRACTION_BITS = 31 - INTEGER_BITS
_ONE = (1 << 31) - 1
_STEEPEST = Multiplier(1 << 30, 31)  # of all steps this steep: a difference of 1 is beyond what the bits before the point hold


def lower_softmax(site: Site) -> tuple[Step, ...]:
    """SOFTMAX over the last axis, int8 to int8; the output's scale is 1/256 and its zero point -128, as the specification fixes them."""
    rows, depth = expect_rows(site, 1 / 256, -128, MOST_DEPTH)
    beta = float(site.options.get("beta", 0.0))
    site.expect(beta > 0, f"its beta is {beta}; expected a positive one; set softmax's beta to 1")
    table = exponentials(difference_step(site, beta * site.scale(site.tensor(0)), "beta * scale"))
    parameters = site.struct("ef_softmax", exponentials=site.constant("exponentials", table), rows=rows, depth=depth, count=len(table))
    in_place = ((site.output.index, site.tensor(0).index),)
    return (Call(site.operator, "softmax", "ef_softmax_rows", (parameters, site.read(0), site.write()), in_place),)


def expect_rows(site: Site, scale: float, zero_point: int, most: int) -> tuple[int, int]:
    """How many rows of int8 the operator reads and writes, and how long they are.

    Args: scale and zero_point: those that the specification fixes for the output. most: the longest row.
    Raises: UnsupportedOperator: other types, another scale or zero point, shapes that differ, or longer rows.
    """
    source, output = site.tensor(0), site.output
    for tensor in (source, output):
        site.expect_dtype(tensor, "int8")
    site.expect(
        (site.scale(output), site.zero_point(output)) == (scale, zero_point),
        f"{output} has scale {site.scale(output)} and zero point {site.zero_point(output)}; expected 1/{round(1 / scale)} and {zero_point};"
        " convert the model again",
    )
    site.expect(
        source.shape == output.shape and bool(source.shape) and 0 < source.shape[-1] <= most,
        f"it leads from shape {source.shape} to {output.shape}; expected the same shape, and 1 to {most:,} values along the last axis",
    )
    return source.elements // source.shape[-1], source.shape[-1]


def difference_step(site: Site, real: float, name: str) -> Multiplier:
    """One step of the codes, `real`, with 26 fractional bits. Raises: UnsupportedOperator: it is below the last of them; `name` says what it is."""
    scaled = min(real * (1 << _FRACTION_BITS), float(_ONE))
    site.expect(scaled > 1, f"its {name} is {real}; expected more than 2**-{_FRACTION_BITS}; convert the model again with another calibration set")
    return factor(site, scaled) if scaled < 1 << 30 else _STEEPEST


def reach(step: Multiplier) -> int:
    """The largest difference of codes that `step` leads to a number of 32 bits, at most 255."""
    return min(floor(((1 << INTEGER_BITS) - 1) * (1 << _FRACTION_BITS) / (1 << step.shift)), 255)


def steps_down(difference: int, step: Multiplier) -> int:
    """What `difference` codes below the greatest come to, at most 0, with 26 fractional bits."""
    return _high(-difference << step.shift, step.mantissa)


def exponentials(step: Multiplier) -> Int32Array:
    """`exp(-difference * step)` with 31 fractional bits, (n,) int32 for differences 0, 1 ... of which all later ones are 0, n up to 256.

    step: one step of the codes, with 26 fractional bits.
    """
    values = [_exponential(steps_down(difference, step)) for difference in range(reach(step) + 1)]
    return np.array([value for value in values if value], np.int32)  # they fall, so zeros are at the end


def _exponential(x: int) -> int:
    """`exp(x)` with 31 fractional bits, of x <= 0 with 26: a polynomial within a quarter, then a factor for each bit before it."""
    if x == 0:
        return _ONE
    quarter = 1 << (_FRACTION_BITS - 2)
    within = x % quarter - quarter
    result, rest = _within_a_quarter(within << INTEGER_BITS), within - x
    for power in range(-2, INTEGER_BITS):
        if rest >> (_FRACTION_BITS + power) & 1:
            result = _high(result, round(exp(-(2.0**power)) * (1 << 31)))
    return result


def _within_a_quarter(x: int) -> int:
    """`exp(x)` for -1/4 <= x < 0: exp(-1/8) times the series of four terms at x + 1/8."""
    center, third = round(exp(-0.125) * (1 << 31)), round((1 << 31) / 3)
    x += 1 << 28
    x2 = _high(x, x)
    x3, x4 = _high(x2, x), _high(x2, x2)
    series = x + _halve(_high(_halve(x4, 2) + x3, third) + x2, 1)
    return center + _high(center, series)


def _high(a: int, b: int) -> int:
    """The product of two numbers with 31 fractional bits, rounded, halves up."""
    return (a * b + (1 << 30)) >> 31


def _halve(value: int, times: int) -> int:
    """`value / 2**times` rounded, halves away from zero."""
    half = 1 << (times - 1)
    return (value + half) >> times if value >= 0 else -((-value + half) >> times)
