"""Whether two models compute the same, by their outputs on random inputs. Knows what inputs a model takes; refuses to know how it was made."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emberflow.errors import ModelError
from emberflow.keras_bridge.graph import Node, inputs_of, leaves, play
from emberflow.keras_bridge.which import Model, short
from emberflow.values import FloatArray

TOLERANCE = 1e-5
_SCALES = (0.1, 0.5, 1.0, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Of the normal values that each sample is drawn from: some stay near zero, some reach where activations are clipped."""

_OPEN_SIZES = (64, 224)
"""What a dimension that a model leaves open is tried with: TensorFlow may give values that were never written where nothing is left of a small one."""

_MOST_VALUES = 1 << 27
"""Of a sample: no device that we know of takes more, and the proof shall not fill this machine's memory."""


def largest_difference(one: Model, other: Model) -> float:
    """How far two models' outputs differ on a few random inputs from a fixed seed; shapes must meet.

    Returns: the largest absolute difference, in units of the sample's largest output where that is above 1: float32 rounds in proportion.
    """
    x = random_inputs(one)
    mine, theirs = (run(model, x) for model in (one, other))
    return max(difference(a, b) for a, b in zip(mine, theirs, strict=True))


def difference(one: FloatArray, other: FloatArray) -> float:
    """The largest absolute difference of two arrays (n, ...), in units of the sample's largest value where that is above 1; equal infinities are equal."""
    if one.shape != other.shape:
        return float("inf")
    a, b = (value.astype(np.float64).reshape(len(value), -1) for value in (one, other))
    with np.errstate(invalid="ignore"):
        apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    largest = np.max(np.where(np.isfinite(a), np.abs(a), 0.0), axis=1, initial=1.0)
    apart = np.where(np.isnan(apart), np.inf, apart)
    return float(np.max(apart / largest[:, None], initial=0.0))


def run(model: Model, x: Sequence[Any]) -> list[FloatArray]:
    """The outputs of a model in inference, in order. Raises: ModelError: it can't be run."""
    structure = inputs_of(model)
    fed = dict(zip(sorted(structure), x, strict=True)) if isinstance(structure, Mapping) else list(x) if len(x) > 1 else x[0]
    try:
        return [np.asarray(output) for output in leaves(model(fed, training=False))]
    except Exception as error:
        raise ModelError(f"the model '{model.name}' can't be run on random inputs: {short(error)}") from error


def sensitivity(model: Model, x: Sequence[Any]) -> float:
    """How far the outputs of `model` move, as `difference` measures, when each float32 of `x` moves to its neighbour: what it makes of a rounding."""
    steady = run(model, x)
    near = [[np.nextafter(v, v.dtype.type(side)) if v.dtype.kind == "f" else v for v in x] for side in (-np.inf, np.inf)]
    return max(difference(a, b) for moved in near for a, b in zip(steady, run(model, moved), strict=True))


def random_inputs(model: Model) -> list[Any]:
    """Eight samples for each input, the same each time: normal values of several scales, or positions where an Embedding looks them up.

    Raises: ModelError: an input holds text, or more values than a sample may have; or the model can't be run on any.
    """
    for tensor in model.inputs:
        if str(getattr(tensor.dtype, "name", tensor.dtype)) == "string":
            raise ModelError(f"the input '{tensor.name}' takes text; expected numbers: a chip gets no text")
    limits = _vocabularies(model)
    if all(None not in tensor.shape[1:] for tensor in model.inputs):
        return _draw(model, limits, 1)
    small, large = (_draw(model, limits, size) for size in _OPEN_SIZES)
    try:
        run(model, small)
    except ModelError:
        return large
    return small


def _draw(model: Model, limits: Mapping[int, int], size: int) -> list[Any]:
    random = np.random.default_rng(0)
    drawn = []
    for number, tensor in enumerate(model.inputs):
        shape = [dimension or size for dimension in tensor.shape[1:]]
        if np.prod(shape, dtype=np.float64) > _MOST_VALUES:
            raise ModelError(f"the input '{tensor.name}' has shape {tuple(tensor.shape)}; expected at most {_MOST_VALUES:,} values in a sample")
        scales = np.reshape(_SCALES, (-1, *[1] * len(shape)))
        values = random.normal(size=(len(_SCALES), *shape)) * scales
        kind = np.dtype(getattr(tensor.dtype, "name", None) or str(tensor.dtype))
        if number in limits or kind.kind in "iu":
            top = limits.get(number, 100)
            values = random.integers(0, top, size=values.shape)
        drawn.append(values.astype(kind))
    return drawn


_PASSING = ("Reshape", "Flatten", "Permute", "RepeatVector", "Concatenate", "Identity", "Cropping1D", "ZeroPadding1D", "Dropout")


def _vocabularies(model: Model) -> dict[int, int]:
    """For each input whose values an Embedding looks up, by its number: how many there are."""
    limits: dict[int, int] = {}

    def follow(node: Node, args: tuple[Any, ...], _: dict[str, Any]) -> list[frozenset[int]]:
        sources = frozenset[int]().union(*(leaf for leaf in leaves(args) if isinstance(leaf, frozenset)))
        size = getattr(node.layer, "input_dim", None) if node.kind == "Embedding" else getattr(node.layer, "num_tokens", None)
        for source in sources if isinstance(size, int) else ():
            limits[source] = min(int(size or 0), limits.get(source, int(size or 0)))
        return [sources if node.kind in _PASSING else frozenset()] * len(node.outputs)

    play(model, [frozenset({number}) for number in range(len(model.inputs))], follow)
    return limits
