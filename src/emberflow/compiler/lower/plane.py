"""The plane that a 3x3 depthwise convolution works on: one channel's image with its border. Arithmetic of sizes, nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from emberflow.compiler.program import Field

_KERNEL = 3
_BYTES = 2


@dataclass(frozen=True)
class Plane:
    """Sizes and fields of `ef_planar` (kernels/depthwise_planar.h)."""

    fields: Mapping[str, Field]
    size_bytes: int

    @classmethod
    def of(cls, window: Mapping[str, Any]) -> Self | None:
        """The plane for a window as `window_fields` gives it, or None where the kernel is not 3x3 with strides of 1 or 2.

        A row ends where the last pair of outputs stops reading, at an even number of places, so that every row begins at a whole word.
        """
        strides = {window["stride_y"], window["stride_x"]}
        if (window["height"], window["width"]) != (_KERNEL, _KERNEL) or not strides <= {1, 2}:
            return None
        width = _even((window["out_width"] - 1) * window["stride_x"] + _KERNEL + 1)
        height = (window["out_height"] - 1) * window["stride_y"] + _KERNEL
        kept = ("in_width", "out_height", "out_width", "stride_y", "stride_x", "pad_y", "pad_x", "in_zero_point")
        sizes = {
            "rows": min(window["in_height"], height - window["pad_y"]),
            "columns": min(window["in_width"], width - window["pad_x"]),
            "plane_width": width,
            "plane_height": height,
        }
        return cls({name: window[name] for name in kept} | sizes, _BYTES * width * height)


def _even(count: int) -> int:
    return count + count % 2
