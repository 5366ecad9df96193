"""Where numbers cross into a model and out of it: float on our side, integers on the model's. The formula that the firmware uses too."""

from math import prod

import numpy as np
from pydantic import Field

from emberflow.errors import DataError, GraphError
from emberflow.values import AnyArray, FloatArray, Value
from emberflow.view import Rows, View, view

DTYPES = ("float32", "int8", "uint8", "int16")


class Border(Value):
    """One input or output of a model. `real = (q - zero_point) * scale`; float32 crosses as it is, with scale 0."""

    shape: tuple[int, ...] = Field(description="with the batch in front, which is 1")
    dtype: str
    scale: float = Field(ge=0)
    zero_point: int

    @property
    def is_integer(self) -> bool:
        """Whether numbers are quantized here."""
        return self.dtype != "float32"

    @property
    def elements(self) -> int:
        """How many numbers cross at once."""
        return prod(self.shape)


class Borders(Value):
    """The one input and the one output of a model."""

    input: Border
    output: Border


def check_border(border: Border, name: str) -> Border:
    """`border`, which `name` ("input" or "output") has in messages.

    Raises: GraphError: numbers that can't cross, integers without a scale, or a batch other than 1.
    """
    if border.dtype not in DTYPES:
        raise GraphError(f"the model's {name} holds {border.dtype}; expected one of {', '.join(DTYPES)}. Cast inside the model")
    if border.is_integer and border.scale <= 0:
        raise GraphError(f"the model's {name} holds {border.dtype} without a scale; expected a quantized tensor. Convert it with a calibration set")
    if not border.shape or border.shape[0] != 1:
        raise GraphError(f"the model's {name} has shape {border.shape}; expected a batch of 1 in front. Convert the model with batch size 1")
    return border


def quantize(x: FloatArray, border: Border) -> AnyArray:
    """Samples as the model takes them: `q = clamp(round(x / scale) + zero_point)` in float32, halves away from zero as C's `roundf`.

    Args: x: shape (n, *border.shape[1:]), float32, finite.
    Returns: same shape, `border.dtype`.
    Raises: DataError: samples of another shape, or none.
    """
    _check_samples(x, border)
    x = np.ascontiguousarray(x, np.float32)
    if not border.is_integer:
        return x
    limits = np.iinfo(border.dtype)
    # clamped before rounding, which is the same for whole limits and keeps large values exact in float32
    steps = np.clip(x / np.float32(border.scale), np.float32(limits.min - border.zero_point), np.float32(limits.max - border.zero_point))
    return (_round_half_away(steps).astype(np.int32) + border.zero_point).astype(border.dtype)


def codes_of(x: Rows, border: Border) -> View:
    """As `quantize`, each time where samples are read. Raises as it, at once."""
    _check_samples(x, border)
    return view(x).then(lambda samples: quantize(samples, border))


def _check_samples(x: Rows, border: Border) -> None:
    if not len(x):
        raise DataError("received no samples; expected at least one to run the model on")
    if x.shape[1:] != border.shape[1:]:
        raise DataError(f"received samples of shape {x.shape[1:]}; the model takes {border.shape[1:]}. Prepare the data as for training")


def dequantize(q: AnyArray, border: Border) -> FloatArray:
    """What `q`, outputs in `border.dtype`, mean: `(q - zero_point) * scale` in float32, of the same shape."""
    if not border.is_integer:
        return np.asarray(q, np.float32)
    return (q.astype(np.int32) - border.zero_point).astype(np.float32) * np.float32(border.scale)


def _round_half_away(x: FloatArray) -> FloatArray:
    """C's `roundf`. Not `trunc(x + 0.5)`: that sum rounds in float32, and takes 0.49999997 to 1."""
    whole = np.trunc(x)
    return np.asarray(whole + np.copysign(np.abs(x - whole) >= 0.5, x), np.float32)
