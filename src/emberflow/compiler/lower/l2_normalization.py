"""L2_NORMALIZATION: rows divided by their length. Checks what the kernel's formula asks for; computes nothing."""

from emberflow.compiler.lower.softmax import expect_rows
from emberflow.compiler.program import Call, Step
from emberflow.compiler.site import Site

_LARGEST_SUM = (1 << 31) - 1


def lower_l2_normalization(site: Site) -> tuple[Step, ...]:
    """L2_NORMALIZATION along the last axis, int8 to int8; the output's scale is 1/128 and its zero point 0, as the specification fixes them.

    Raises: UnsupportedOperator: other types, shapes or scales, a fused activation, or squares whose sum doesn't fit in 32 bits.
    """
    fused = site.options.get("activation", "NONE")
    site.expect(fused == "NONE", f"a fused {fused} isn't compiled; expected NONE; write it as an operator of its own")
    source, output = site.tensor(0), site.output
    zero_point = site.zero_point(source)
    most = _LARGEST_SUM // max(127 - zero_point, zero_point + 128) ** 2
    rows, depth = expect_rows(site, 1 / 128, 0, most)
    arguments = (site.read(0), site.write(), rows, depth, zero_point)
    return (Call(site.operator, "l2_normalization", "ef_l2_normalize", arguments, in_place=((output.index, source.index),)),)
