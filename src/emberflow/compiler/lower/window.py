"""Sliding windows: where they begin and how far they reach over the border. The arithmetic of padding, nothing else."""

from dataclasses import dataclass

from emberflow.compiler.absorb import border_of
from emberflow.compiler.program import Field
from emberflow.compiler.site import Site

LARGEST = 65_535
"""The largest size that the kernels' parameters hold (uint16_t)."""

_MOST_BORDER = 2 * 256  # of padding up to 255 on both sides, an odd rest on one: kernels work out 32-bit addresses there, too


@dataclass(frozen=True)
class Axis:
    """One axis of a window: the sizes of input, output and kernel, how the kernel moves, and places before and behind the input, besides padding."""

    size: int
    output: int
    kernel: int
    stride: int
    dilation: int = 1
    border: tuple[int, int] = (0, 0)

    @property
    def reach(self) -> int:
        """From the first tap to the last, both counted."""
        return (self.kernel - 1) * self.dilation + 1

    def pad(self, padding: str) -> int:
        """Steps before the input's first: SAME centers the window, and an odd rest goes behind (TensorFlow, nn.convolution)."""
        return max((self.output - 1) * self.stride + self.reach - self.size, 0) // 2 if padding == "SAME" else self.border[0]

    def steps(self, padding: str) -> int:
        """How many places the window takes."""
        if padding == "SAME":
            return -(-self.size // self.stride)
        return max(-(-(sum(self.border) + self.size - self.reach + 1) // self.stride), 0)


def window_fields(site: Site, kernel: tuple[int, int]) -> dict[str, Field]:
    """Sizes, strides, dilations and padding of an operator that slides a window of `kernel` (height, width) over (1, height, width, channels).

    Raises: UnsupportedOperator: a shape that isn't so, that the window doesn't lead to, or that the kernels' parameters don't hold.
    """
    shape, output, options = site.tensor(0).shape, site.output.shape, site.options
    site.expect(
        len(shape) == len(output) == 4 and shape[0] == output[0] == 1,
        f"it leads from shape {shape} to {output}; expected (1, height, width, channels) for both; convert the model with batch 1",
    )
    rows, columns = border_of(options)
    y = Axis(shape[1], output[1], kernel[0], options["stride_h"], options.get("dilation_h", 1), rows)
    x = Axis(shape[2], output[2], kernel[1], options["stride_w"], options.get("dilation_w", 1), columns)
    padding = options["padding"]
    site.expect(
        (y.steps(padding), x.steps(padding)) == output[1:3],
        f"its output has {output[1:3]} places; a window of {kernel} with {padding} padding takes {(y.steps(padding), x.steps(padding))}",
    )
    site.expect(
        max(*shape, *output, *kernel) <= LARGEST and max(y.stride, x.stride, y.dilation, x.dilation, y.pad(padding), x.pad(padding)) <= 255,
        f"sizes {shape}, {output} and a window of {kernel}: expected at most {LARGEST}, and 255 for strides, dilations and padding",
    )
    bordered = (shape[1] + _MOST_BORDER) * (shape[2] + _MOST_BORDER) * shape[3]
    site.expect(bordered < 1 << 31, f"an image of shape {shape} with its border takes {bordered:,} B; expected less than 2^31; shrink it")
    return {
        "in_height": y.size,
        "in_width": x.size,
        "in_channels": shape[3],
        "out_height": y.output,
        "out_width": x.output,
        "height": y.kernel,
        "width": x.kernel,
        "stride_y": y.stride,
        "stride_x": x.stride,
        "pad_y": y.pad(padding),
        "pad_x": x.pad(padding),
    }
