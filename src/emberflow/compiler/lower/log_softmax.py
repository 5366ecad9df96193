"""LOG_SOFTMAX: the table of exponentials that SOFTMAX has, and what leads differences of codes to steps of the output. Arithmetic only."""

from emberflow.compiler.lower.softmax import MOST_DEPTH, difference_step, expect_rows, exponentials, reach, steps_down
from emberflow.compiler.program import Call, Step
from emberflow.compiler.requantize import Multiplier, Parity
from emberflow.compiler.site import Site

_LOWEST = -(1 << 30)  # 16 below, with 26 fractional bits: 256 steps of the output


def lower_log_softmax(site: Site) -> tuple[Step, ...]:
    """LOG_SOFTMAX over the last axis, int8 to int8; the output's scale is 1/16 and its zero point 127, as the specification fixes them.

    Raises: UnsupportedOperator: other types, shapes or scales; as LiteRT's reference does it, which takes sums and logarithms of floats.
    """
    site.expect(
        site.parity is Parity.TFLM,
        "LiteRT's reference kernels take sums and logarithms of floats, for which there is no kernel here; expected parity tflm, or a SOFTMAX,"
        " whose order is the same",
    )
    rows, depth = expect_rows(site, 1 / 16, 127, MOST_DEPTH)
    source, output = site.tensor(0), site.output
    step = difference_step(site, site.scale(source), "scale")
    table = exponentials(step)
    parameters = site.struct(
        "ef_log_softmax",
        sum={"exponentials": site.constant("exponentials", table), "rows": rows, "depth": depth, "count": len(table)},
        mantissa=step.mantissa,
        shift=step.shift,
        reach=_reach(step),
    )
    call = Call(site.operator, "log_softmax", "ef_log_softmax_rows", (parameters, site.read(0), site.write()), ((output.index, source.index),))
    return (call,)


def _reach(step: Multiplier) -> int:
    """The largest difference of codes that may lead to more than the lowest code. Further down the logarithm of the sum, which is subtracted, might leave 32 bits."""
    return max(difference for difference in range(reach(step) + 1) if steps_down(difference, step) >= _LOWEST)
