"""Inputs for a model that comes without data: real samples from a file, or random codes. Knows arrays and borders; runs nothing."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emberflow.errors import ProjectError
from emberflow.evaluate.borders import Border, dequantize, quantize
from emberflow.values import AnyArray, FloatArray

RANDOM = 100
_SEED = 1


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs of a model.

    codes: what the model takes, shape (n, *input_shape without the batch), in the type of its input.
    raw: what the codes are real numbers of, same shape, float32.
    origin: where they are from, in words.
    are_real: whether somebody measured them.
    """

    codes: AnyArray = field(repr=False)
    raw: FloatArray = field(repr=False)
    origin: str
    are_real: bool


def random_samples(border: Border, count: int = RANDOM) -> Samples:
    """`count` samples over the whole range of the input's type, the same every time.

    Every second one keeps to a random part of the range, because sums of many codes from all of it hardly vary; the first has the lowest
    code alone, and the second the highest.
    """
    generator, shape = np.random.default_rng(_SEED), (count, *border.shape[1:])
    if not border.is_integer:
        raw = generator.normal(0, 1, shape).astype(np.float32)
        return Samples(raw, raw, f"{count} samples of normally distributed random numbers", are_real=False)
    limits = np.iinfo(border.dtype)
    ends = np.sort(generator.integers(limits.min, limits.max, (2, count), endpoint=True), axis=0)
    ends[:, ::2] = [[limits.min], [limits.max]]
    low, high = (end.reshape(count, *(1,) * (len(shape) - 1)) for end in ends)  # (count, 1, ...)
    codes = generator.integers(low, high, shape, endpoint=True).astype(border.dtype)
    codes[:1], codes[1:2] = limits.min, limits.max
    return Samples(codes, dequantize(codes, border), f"{count} samples of random codes over the whole range of {border.dtype}", are_real=False)


def read_samples(path: Path, border: Border) -> Samples:
    """The samples in a .npy file of shape (n, *input_shape without the batch): codes in the type of the input, or floats, which are quantized.

    Raises: ProjectError: no such file, or it holds something else.
    """
    array = _load(path)
    expected = f"(n, {', '.join(map(str, border.shape[1:]))})"
    if array.ndim != len(border.shape) or array.shape[1:] != border.shape[1:] or not len(array):
        raise ProjectError(f"received '{path}' with an array of shape {array.shape}; expected {expected}, as the model takes it")
    origin = f"{len(array)} samples of {path.name}"
    if array.dtype == border.dtype and border.is_integer:
        return Samples(array, dequantize(array, border), origin, are_real=True)
    if array.dtype.kind != "f":
        raise ProjectError(f"received '{path}' with an array of {array.dtype}; expected floats to quantize, or {border.dtype} as the model takes it")
    raw = array.astype(np.float32)
    if not np.isfinite(raw).all():
        raise ProjectError(f"received '{path}' with numbers that are not finite; expected none: check the data for missing values")
    return Samples(quantize(raw, border), raw, origin, are_real=True)


def _load(path: Path) -> AnyArray:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ProjectError(f"received '{path}' as samples, which can't be read ({error}); expected a .npy file of numbers") from error
    if not isinstance(array, np.ndarray):
        raise ProjectError(f"received '{path}' as samples, which holds several arrays; expected a .npy file of one")
    return array
