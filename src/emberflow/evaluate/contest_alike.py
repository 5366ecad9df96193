"""Two versions with the same outputs asked the same samples, whatever their task. Knows how answers are graded; decides nothing."""

from math import prod

from emberflow.contest import Contest
from emberflow.evaluate.contest import Ground, Rival, other_shape, restandardize, run_as_served
from emberflow.evaluate.grading import Grading
from emberflow.evaluate.litert import read_borders
from emberflow.evaluate.metrics import Answers, once
from emberflow.evaluate.paired import drop
from emberflow.evaluate.recalls import by_label
from emberflow.standardization import Standardization
from emberflow.view import Rows


def compete(champion: Rival, challenger: Rival, ground: Ground, grading: Grading) -> Contest:
    """Ask both, each as it serves: with its own standardization of samples and values, and the thresholds that its firmware decides by.

    Raises: GraphError: LiteRT refuses a model. DataError: outputs that are not finite. ProjectError: the project's own metric raised.
        WorkerLost: TFLM's process was ended from outside.
    """
    held = Contest(measure=ground.measure, samples=len(ground.truth), confidence=ground.confidence)
    if obstacle := _obstacle(champion, challenger, ground, grading):
        return held.model_copy(update={"refusal": obstacle})
    metric = grading.examiner().metric
    old, new = (answer(rival, ground.x, ground.standardization, ground.is_microcontroller, grading) for rival in (champion, challenger))
    if old.predictions.shape != new.predictions.shape:
        return held.model_copy(update={"refusal": f"it gives predictions of shape {old.predictions.shape}, and the new one {new.predictions.shape}"})
    if obstacle := metric.obstacle(ground.truth, old):
        return held.model_copy(update={"refusal": obstacle})
    scores = [float(metric.score(ground.truth, answers, once(ground.truth))[0]) for answers in (old, new)]
    found = {
        "champion": scores[0],
        "challenger": scores[1],
        "loss": drop(metric, ground.truth, old, new, ground.confidence),
        "classes": tuple(by_label(grading.task.rules, ground.truth, (old, new), challenger.labels, ground.confidence)),
    }
    return held.model_copy(update=found)


def answer(rival: Rival, x: Rows, standardization: Standardization | None, is_microcontroller: bool, grading: Grading) -> Answers:
    """What a version answers to samples that were standardized by `standardization`, as it serves. Raises: as `compete`."""
    own = grading.model_copy(update={"target": rival.target})
    x = restandardize(x, standardization, rival.standardization)
    outputs = run_as_served(rival.model, x, is_microcontroller)
    return own.decide(own.predictions(rival.model, x, outputs), rival.thresholds)


def unfit(rival: Rival, grading: Grading) -> str:
    """Why a version can't answer as this task does, in words that go on from "it"; empty when it can."""
    rules, kind, labels = grading.task.rules, grading.task.kind, len(rival.labels)
    borders = read_borders(rival.model)
    outputs, inputs = ((prod(border.shape[1:]),) for border in (borders.output, borders.input))
    if not rules.gives(outputs, labels, inputs):
        return f"gives {outputs[0]} numbers for {labels} labels, and a model for `task: {kind}` gives {rules.expected(labels, inputs)}"
    if len(rival.thresholds) != rules.thresholds(labels):
        return f"decides by {len(rival.thresholds)} thresholds, and one for `task: {kind}` decides by {rules.thresholds(labels)}"
    return ""


def _obstacle(champion: Rival, challenger: Rival, ground: Ground, grading: Grading) -> str:
    if champion.labels != challenger.labels:
        return f"it answers for {', '.join(champion.labels)}, and the data are of {', '.join(challenger.labels)} now"
    if obstacle := unfit(champion, grading):
        return f"it {obstacle}"
    return other_shape(champion, ground)
