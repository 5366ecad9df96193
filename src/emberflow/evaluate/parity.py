"""Whether two runtimes gave the same outputs, byte for byte. Counts differences; refuses to call a small one equal."""

import numpy as np

from emberflow.errors import DataError
from emberflow.on_chip import Parity
from emberflow.values import AnyArray


def compare(runtime: str, ours: AnyArray, reference: AnyArray) -> Parity:
    """How the raw outputs of `runtime` differ from those of the reference.

    Bytes are compared, not values: in floats, 0.0 and -0.0 differ. Tolerances prove little here: one step in an early layer
    grows with depth.

    Args: ours, reference: raw outputs of the same samples, shape (n, *output_shape), same dtype.
    Raises: DataError: shapes or dtypes that differ, or no sample.
    """
    if (ours.shape, ours.dtype) != (reference.shape, reference.dtype) or not ours.size:
        raise DataError(
            f"received outputs {ours.dtype} {ours.shape} to compare with {reference.dtype} {reference.shape};"
            " expected the same model's outputs of the same samples, at least one"
        )
    differing = _bytes(ours) != _bytes(reference)  # (n, bytes)
    return Parity(
        runtime=runtime,
        samples=len(ours),
        bytes=differing.size,
        differing_bytes=int(differing.sum()),
        differing_samples=int(differing.any(axis=1).sum()),
        largest_difference=float(np.abs(ours.astype(np.float64) - reference.astype(np.float64)).max()),
        distinct_outputs=len(np.unique(_bytes(reference), axis=0)),
    )


def _bytes(outputs: AnyArray) -> AnyArray:
    return np.ascontiguousarray(outputs).reshape(len(outputs), -1).view(np.uint8)  # (n, bytes)
