"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN. Finds the loops and the multiplier; chooses no memory."""

from math import prod

from emberflow.compiler.lower.move import expect_same_codes, expect_shape
from emberflow.compiler.lower.view import merge, view_of
from emberflow.compiler.program import Call, Field, Step
from emberflow.compiler.requantize import Multiplier, Parity, multiplier
from emberflow.compiler.site import Site

_MOST_LOOPS = 3
_MOST_SUMMED = 1 << 23  # times 256 steps of int8, the largest sum is below 2^31


def lower_mean(site: Site) -> tuple[Step, ...]:
    """MEAN over any axes."""
    return _sum(site, divide=True)


def lower_sum(site: Site) -> tuple[Step, ...]:
    """SUM over any axes. Raises: UnsupportedOperator: as LiteRT's reference does it, which adds up in floats and lets the code wrap around."""
    site.expect(
        site.parity is Parity.TFLM,
        "LiteRT's reference kernels add up in floats, for which there is no kernel here; expected parity tflm, or a MEAN in its place",
    )
    return _sum(site, divide=False)


def lower_reduce_max(site: Site) -> tuple[Step, ...]:
    """REDUCE_MAX over any axes."""
    return _extreme(site, flip=0)


def lower_reduce_min(site: Site) -> tuple[Step, ...]:
    """REDUCE_MIN over any axes: the greatest of the complements."""
    return _extreme(site, flip=-1)


def mean_multiplier(factor: Multiplier, count: int) -> Multiplier:
    """`factor / count` as TFLM has it: the mantissa is divided as it is, shifted left only as far as `count` makes it smaller.

    The shift is at most 32, and never leads beyond 31 places to the right (TFLM, reduction by MEAN of int8).
    """
    shift = min(count.bit_length() - 1, 32, 31 + factor.shift)
    return Multiplier((factor.mantissa << shift) // count, factor.shift - shift)


def _sum(site: Site, divide: bool) -> tuple[Step, ...]:
    loops, count = _loops(site)
    site.expect(count <= _MOST_SUMMED, f"it sums {count:,} numbers; expected at most {_MOST_SUMMED:,}, what 32 bits hold")
    source, output = site.tensor(0), site.output
    try:
        factor = multiplier(float(site.scale(source)) / float(site.scale(output)))
    except ValueError as error:
        site.refuse(f"{error}; convert the model again with another calibration set")
    factor = mean_multiplier(factor, count) if divide else factor
    parameters = site.struct(
        "ef_reduce",
        **loops,
        start=-count * site.zero_point(source),
        mantissa=factor.mantissa,
        shift=factor.shift,
        zero_point=site.zero_point(output),
    )
    return (Call(site.operator, "reduce", "ef_reduce_sum", (parameters, site.read(0), site.write())),)


def _extreme(site: Site, flip: int) -> tuple[Step, ...]:
    loops, _ = _loops(site)
    expect_same_codes(site, site.tensor(0))
    return (Call(site.operator, "reduce", "ef_reduce_max", (site.struct("ef_reduce", **loops), site.read(0), site.write(), flip)),)


def _loops(site: Site) -> tuple[dict[str, Field], int]:
    """Fields `kept` and `gone` of `ef_reduce`, and how many numbers go into one."""
    source, output = site.tensor(0), site.output
    for tensor in (source, output):
        site.expect_dtype(tensor, "int8")
    rank = len(source.shape)
    gone = {site.axis(number, rank) for number in site.numbers(1, "axes")}
    kept = [axis for axis in range(rank) if axis not in gone]
    keeps_rank = bool(site.options.get("keep_dims", False))
    expect_shape(site, output, tuple(1 if axis in gone else source.shape[axis] for axis in range(rank) if keeps_rank or axis not in gone))
    loops: dict[str, Field] = {"kept": _nest(site, kept), "gone": _nest(site, sorted(gone))}
    return loops, prod(source.shape[axis] for axis in gone)


def _nest(site: Site, axes: list[int]) -> dict[str, Field]:
    """`ef_nest` over `axes` of the input: neighbours merged, padded to three with loops that run once."""
    view = view_of(site.tensor(0))
    merged = merge([(view.shape[axis], view.steps[axis], view.steps[axis]) for axis in axes if view.shape[axis] != 1])
    site.expect(len(merged) <= _MOST_LOOPS, f"it keeps or sums {len(merged)} axes that don't lie side by side; expected at most {_MOST_LOOPS}")
    padded = [(1, 1, 1)] * (_MOST_LOOPS - len(merged)) + merged
    return {"count": tuple(count for count, _, _ in padded), "step": tuple(step for _, step, _ in padded)}
