"""One factor for a whole tensor, as `kernels/scale.h` takes it. Arithmetic only."""

from dataclasses import dataclass

from emberflow.compiler.program import Field
from emberflow.compiler.requantize import Multiplier, multiplier
from emberflow.compiler.site import Site

SMALL_BITS = 16
"""Numbers to be scaled lie below 2**16: products of two codes less their zero points."""


@dataclass(frozen=True)
class Scale:
    """`real = mantissa * 2**(left - right - 32)`: shifted left, high half, shifted right."""

    mantissa: int
    left: int
    right: int

    @property
    def fields(self) -> dict[str, Field]:
        """Of `ef_scale`."""
        return {"mantissa": self.mantissa, "left": self.left, "right": self.right}


def factor(site: Site, real: float) -> Multiplier:
    """`multiplier`, with a refusal in place of its error."""
    try:
        return multiplier(real)
    except ValueError as error:
        site.refuse(f"{error}; convert the model again with another calibration set")


def small_scale(site: Site, real: float) -> Scale:
    """The scale of numbers below 2**16. Raises: UnsupportedOperator: they would not fit in 32 bits."""
    found = factor(site, real)
    left = max(found.shift, 0) + 1
    site.expect(
        left + SMALL_BITS <= 31, f"its output's scale is so small that one step of the input is {real:,.0f} steps of the output; calibrate again"
    )
    return Scale(found.mantissa, left, max(-found.shift, 0))
