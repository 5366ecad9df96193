"""ZEROS_LIKE: bytes of 0 in the shape of another tensor. Reads nothing."""

from emberflow.compiler.lower.move import expect_shape, fill
from emberflow.compiler.program import Step
from emberflow.compiler.requantize import Parity
from emberflow.compiler.site import Site

_LITERT = ("int32", "float32")


def lower_zeros_like(site: Site) -> tuple[Step, ...]:
    """ZEROS_LIKE of int8, int32 or float32: the code 0, whatever the zero point.

    Raises: UnsupportedOperator: other types or shapes; int8 as LiteRT's reference has it, which refuses that.
    """
    source, output = site.tensor(0), site.output
    site.expect_dtype(source, "int8", *_LITERT)
    site.expect(
        site.parity is Parity.TFLM or source.dtype in _LITERT,
        f"{source} is {source.dtype}, of which LiteRT's reference kernels make no zeros; expected parity tflm, or a constant in its place",
    )
    site.expect_dtype(output, source.dtype)
    expect_shape(site, output, source.shape)
    return tuple(fill(site, 0, 0, output.size_bytes))
