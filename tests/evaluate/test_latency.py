from collections.abc import Callable

import numpy as np
import pytest

from emberflow.errors import DataError, GraphError
from emberflow.evaluate.latency import time_model

Models = Callable[[str], bytes]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_latency_has_an_order(tflite: Models, signals: np.ndarray, threads: int) -> None:
    """The median is positive and not above the 95th percentile; between 20 and 1,000 invocations were timed."""
    latency = time_model(tflite("conv-int8"), signals, threads)

    assert 0 < latency.median_us <= latency.p95_us
    assert 20 <= latency.runs <= 1000
    assert (latency.threads, latency.runtime) == (threads, "LiteRT")


def test_samples_of_another_shape_are_refused(tflite: Models) -> None:
    """The message states both shapes."""
    with pytest.raises(DataError, match=r"received samples of shape \(4,\); the model takes \(16, 3\)"):
        time_model(tflite("conv-int8"), np.zeros((1, 4), np.float32))


def test_no_sample_is_refused(tflite: Models) -> None:
    """There is nothing to invoke the model on."""
    with pytest.raises(DataError, match="received no samples"):
        time_model(tflite("conv-int8"), np.zeros((0, 16, 3), np.float32))


def test_bytes_that_are_no_model_are_refused() -> None:
    """As LiteRT says."""
    with pytest.raises(GraphError, match="LiteRT can't read the model"):
        time_model(b"junk", np.zeros((1, 4), np.float32))
