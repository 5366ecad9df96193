"""CAST: numbers in another type. Chooses the kernel for a pair of types, or none where the bytes stay; computes nothing."""

from emberflow.compiler.lower.move import expect_shape, move
from emberflow.compiler.lower.view import view_of
from emberflow.compiler.program import Call, Step
from emberflow.compiler.requantize import Parity
from emberflow.compiler.site import Site
from emberflow.graph import Tensor

CASTABLE = ("int8", "int16", "int32", "uint32", "float32", "bool")
"""Types that TFLM casts from and to; of any other it says "Input type" or "Output type ... not supported"."""

_SAME_BITS = {"uint32": "int32"}  # to a narrower type, or to bool, a sign makes no difference


def lower_cast(site: Site) -> tuple[Step, ...]:
    """CAST between any two of CASTABLE: bytes that stay as they are share memory.

    Raises: UnsupportedOperator: another type, uint8 among them, or shapes that differ; floats to whole numbers as LiteRT's reference has them.
    """
    source, output = site.tensor(0), site.output
    for tensor in (source, output):
        site.expect(
            tensor.dtype in CASTABLE,
            f"{tensor} is {tensor.dtype}, which TFLM doesn't cast; expected one of {', '.join(CASTABLE)}; quantize in its place",
        )
    expect_shape(site, output, source.shape)
    site.expect(
        site.parity is Parity.TFLM or source.dtype != "float32" or output.dtype in ("float32", "bool"),
        f"LiteRT's reference kernels make what is no number the greatest {output.dtype}, TFLM makes it 0, which alone has a kernel here;"
        " expected parity tflm, or a QUANTIZE in its place",
    )
    if _keeps_bytes(source, output):
        return (move(site, 0, view_of(source), view_of(output)),)
    return (Call(site.operator, "cast", f"ef_cast_{_names(source, output)}", (site.read(0), site.write(), source.elements)),)


def _keeps_bytes(source: Tensor, output: Tensor) -> bool:
    """Whether each number is the same bytes in both types."""
    types = {source.dtype, output.dtype}
    return len(types) == 1 or types == {"int32", "uint32"} or (source.dtype, output.dtype) == ("bool", "int8")


def _names(source: Tensor, output: Tensor) -> str:
    if output.dtype == "float32" or source.dtype == "float32":
        return f"{source.dtype}_to_{output.dtype}"
    return f"{_SAME_BITS.get(source.dtype, source.dtype)}_to_{_SAME_BITS.get(output.dtype, output.dtype)}"
