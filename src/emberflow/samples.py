"""Inputs for a model that comes without data: real samples from a file, or random codes. Knows arrays and borders; runs nothing."""

from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile

from emberflow.errors import ProjectError
from emberflow.evaluate.borders import Border, dequantize, quantize
from emberflow.firmware.literals import border_words
from emberflow.values import AnyArray, Arrays, FloatArray

RANDOM = 100
_SEED = 1


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs of a model.

    codes: what the model takes: for each of its inputs shape (n, *input_shape without the batch), in its type.
    raw: what the codes are real numbers of, same shapes, float32.
    origin: where they are from, in words.
    are_real: whether somebody measured them.
    """

    codes: Arrays = field(repr=False)
    raw: tuple[FloatArray, ...] = field(repr=False)
    origin: str
    are_real: bool


def random_samples(borders: tuple[Border, ...], count: int = RANDOM) -> Samples:
    """`count` samples over the whole range of each input's type, the same every time.

    Every second one keeps to a random part of the range, because sums of many codes from all of it hardly vary; the first has the lowest
    code alone, and the second the highest.
    """
    codes = tuple(_random_codes(border, count, _SEED + position) for position, border in enumerate(borders))
    told = " and ".join(
        sorted({f"random codes over the whole range of {b.dtype}" if b.is_integer else "normally distributed numbers" for b in borders})
    )
    return Samples(codes, _meant(codes, borders), f"{count} samples of {told}", are_real=False)


def _meant(codes: Arrays, borders: tuple[Border, ...]) -> tuple[FloatArray, ...]:
    return tuple(dequantize(each, border) for each, border in zip(codes, borders, strict=True))


def _random_codes(border: Border, count: int, seed: int) -> AnyArray:
    generator, shape = np.random.default_rng(seed), (count, *border.shape[1:])
    if not border.is_integer:
        return generator.normal(0, 1, shape).astype(np.float32)
    limits = np.iinfo(border.dtype)
    ends = np.sort(generator.integers(limits.min, limits.max, (2, count), endpoint=True), axis=0)
    ends[:, ::2] = [[limits.min], [limits.max]]
    low, high = (end.reshape(count, *(1,) * (len(shape) - 1)) for end in ends)  # (count, 1, ...)
    codes = generator.integers(low, high, shape, endpoint=True).astype(border.dtype)
    codes[:1], codes[1:2] = limits.min, limits.max
    return codes


def read_samples(path: Path, borders: tuple[Border, ...]) -> Samples:
    """The samples in a file: codes in the type of the input, or floats, which are quantized; shape (n, *input_shape without the batch).

    A .npy for a model of one input; of several, a .npz that holds `input0`, `input1` and so on.
    Raises: ProjectError: no such file, or it holds something else.
    """
    arrays = _load(path, border_words("input", len(borders)))
    pairs = [_take(path, array, border) for array, border in zip(arrays, borders, strict=True)]
    if len({len(array) for array in arrays}) > 1:
        counts = ", ".join(str(len(array)) for array in arrays)
        raise ProjectError(f"received '{path}' with {counts} samples of the inputs; expected as many of each")
    codes, raw = tuple(codes for codes, _ in pairs), tuple(raw for _, raw in pairs)
    return Samples(codes, raw, f"{len(arrays[0])} samples of {path.name}", are_real=True)


def _members(archive: NpzFile) -> dict[str, AnyArray]:
    with archive:
        return dict(archive)


def _take(path: Path, array: AnyArray, border: Border) -> tuple[AnyArray, FloatArray]:
    expected = f"(n, {', '.join(map(str, border.shape[1:]))})"
    if array.ndim != len(border.shape) or array.shape[1:] != border.shape[1:] or not len(array):
        raise ProjectError(f"received '{path}' with an array of shape {array.shape}; expected {expected}, as the model takes it")
    if array.dtype == border.dtype and border.is_integer:
        return array, dequantize(array, border)
    if array.dtype.kind != "f":
        raise ProjectError(f"received '{path}' with an array of {array.dtype}; expected floats to quantize, or {border.dtype} as the model takes it")
    raw = array.astype(np.float32)
    if not np.isfinite(raw).all():
        raise ProjectError(f"received '{path}' with numbers that are not finite; expected none: check the data for missing values")
    return quantize(raw, border), raw


def _load(path: Path, words: tuple[str, ...]) -> Arrays:
    kind = "a .npy file of one array" if len(words) == 1 else f"a .npz file with {', '.join(words)}: the model has {len(words)} inputs"
    try:
        found = np.load(path, allow_pickle=False)
        held = {words[0]: found} if isinstance(found, np.ndarray) else _members(found)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise ProjectError(f"received '{path}' as samples, which can't be read ({error}); expected {kind}") from error
    if held.keys() != set(words) or isinstance(found, np.ndarray) != (len(words) == 1):
        what = "one array" if isinstance(found, np.ndarray) else ", ".join(held) or "nothing"
        raise ProjectError(f"received '{path}' as samples, which holds {what}; expected {kind}")
    return tuple(held[word] for word in words)
