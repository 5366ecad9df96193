"""Everything measured of one .tflite on the test part, in one call. Knows the order of the measurements; refuses to judge them."""

from dataclasses import dataclass

from emberflow.evaluate import litert, micro
from emberflow.evaluate.borders import dequantize
from emberflow.evaluate.litert import Kernels
from emberflow.evaluate.metrics import as_probabilities, assess, find_metric
from emberflow.evaluate.paired import agreement, drop
from emberflow.evaluate.parity import compare
from emberflow.evaluate.size import measure_size
from emberflow.on_chip import Parity
from emberflow.values import AnyArray, FloatArray, IntArray
from emberflow.variant import Evaluation

# LiteRT's reference kernels took 40 times as long as XNNPACK's on a Conv1D classifier: enough samples to see a difference, not all
REFERENCE_SAMPLES = 256


@dataclass(frozen=True)
class Exam:
    """What every variant is asked, and how the baseline answered."""

    x: FloatArray  # (n, *input_shape), float32, standardized
    truth: IntArray  # (n,)
    baseline_probabilities: FloatArray  # (n, classes)
    metric: str  # a key of metrics.METRICS


def evaluate_model(model: bytes, exam: Exam, is_microcontroller: bool) -> tuple[Evaluation, FloatArray]:
    """Size, quality, loss against the baseline, TFLM's verdict, and parity of LiteRT with TFLM.

    Quality, loss and agreement are those of TFLM's outputs where the target is a microcontroller and TFLM runs the model, of
    LiteRT's with default kernels elsewhere.

    Returns: the evaluation, and the probabilities that were scored, shape (n, classes), float32.
    Raises: GraphError: LiteRT refuses the model. DataError: samples, labels or classes that don't go with the model.
        ProjectError: no such metric. WorkerLost: TFLM's process was ended from outside.
    """
    find_metric(exam.metric)  # a misspelt one is told before anything runs
    on_linux = litert.run(model, exam.x)
    verdict, on_chip = micro.trial(model, exam.x)
    outputs, runtime = (on_chip, "TFLM") if is_microcontroller and on_chip is not None else (on_linux, "LiteRT")
    probabilities = as_probabilities(dequantize(outputs, litert.read_borders(model).output))
    evaluation = Evaluation(
        size=measure_size(model),
        quality=assess(runtime, exam.truth, probabilities),
        drop=drop(exam.metric, exam.truth, exam.baseline_probabilities, probabilities),
        agreement=agreement(exam.baseline_probabilities, probabilities),
        micro=verdict,
        parity=() if on_chip is None else _parities(model, exam.x, on_linux, on_chip),
    )
    return evaluation, probabilities


def _parities(model: bytes, x: FloatArray, on_linux: AnyArray, on_chip: AnyArray) -> tuple[Parity, ...]:
    some = slice(REFERENCE_SAMPLES)
    reference = litert.run(model, x[some], Kernels.REFERENCE)
    return compare(Kernels.DEFAULT, on_linux, on_chip), compare(Kernels.REFERENCE, reference, on_chip[some])
