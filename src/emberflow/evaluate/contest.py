"""Two versions of a model asked the same samples: what the new one loses, in all and by class. Knows labels and shapes; decides nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emberflow.contest import Contest
from emberflow.evaluate import litert, micro
from emberflow.evaluate.metrics import Answers, once
from emberflow.evaluate.paired import drop
from emberflow.evaluate.recalls import by_label
from emberflow.measure import Measure
from emberflow.standardization import Standardization
from emberflow.task.classification import Classification
from emberflow.task.rules import Run
from emberflow.values import AnyArray, FloatArray
from emberflow.view import Rows, view

_RULES = Classification()


@dataclass(frozen=True, eq=False)
class Rival:
    """A version as it serves: its .tflite, what the firmware does to a sample first, and what its outputs mean."""

    model: bytes
    standardization: Standardization | None
    labels: tuple[str, ...]
    target: Standardization | None = None  # of a regression's values
    thresholds: tuple[float, ...] = ()  # that its firmware decides by


@dataclass(frozen=True, eq=False)
class Ground:
    """The test part now: `x` (n, *input_shape), float32, standardized by `standardization`; `truth` (n,), places in `labels`, or as the task has it."""

    x: FloatArray
    truth: AnyArray
    labels: tuple[str, ...]
    standardization: Standardization | None
    measure: Measure
    confidence: float
    is_microcontroller: bool


def compete(champion: Rival, challenger: Rival, ground: Ground) -> Contest:
    """Ask both, each with its own standardization and scored by the runtime that serves it, as variants are.

    Labels that only one of them has are left out: samples of the others count, and whoever decides for a label that isn't common is wrong.

    Raises: GraphError: LiteRT refuses a model. WorkerLost: TFLM's process was ended from outside.
    """
    held = Contest(measure=ground.measure, samples=len(ground.truth), confidence=ground.confidence)
    common = tuple(label for label in challenger.labels if label in champion.labels and label in ground.labels)
    if obstacle := _obstacle(champion, ground, common) or other_shape(challenger, ground).replace("it takes", "the new one takes", 1):
        return held.model_copy(update={"refusal": obstacle})
    chosen = np.isin(ground.truth, [ground.labels.index(label) for label in common])
    if not chosen.any():
        return held.model_copy(update={"samples": 0, "refusal": f"the test part has no sample of a label that both know ({', '.join(common)})"})
    truth = np.array([common.index(ground.labels[place]) for place in ground.truth[chosen]], np.int64)
    answers = [_answers(rival, ground, chosen, common) for rival in (champion, challenger)]
    metric = _RULES.metrics[ground.measure.name]
    if metric.obstacle(truth, answers[0]):
        return held.model_copy(update={"refusal": f"{ground.measure.name} means nothing for these test samples: a class has none"})
    scores = [float(metric.score(truth, each, once(truth))[0]) for each in answers]
    return held.model_copy(
        update={
            "samples": int(chosen.sum()),
            "champion": scores[0],
            "challenger": scores[1],
            "loss": drop(metric, truth, answers[0], answers[1], ground.confidence),
            "classes": tuple(by_label(_RULES, truth, (answers[0], answers[1]), common, ground.confidence)),
            "notes": tuple(_notes(champion, challenger, ground)),
        }
    )


def _obstacle(champion: Rival, ground: Ground, common: tuple[str, ...]) -> str:
    """Why the champion can't be asked; empty when it can."""
    if ground.measure.name not in _RULES.metrics:
        return f"versions are compared as single-label classifiers, and {ground.measure.name} is no metric of those; expected one of {', '.join(_RULES.metrics)}"
    if obstacle := other_shape(champion, ground):
        return obstacle
    borders = litert.read_borders(champion.model)
    outputs = max(2, int(np.prod(borders.output.shape[1:])))
    if outputs != len(champion.labels):
        return f"it gives {outputs} outputs, and {len(champion.labels)} labels are known of it"
    if len(common) < 2:
        return f"it tells {', '.join(champion.labels)} apart, and the data are of {', '.join(ground.labels)} now: {len(common)} in common"
    return ""


def other_shape(champion: Rival, ground: Ground) -> str:
    """That the champion takes samples of another shape, in words; empty when it doesn't."""
    expected, taken = ground.x.shape[1:], litert.read_borders(champion.model).input.shape[1:]
    return "" if taken == expected else f"it takes samples of shape {_words(taken)}, and the data are of shape {_words(expected)} now"


def _words(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _answers(rival: Rival, ground: Ground, chosen: np.ndarray, common: tuple[str, ...]) -> Answers:
    """Probabilities of the common labels, in their order, and, where there are more, the greatest of any other; (n, common) or one more."""
    x = restandardize(view(ground.x).take(np.flatnonzero(chosen)), ground.standardization, rival.standardization)
    outputs = run_as_served(rival.model, x, ground.is_microcontroller)
    probabilities = _RULES.predictions(Run(x, outputs, litert.read_borders(rival.model)), None)
    known = probabilities[:, [rival.labels.index(label) for label in common]]  # (n, common)
    others = [place for place, label in enumerate(rival.labels) if label not in common]
    if ground.measure.name == "roc_auc" or (set(common) == set(ground.labels) and not others):
        return _RULES.decide(known, ())
    other = probabilities[:, others].max(axis=1, initial=np.finfo(np.float32).min)  # (n,); never the greatest where there are no others
    return _RULES.decide(np.concatenate([known, other[:, None]], axis=1), ())  # (n, common + 1)


def restandardize(x: Rows, given: Standardization | None, wanted: Standardization | None) -> Rows:
    """`x`, which `given` standardized, as `wanted` does it: by way of raw values, up to rounding, unless both are the same."""
    if given == wanted:
        return x
    raw = view(x).then(given.undo) if given else view(x)
    return raw.then(wanted.apply) if wanted else raw


def run_as_served(model: bytes, x: Rows, is_microcontroller: bool) -> AnyArray:
    """Raw outputs of the runtime that serves: TFLM on a microcontroller where it runs the model, else LiteRT."""
    outputs = micro.trial(model, x)[1] if is_microcontroller else None
    return litert.run(model, x) if outputs is None else outputs


def _notes(champion: Rival, challenger: Rival, ground: Ground) -> Iterator[str]:
    for name, mine, yours in (("the champion", champion, challenger), ("the new version", challenger, champion)):
        if more := [label for label in mine.labels if label not in yours.labels]:
            yield f"{', '.join(more)}: only {name} knows it; compared on the labels that both know"
    if champion.standardization != ground.standardization:
        yield "the champion standardizes by other figures: its samples were brought back to raw values, up to rounding, and standardized by its own"
