"""Zeros: whether a pruned model's weights are better stored without them, as TensorFlow Lite's sparse tensors. Measures; refuses to convert.

Measured with TensorFlow 2.21 and LiteRT on a network of convolutions and dense layers, 420 KB in float32, LiteRT's default kernels:

| weights | float32, plain -> sparse | dynamic, plain -> sparse |
| --- | --- | --- |
| 2 of 4 are zero | 420,276 -> 283,620 B | 115,544 -> 144,136 B |
| 3/4 are zero, in blocks of 16 | 420,316 -> 124,260 B | 115,560 -> 52,976 B |
| 9/10 are zero, anywhere | 420,316 -> 61,632 B | 115,560 -> 47,440 B |

In float the tensors are made whole again when the model is opened, by an operator DENSIFY: the file is smaller, the memory isn't, and an
inference takes as long. Dense layers whose zeros come in blocks of 4 along their input have a sparse kernel; with it an inference took 2 to 5 %
longer. Dynamic models with convolutions LiteRT refuses to run. So what is smaller, runs and gives the same outputs is kept, and nothing else.
"""

from time import perf_counter_ns
from typing import Any

import numpy as np

from emberflow.errors import GraphError
from emberflow.evaluate import litert
from emberflow.evaluate.borders import quantize
from emberflow.recipe import Format, Prune, PruneBlock, Recipe
from emberflow.target import Target, TargetKind
from emberflow.values import FloatArray
from emberflow.variant import SparseStorage

_SAMPLES, _RUNS, _WARM_UP_RUNS = 32, 200, 20
_TOLERANCE = 1e-4  # of the largest output: a sparse kernel adds up in another order
_FORMATS = (Format.FLOAT32, Format.FLOAT16, Format.DYNAMIC)


def is_worth_trying(recipe: Recipe, target: Target) -> bool:
    """Whether the weights of `recipe` might be stored without zeros on `target`: pruned, not all integer, and no microcontroller.

    TensorFlow Lite for Microcontrollers has neither DENSIFY nor sparse kernels.
    """
    is_pruned = any(isinstance(step, Prune | PruneBlock) for step in recipe.steps)
    return is_pruned and recipe.format in _FORMATS and target.kind is TargetKind.LINUX


def weigh(plain: bytes, sparse: bytes, x: FloatArray) -> SparseStorage:
    """What the same model saves as `sparse` over `plain`, in bytes and in time on this machine.

    Args: x: samples to run both on, shape (n, *input_shape), float32.
    Raises: GraphError: LiteRT refuses the plain model.
    """
    found = SparseStorage(plain_bytes=len(plain), sparse_bytes=len(sparse))
    if why := _why_not_kept(plain, sparse, x[:_SAMPLES]):
        return found.model_copy(update={"why_not": why})
    plain_us, sparse_us = _time_in_turns(plain, sparse, x[:_SAMPLES])
    return found.model_copy(update={"plain_us": plain_us, "sparse_us": sparse_us})


def _why_not_kept(plain: bytes, sparse: bytes, x: FloatArray) -> str:
    if len(sparse) >= len(plain):
        return "places of the other weights take more than the zeros do"
    expected = litert.run(plain, x)
    try:
        given = litert.run(sparse, x)
    except GraphError as error:
        return f"LiteRT refuses the sparse model: {str(error).removeprefix('LiteRT refuses the model: ').split(';')[0]}"
    difference = float(np.abs(given - expected).max() / max(1.0, np.abs(expected).max()))
    return f"the outputs of the sparse model differ by {difference:.2g}" if difference > _TOLERANCE else ""


def _time_in_turns(plain: bytes, sparse: bytes, x: FloatArray) -> tuple[float, float]:
    """Median microseconds of an inference of either, run in turns so that both meet the same load of this machine."""
    interpreters = [litert.open_model(model) for model in (plain, sparse)]
    codes = quantize(x, litert.borders_of(interpreters[0]).input)
    times: list[list[int]] = [[], []]
    for run in range(_WARM_UP_RUNS + _RUNS):
        for interpreter, taken in zip(interpreters, times, strict=True):
            taken.append(_invoke_ns(interpreter, codes[run % len(codes)][np.newaxis]))
    medians = [float(np.median(taken[_WARM_UP_RUNS:])) / 1000 for taken in times]
    return medians[0], medians[1]


def _invoke_ns(interpreter: Any, sample: Any) -> int:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample)
    start = perf_counter_ns()
    interpreter.invoke()
    return perf_counter_ns() - start


def describe(storage: SparseStorage) -> str:
    """One sentence: what was saved, in the file and in time, or why nothing was."""
    sizes = f"{storage.sparse_bytes:,} B instead of {storage.plain_bytes:,} B"
    if not storage.is_kept:
        return f"zeros are stored like any weight: as sparse tensors the file would take {sizes}; not done, for {storage.why_not}"
    plain_us, sparse_us = storage.plain_us or 0.0, storage.sparse_us or 0.0
    change = (sparse_us - plain_us) / plain_us if plain_us else 0.0
    slower = "as long" if abs(change) < 0.02 else f"{100 * abs(change):.0f} % {'longer' if change > 0 else 'less'}"
    return (
        f"stored as sparse tensors, without zeros: {sizes} in the file; made whole again in memory, an inference here took {slower}"
        f" ({sparse_us:.1f} µs instead of {plain_us:.1f} µs)"
    )
