"""Operators of two operands, element by element. Works out factors and which operand is rounded; leaves shapes to `spread`."""

from emberflow.compiler.lower.scale import Scale, factor, small_scale
from emberflow.compiler.lower.spread import Kernel, call_pair
from emberflow.compiler.program import Step
from emberflow.compiler.requantize import Multiplier
from emberflow.compiler.site import Site

_QUICK_SHIFT = 23
_LEFT_SHIFT = 20  # of both operands, before they are brought to one scale (TFLM, kernels/add_common.cc)


def lower_add(site: Site) -> tuple[Step, ...]:
    """ADD with broadcasting and a fused activation."""
    return _lower_sum(site, "add", "add")


def lower_sub(site: Site) -> tuple[Step, ...]:
    """SUB, as ADD."""
    return _lower_sum(site, "a_minus_b", "b_minus_a")


def _lower_sum(site: Site, straight: str, swapped: str) -> tuple[Step, ...]:
    """The kernel called `straight`, or `swapped`: it rounds its first operand, whose scale must be the smaller."""
    _expect_int8(site)
    _expect_options(site)
    swap = site.scale(site.tensor(0)) > site.scale(site.tensor(1))
    fields = _sum_fields(site, swap)
    # the quick form adds the zero point before its shift, in 32 bits, and lets all codes through
    is_quick = fields["out_right"] <= _QUICK_SHIFT and site.clamp() == (-128, 127)
    return call_pair(site, Kernel("add", swapped if swap else straight, any_form=not is_quick), site.struct("ef_add", **fields), swap)


def lower_mul(site: Site) -> tuple[Step, ...]:
    """MUL with broadcasting and a fused activation."""
    _expect_int8(site)
    _expect_options(site)
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
    return call_pair(site, Kernel("mul", "mul"), parameters)


def lower_maximum(site: Site) -> tuple[Step, ...]:
    """MAXIMUM with broadcasting. TFLM compares the codes, whatever their scales; the converter gives all three the same."""
    _expect_int8(site)
    return call_pair(site, Kernel("extreme", "maximum"), None)


def lower_minimum(site: Site) -> tuple[Step, ...]:
    """MINIMUM, as MAXIMUM."""
    _expect_int8(site)
    return call_pair(site, Kernel("extreme", "minimum"), None)


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
    return call_pair(site, Kernel("prelu", "prelu"), parameters)


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
    return call_pair(site, Kernel("squared_difference", "squared_difference"), parameters)


def _sum_fields(site: Site, swap: bool) -> dict[str, int]:
    a, b = (site.tensor(position) for position in ((1, 0) if swap else (0, 1)))
    twice = 2 * site.scale(b)
    inner = factor(site, site.scale(a) / twice)
    if inner.shift == 0 and inner.mantissa:
        # equal scales: a factor of exactly 1/2. Of the 9 bits of a code, a mantissa of 2**31 and one less make the same
        inner = Multiplier((1 << 31) - 1, -1)
    outer = factor(site, twice / ((1 << _LEFT_SHIFT) * site.scale(site.output)))
    site.expect(
        outer.shift < 0 or not outer.mantissa, f"its output's scale {site.scale(site.output)} is at most 2**-18 of an input's; calibrate again"
    )
    low, high = site.clamp()
    return {
        "a_mantissa": inner.mantissa,
        "a_offset": -site.zero_point(a) << (_LEFT_SHIFT + 1),
        "b_offset": -site.zero_point(b) << _LEFT_SHIFT,
        "out_mantissa": outer.mantissa,
        "a_right": max(-inner.shift, 1),
        "out_right": max(-outer.shift, 1),
        "zero_point": site.zero_point(site.output),
        "low": low,
        "high": high,
    }


def _expect_int8(site: Site) -> None:
    for tensor in (site.tensor(0), site.tensor(1), site.output):
        site.expect_dtype(tensor, "int8")


def _expect_options(site: Site) -> None:
    """TFLM's ADD, SUB and MUL read the fused activation from memory that nothing wrote when the file leaves their options out."""
    site.expect(bool(site.options), "it has no options, so its fused activation is unknown; convert the model again")
