"""Whether two runtimes gave the same outputs, byte for byte. Counts differences; refuses to call a small one equal."""

import numpy as np

from emberflow.errors import DataError
from emberflow.on_chip import Parity
from emberflow.values import AnyArray, Arrays


def compare(runtime: str, ours: AnyArray, reference: AnyArray) -> Parity:
    """How the raw outputs of `runtime` differ from those of the reference.

    Bytes are compared, not values: in floats, 0.0 and -0.0 differ. Tolerances prove little here: one step in an early layer
    grows with depth.

    Args: ours, reference: raw outputs of the same samples, shape (n, *output_shape), same dtype.
    Raises: DataError: shapes or dtypes that differ, or no sample.
    """
    return compare_all(runtime, (ours,), (reference,))


def compare_all(runtime: str, ours: Arrays, references: Arrays) -> Parity:
    """As `compare`, of models with several outputs: an output of a sample is then all of them together."""
    for mine, theirs in zip(ours, references, strict=True):
        if (mine.shape, mine.dtype) != (theirs.shape, theirs.dtype) or not mine.size:
            raise DataError(
                f"received outputs {mine.dtype} {mine.shape} to compare with {theirs.dtype} {theirs.shape};"
                " expected the same model's outputs of the same samples, at least one"
            )
    differing = as_bytes(ours) != as_bytes(references)  # (n, bytes)
    pairs = zip(ours, references, strict=True)
    return Parity(
        runtime=runtime,
        samples=len(differing),
        bytes=differing.size,
        differing_bytes=int(differing.sum()),
        differing_samples=int(differing.any(axis=1).sum()),
        largest_difference=max(float(np.abs(mine.astype(np.float64) - theirs.astype(np.float64)).max()) for mine, theirs in pairs),
        distinct_outputs=len(np.unique(as_bytes(references), axis=0)),
    )


def as_bytes(arrays: Arrays) -> AnyArray:
    """What each sample holds, one array after the other: shape (n, bytes), uint8."""
    return np.concatenate([np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8) for array in arrays], axis=1)  # (n, bytes)
