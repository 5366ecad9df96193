"""Two versions with the same outputs asked the same samples, whatever their task. Knows how answers are graded; decides nothing."""

from emberflow.contest import Contest
from emberflow.evaluate.contest import Ground, Rival, other_shape, restandardize, run_as_served
from emberflow.evaluate.grading import Grading
from emberflow.evaluate.metrics import Answers, once
from emberflow.evaluate.paired import drop


def compete(champion: Rival, challenger: Rival, ground: Ground, grading: Grading) -> Contest:
    """Ask both, each with its own standardization of samples and values, graded as variants are; thresholds are chosen for each by its own outputs.

    Raises: GraphError: LiteRT refuses a model. DataError: outputs that are not finite. ProjectError: the project's own metric raised.
        WorkerLost: TFLM's process was ended from outside.
    """
    held = Contest(metric=ground.metric, samples=len(ground.truth), confidence=ground.confidence)
    if obstacle := _obstacle(champion, challenger, ground, grading):
        return held.model_copy(update={"refusal": obstacle})
    metric = grading.examiner().metric
    old, new = (_answers(rival, ground, grading) for rival in (champion, challenger))
    if old.predictions.shape != new.predictions.shape:
        return held.model_copy(update={"refusal": f"it gives predictions of shape {old.predictions.shape}, and the new one {new.predictions.shape}"})
    if obstacle := metric.obstacle(ground.truth, old):
        return held.model_copy(update={"refusal": obstacle})
    scores = [float(metric.score(ground.truth, answers, once(ground.truth))[0]) for answers in (old, new)]
    loss = drop(metric, ground.truth, old, new, ground.confidence)
    return held.model_copy(update={"champion": scores[0], "challenger": scores[1], "loss": loss})


def _obstacle(champion: Rival, challenger: Rival, ground: Ground, grading: Grading) -> str:
    if champion.labels != challenger.labels:
        return f"it answers for {', '.join(champion.labels)}, and the data are of {', '.join(challenger.labels)} now"
    if grading.task.chooses and champion.standardization != ground.standardization:
        return "its thresholds are chosen on the validation part, which is standardized by other figures now"
    return other_shape(champion, ground)


def _answers(rival: Rival, ground: Ground, grading: Grading) -> Answers:
    own = grading.model_copy(update={"target": rival.target})
    x = restandardize(ground.x, ground.standardization, rival.standardization)
    outputs, runtime = run_as_served(rival.model, x, ground.is_microcontroller)
    return own.decide(own.predictions(rival.model, x, outputs), own.thresholds(rival.model, runtime))
