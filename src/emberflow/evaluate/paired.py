"""What a variant loses against the baseline, asked on the same samples, with its uncertainty. Knows statistics; runs no model."""

from math import sqrt
from statistics import NormalDist

import numpy as np

from emberflow.errors import DataError
from emberflow.evaluate.metrics import Answers, Metric, once
from emberflow.values import AnyArray, Float64Array
from emberflow.variant import Interval

_Z = 1.959964  # the 97.5 % point of the normal distribution
_SEED = 20050
_CHUNK_NUMBERS = 2_000_000


def drop(metric: Metric, truth: AnyArray, baseline: Answers, variant: Answers, confidence: float = 0.95) -> Interval:
    """By how much the variant is worse than the baseline, with its confidence interval; positive is a loss, whatever the metric's direction.

    A share of samples (accuracy): the adjusted Wald interval for matched pairs (Agresti & Min 2005, "Simple improved confidence intervals
    for comparing matched proportions", Statistics in Medicine 24:729-740; others call it Wald+2): 0.5 is added to each cell of the
    two-by-two table of who was right, so that the interval keeps a width even when both always agree. The estimate is the plain
    difference; the limits are cut off at -1 and 1. Every other metric: percentiles of a seeded paired bootstrap (`metric.resamples`); it
    has no width when baseline and variant give the same.

    Samples are taken to be independent. Neighbouring windows of one signal overlap and are not: for such data the true
    interval is wider than this one.

    Args: truth: shape (n, ...). baseline, variant: answers to the same n samples.
    Raises: DataError: answers of other shapes, or a metric that means nothing for this truth.
    """
    check_same_shape(baseline.predictions, variant.predictions)
    check_applies(metric, truth, baseline)
    if metric.right is not None:
        return drop_of_shares(metric.right(truth, baseline), metric.right(truth, variant), confidence)
    return _bootstrap(metric, truth, (baseline, variant), confidence)


def check_applies(metric: Metric, truth: AnyArray, answers: Answers) -> None:
    """Raises: DataError: truth and answers are not of the same samples, or the metric means nothing for this truth."""
    if len(truth) != len(answers.predictions) or not len(truth):
        raise DataError(
            f"received truth of shape {truth.shape} and predictions of shape {answers.predictions.shape}; expected both of the same samples, one or more"
        )
    if obstacle := metric.obstacle(truth, answers):
        raise DataError(f"the metric means nothing here: {obstacle}. Split the data anew, or choose another metric")


def check_same_shape(baseline: AnyArray, variant: AnyArray) -> None:
    """Raises: DataError: `baseline` and `variant` are not predictions of the same number for the same samples."""
    if baseline.shape != variant.shape:
        raise DataError(
            f"received predictions of shape {baseline.shape} from the baseline and {variant.shape} from the variant;"
            " expected the same samples, and as many predictions for each"
        )


def drop_of_shares(baseline_right: np.ndarray, variant_right: np.ndarray, confidence: float) -> Interval:
    """As `drop`, of the share of samples that are answered right, (n,) each.

    `(b - c) / n +- z sqrt(b + c - (b - c)^2 / n) / n`, the Wald interval of matched pairs, where 0.5 was added to each of the four cells.

    So b and c, the discordant cells, are 0.5 larger each, which leaves b - c as it was, and n is 2 larger. Agresti states it so himself, as the
    "Wald+2" of Agresti & Min (2005), with the cut at -1 and 1: users.stat.ufl.edu/~aa/cda/R/matched/R2_matched/index.html, `diffpropci`.
    `diffpropci.mp` of the R package PropCIs and `Wald_CI_AgrestiMin_paired_2x2` of contingencytables compute the same.
    """
    lost = int(np.sum(baseline_right & ~variant_right))
    won = int(np.sum(~baseline_right & variant_right))
    n = len(baseline_right)
    centre = (lost - won) / (n + 2)
    z = _Z if confidence == 0.95 else NormalDist().inv_cdf((1 + confidence) / 2)
    half = z * sqrt(lost + won + 1 - (lost - won) ** 2 / (n + 2)) / (n + 2)
    return Interval(estimate=(lost - won) / n, low=max(-1.0, centre - half), high=min(1.0, centre + half))


def _bootstrap(metric: Metric, truth: AnyArray, pair: tuple[Answers, Answers], confidence: float) -> Interval:
    sign = 1.0 if metric.higher_is_better else -1.0

    def drops(weights: Float64Array) -> Float64Array:
        return sign * (metric.score(truth, pair[0], weights) - metric.score(truth, pair[1], weights))

    n = len(truth)
    rng = np.random.default_rng(_SEED)
    rows = max(1, _CHUNK_NUMBERS // n)
    sizes = [min(rows, metric.resamples - done) for done in range(0, metric.resamples, rows)]
    # drawing n samples with replacement is drawing how often each occurs: multinomial counts
    chunks = [rng.multinomial(n, np.full(n, 1 / n), size=size).astype(np.float64) for size in sizes]
    low, high = np.nanpercentile(np.concatenate([drops(chunk) for chunk in chunks]), [50 * (1 - confidence), 50 * (1 + confidence)])
    return Interval(estimate=float(drops(once(truth))[0]), low=float(low), high=float(high))
