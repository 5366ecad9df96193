"""Operators of two operands, element by element. Works out factors and which operand is rounded; leaves shapes to `spread`."""

from emberflow.compiler.lower.scale import Scale, factor, small_scale
from emberflow.compiler.lower.spread import call_pair
from emberflow.compiler.program import Field, Step
from emberflow.compiler.requantize import Multiplier
from emberflow.compiler.site import Site

_LEFT_SHIFT = 20  # of both operands, before they are brought to one scale (TFLM, kernels/add_common.cc)


def lower_add(site: Site) -> tuple[Step, ...]:
    """ADD with broadcasting and a fused activation."""
    swap = site.scale(site.tensor(0)) > site.scale(site.tensor(1))  # the kernel rounds its first operand, whose scale is the smaller
    return call_pair(site, "add", "add", site.struct("ef_add", **_add_fields(site, swap, 1)), swap)


def lower_sub(site: Site) -> tuple[Step, ...]:
    """SUB: as ADD; the kernel computes `b - a`, or `a + b` with the factor of `b` negative."""
    swap = site.scale(site.tensor(0)) > site.scale(site.tensor(1))
    fields = _add_fields(site, swap, 1 if swap else -1)
    return call_pair(site, "add", "sub" if swap else "add", site.struct("ef_add", **fields), swap)


def lower_mul(site: Site) -> tuple[Step, ...]:
    """MUL with broadcasting and a fused activation."""
    _expect_int8(site)
    a, b = (site.tensor(position) for position in (0, 1))
    real = site.scale(a) * site.scale(b) / site.scale(site.output)
    low, high = site.clamp()
    parameters = site.struct(
        "ef_mul",
        scale=small_scale(site, real).fields,
        a_zero=site.zero_point(a),
        b_zero=site.zero_point(b),
        zero_point=site.zero_point(site.output),
        low=low,
        high=high,
    )
    return call_pair(site, "mul", "mul", parameters)


def lower_maximum(site: Site) -> tuple[Step, ...]:
    """MAXIMUM with broadcasting. TFLM compares the codes, whatever their scales; the converter gives all three the same."""
    _expect_int8(site)
    return call_pair(site, "extreme", "maximum", None)


def lower_minimum(site: Site) -> tuple[Step, ...]:
    """MINIMUM, as MAXIMUM."""
    _expect_int8(site)
    return call_pair(site, "extreme", "minimum", None)


def lower_prelu(site: Site) -> tuple[Step, ...]:
    """PRELU; the slopes may be broadcast, and needn't be constant."""
    _expect_int8(site)
    source, slopes = site.tensor(0), site.tensor(1)
    above = site.scale(source) / site.scale(site.output)
    below = site.scale(source) * site.scale(slopes) / site.scale(site.output)
    parameters = site.struct(
        "ef_prelu",
        above=small_scale(site, above).fields,
        below=small_scale(site, below).fields,
        a_zero=site.zero_point(source),
        b_zero=site.zero_point(slopes),
        zero_point=site.zero_point(site.output),
    )
    return call_pair(site, "prelu", "prelu", parameters)


def lower_squared_difference(site: Site) -> tuple[Step, ...]:
    """SQUARED_DIFFERENCE with broadcasting."""
    _expect_int8(site)
    a, b = site.tensor(0), site.tensor(1)
    twice = 2 * max(site.scale(a), site.scale(b))
    outer = factor(site, twice * twice / ((1 << 14) * site.scale(site.output)))
    site.expect(outer.shift <= 0, f"its output's scale {site.scale(site.output)} is too small for squares of its inputs'; calibrate again")
    parameters = site.struct(
        "ef_squared_difference",
        a_scale=small_scale(site, site.scale(a) / twice).fields,
        b_scale=small_scale(site, site.scale(b) / twice).fields,
        scale=Scale(outer.mantissa, 1, -outer.shift).fields,
        a_zero=site.zero_point(a),
        b_zero=site.zero_point(b),
        zero_point=site.zero_point(site.output),
    )
    return call_pair(site, "squared_difference", "squared_difference", parameters)


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
