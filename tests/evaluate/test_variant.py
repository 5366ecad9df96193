from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from emberflow.errors import DataError, ProjectError
from emberflow.evaluate import litert, micro
from emberflow.evaluate.grading import Grading
from emberflow.evaluate.metrics import Answers
from emberflow.evaluate.size import measure_size
from emberflow.evaluate.variant import Exam, evaluate_model
from emberflow.task import Task
from emberflow.task.classification import Classification
from emberflow.task.rules import Run

Models = Callable[[str], bytes]


RULES = Classification()


def said(probabilities: np.ndarray) -> Answers:
    return RULES.decide(probabilities, ())


def graded(metric: str) -> Grading:
    return Grading(task=Task(metric=metric), labels=3)


def probabilities_of(outputs: np.ndarray, model: bytes) -> np.ndarray:
    return RULES.predictions(Run(outputs, outputs, litert.read_borders(model)), None)


@pytest.fixture(scope="module")
def exam(tflite: Models) -> Exam:
    """Sixty samples, answered by the float model, which is taken to be right on most."""
    x = np.random.default_rng(2).normal(size=(60, 16, 3)).astype(np.float32)
    baseline = litert.run(tflite("conv-float32"), x)
    return Exam(x=x, truth=baseline.argmax(axis=1).astype(np.int64), baseline=said(baseline), grading=graded("accuracy"))


def test_a_microcontrollers_quality_is_that_of_tflm(tflite: Models, exam: Exam) -> None:
    """Scores, and the probabilities handed back, are those of TFLM's outputs; all the rest is of the same file."""
    model = tflite("conv-int8")

    examined = evaluate_model(model, exam, is_microcontroller=True)

    evaluation, outputs = examined.evaluation, micro.run(model, exam.x)
    expected = probabilities_of(outputs, model)
    assert np.array_equal(examined.answers.predictions, expected)
    assert np.array_equal(examined.on_chip, outputs)
    assert evaluation.quality == exam.grading.examiner().assess("TFLM", exam.truth, said(expected), ())
    assert evaluation.size == measure_size(model)
    assert evaluation.micro == micro.examine(model)
    # the labels are the baseline's decisions: what is lost is where the two disagree
    assert evaluation.drop.estimate == pytest.approx(1 - evaluation.agreement)


def test_parity_compares_both_kinds_of_kernels(tflite: Models, exam: Exam) -> None:
    """LiteRT's reference kernels equal TFLM on a small convolution; XNNPACK's are near."""
    default, reference = evaluate_model(tflite("conv-int8"), exam, is_microcontroller=True).evaluation.parity

    assert (default.runtime, reference.runtime) == ("default", "reference")
    assert default.samples == reference.samples == 60
    assert default.largest_difference <= 2
    assert reference.equal
    assert reference.distinct_outputs > 30


def test_a_linux_devices_quality_is_that_of_litert(tflite: Models, exam: Exam) -> None:
    """Also where TFLM would run the model, whose verdict is reported all the same."""
    model = tflite("conv-int8")

    examined = evaluate_model(model, exam, is_microcontroller=False)

    assert examined.evaluation.quality.runtime == "LiteRT"
    assert examined.evaluation.micro.runs
    assert np.array_equal(examined.answers.predictions, probabilities_of(litert.run(model, exam.x), model))


def test_what_tflm_refuses_is_scored_by_litert(tflite: Models) -> None:
    """With the reason in the verdict and nothing to compare."""
    x = np.random.default_rng(2).normal(size=(20, 64)).astype(np.float32)
    baseline = litert.run(tflite("wide-float32"), x)
    exam = Exam(x=x, truth=baseline.argmax(axis=1).astype(np.int64), baseline=said(baseline), grading=graded("macro_f1"))

    examined = evaluate_model(tflite("wide-dynamic"), exam, is_microcontroller=True)

    evaluation = examined.evaluation
    assert examined.on_chip is None
    assert (evaluation.quality.runtime, evaluation.micro.runs, evaluation.parity) == ("LiteRT", False, ())
    assert "hybrid" in evaluation.micro.reason


def test_one_sigmoid_is_two_classes(tflite: Models) -> None:
    """Its probabilities come back in two columns that sum to 1."""
    x = np.random.default_rng(2).normal(size=(20, 4)).astype(np.float32)
    truth = np.arange(20) % 2
    exam = Exam(x=x, truth=truth, baseline=said(np.eye(2, dtype=np.float32)[truth]), grading=graded("roc_auc"))

    examined = evaluate_model(tflite("sigmoid-int8"), exam, is_microcontroller=True)

    assert examined.answers.predictions.shape == (20, 2)
    assert examined.answers.predictions.sum(axis=1) == pytest.approx(1)
    assert set(examined.evaluation.quality.scores) == {"accuracy", "macro_f1", "roc_auc"}


def test_an_unknown_metric_is_refused(tflite: Models, exam: Exam) -> None:
    """Before anything runs."""
    with pytest.raises(ProjectError, match="received 'f1' as a metric of a classification task"):
        evaluate_model(tflite("conv-int8"), replace(exam, grading=graded("f1")), is_microcontroller=True)


def test_other_classes_than_the_baseline_are_refused(tflite: Models, exam: Exam) -> None:
    """A model of three classes can't be compared with a baseline of four."""
    four = np.full((60, 4), 0.25, np.float32)

    with pytest.raises(DataError, match=r"shape \(60, 4\) from the baseline and \(60, 3\) from the variant"):
        evaluate_model(tflite("conv-int8"), replace(exam, baseline=said(four)), is_microcontroller=True)


def test_outputs_that_are_not_finite_are_refused(tflite: Models) -> None:
    """The logarithm of a negative number is no probability."""
    exam = Exam(
        x=np.array([[1.0, 1.0], [-1.0, 1.0]], np.float32),
        truth=np.array([0, 1]),
        baseline=said(np.eye(2, dtype=np.float32)),
        grading=graded("accuracy"),
    )

    with pytest.raises(DataError, match="not finite for 1 of 2 samples, first sample 1"):
        evaluate_model(tflite("logarithm-float32"), exam, is_microcontroller=False)
