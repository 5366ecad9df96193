"""What a new version loses of each label's recall: of the samples that have the label, the share of which it is said. Arithmetic; decides nothing."""

from collections.abc import Iterator, Sequence

import numpy as np

from emberflow.contest import ClassLoss
from emberflow.evaluate.metrics import Answers
from emberflow.evaluate.paired import drop_of_shares
from emberflow.task import Rules
from emberflow.values import AnyArray


def by_label(rules: Rules, truth: AnyArray, pair: tuple[Answers, Answers], labels: Sequence[str], confidence: float) -> Iterator[ClassLoss]:
    """Of each label that a sample has; none of a task without labels. `pair`: of the champion and of the new version."""
    for place, label in enumerate(labels) if rules.has_labels else ():
        has, found = rules.of_label(truth, pair[0], place)
        _, found_now = rules.of_label(truth, pair[1], place)
        if has.any():
            yield ClassLoss(
                label=label,
                samples=int(has.sum()),
                champion=float(np.mean(found[has])),
                challenger=float(np.mean(found_now[has])),
                loss=drop_of_shares(found[has], found_now[has], confidence),
            )
