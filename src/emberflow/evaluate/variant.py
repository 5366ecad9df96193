"""Everything measured of one .tflite on the test part, in one call. Knows the order of the measurements; refuses to judge them."""

from dataclasses import dataclass

from emberflow.evaluate import litert, micro
from emberflow.evaluate.grading import Grading
from emberflow.evaluate.litert import Kernels
from emberflow.evaluate.metrics import Answers
from emberflow.evaluate.parity import compare
from emberflow.evaluate.size import measure_size
from emberflow.on_chip import Parity
from emberflow.values import AnyArray, FloatArray
from emberflow.variant import Evaluation

# LiteRT's reference kernels took 40 times as long as XNNPACK's on a Conv1D classifier: enough samples to see a difference, not all
REFERENCE_SAMPLES = 256


@dataclass(frozen=True, eq=False)
class Exam:
    """What every variant is asked, how the baseline answered, and how answers are graded."""

    x: FloatArray  # (n, *input_shape), float32, standardized
    truth: AnyArray  # (n, ...), as the task has it
    baseline: Answers  # predictions (n, ...)
    grading: Grading


@dataclass(frozen=True, eq=False)
class Examined:
    """What an examination gave: the evaluation, the answers that were scored, and TFLM's raw outputs, (n, *output_shape); None where it refuses the model."""

    evaluation: Evaluation
    answers: Answers
    on_chip: AnyArray | None


def evaluate_model(model: bytes, exam: Exam, is_microcontroller: bool) -> Examined:
    """Size, quality, loss against the baseline, TFLM's verdict, and parity of LiteRT with TFLM.

    Quality, loss and agreement are those of TFLM's outputs where the target is a microcontroller and TFLM runs the model, of
    LiteRT's with default kernels elsewhere; so are those of the validation part, by which a threshold is chosen.

    Raises: GraphError: LiteRT refuses the model. DataError: samples, truth or outputs that don't go with the model.
        ProjectError: no such metric, or the project's own raised. WorkerLost: TFLM's process was ended from outside.
    """
    examiner = exam.grading.examiner()  # a misspelt metric is told before anything runs
    on_linux = litert.run(model, exam.x)
    verdict, on_chip = micro.trial(model, exam.x)
    serves = is_microcontroller and on_chip is not None
    outputs, runtime = (on_chip, "TFLM") if serves and on_chip is not None else (on_linux, "LiteRT")
    thresholds = exam.grading.thresholds(model, micro.run if serves else litert.run)
    answers = exam.grading.decide(exam.grading.predictions(model, exam.x, outputs), thresholds)
    agreement = examiner.agreement(exam.baseline, answers)
    evaluation = Evaluation(
        size=measure_size(model),
        quality=examiner.assess(runtime, exam.truth, answers, thresholds),
        drop=examiner.drop(exam.truth, exam.baseline, answers),
        agreement=agreement,
        micro=verdict,
        parity=() if on_chip is None else _parities(model, exam.x, on_linux, on_chip),
    )
    return Examined(evaluation, answers, on_chip)


def _parities(model: bytes, x: FloatArray, on_linux: AnyArray, on_chip: AnyArray) -> tuple[Parity, ...]:
    some = slice(REFERENCE_SAMPLES)
    reference = litert.run(model, x[some], Kernels.REFERENCE)
    return compare(Kernels.DEFAULT, on_linux, on_chip), compare(Kernels.REFERENCE, reference, on_chip[some])
