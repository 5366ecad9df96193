"""How long one inference takes on this machine, with LiteRT. Says nothing about a microcontroller."""

from time import perf_counter_ns

import numpy as np

from emberflow.evaluate.borders import quantize
from emberflow.evaluate.litert import Kernels, borders_of, open_model
from emberflow.values import FloatArray
from emberflow.variant import Latency

_WARM_UP_RUNS = 20
_MOST_RUNS = 1000
_LEAST_RUNS = 20
_ENOUGH_NS = 300_000_000


def time_model(model: bytes, x: FloatArray, threads: int = 1) -> Latency:
    """Median and 95th percentile of the time of one invocation, in microseconds, with LiteRT's default kernels.

    After 20 runs to warm up, as many as take about 0.3 s, 20 at least and 1,000 at most. Only the invocation is timed.

    Args: x: samples to take turns, shape (n, *input_shape), float32.
    Raises: GraphError: LiteRT refuses the model. DataError: samples of another shape.
    """
    interpreter = open_model(model, Kernels.DEFAULT, threads)
    samples = quantize(x, borders_of(interpreter).input)
    source = interpreter.get_input_details()[0]["index"]

    def invoke(number: int) -> int:
        interpreter.set_tensor(source, samples[number % len(samples)][np.newaxis])
        start = perf_counter_ns()
        interpreter.invoke()
        return perf_counter_ns() - start

    for number in range(_WARM_UP_RUNS):
        invoke(number)
    times: list[int] = []
    while len(times) < _LEAST_RUNS or (len(times) < _MOST_RUNS and sum(times) < _ENOUGH_NS):
        times.append(invoke(len(times)))
    median_us, p95_us = np.percentile(times, [50, 95]) / 1000
    return Latency(median_us=float(median_us), p95_us=float(p95_us), threads=threads, runs=len(times))
