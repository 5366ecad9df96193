"""What a variant loses against the baseline, asked on the same samples, with its uncertainty. Knows statistics; runs no model."""

from math import sqrt
from statistics import NormalDist

import numpy as np

from emberflow.errors import DataError
from emberflow.evaluate.metrics import Scorer, applies, check, find_metric
from emberflow.values import Float64Array, FloatArray, IntArray
from emberflow.variant import Interval

_Z = 1.959964  # the 97.5 % point of the normal distribution
_RESAMPLES = {"macro_f1": 2000, "roc_auc": 500}
_SEED = 20050
_CHUNK_NUMBERS = 2_000_000


def drop(metric: str, truth: IntArray, baseline: FloatArray, variant: FloatArray, confidence: float = 0.95) -> Interval:
    """Metric of the baseline minus metric of the variant, with its confidence interval; positive is a loss.

    Accuracy: the adjusted Wald interval for matched pairs (Agresti & Min 2005, "Simple improved confidence intervals for comparing
    matched proportions", Statistics in Medicine 24:729-740; others call it Wald+2): 0.5 is added to each cell of the two-by-two
    table of who was right, so that the interval keeps a width even when both always agree. The estimate is the plain difference; the
    limits are cut off at -1 and 1. macro_f1 and roc_auc: percentiles of a seeded paired bootstrap (2,000 and 500 resamples); it has no
    width when baseline and variant give the same.

    Samples are taken to be independent. Neighbouring windows of one signal overlap and are not: for such data the true
    interval is wider than this one.

    Args:
        metric: a key of `metrics.METRICS`.
        truth: labels, shape (n,).
        baseline, variant: probabilities, shape (n, classes).
    Raises: ProjectError: no such metric. DataError: shapes that don't go together, or a metric that doesn't apply to these labels.
    """
    scorer = find_metric(metric)
    check(truth, baseline)
    _check_same_shape(baseline, variant)
    if not applies(metric, truth, baseline.shape[1]):
        raise DataError(
            f"received '{metric}' as the metric, but of {baseline.shape[1]} classes only {np.unique(truth).size} occur among the test labels;"
            " expected samples of every class, and two classes or more. Split the data anew, or choose accuracy or macro_f1"
        )
    if metric == "accuracy":
        return _adjusted_wald(baseline.argmax(axis=1) == truth, variant.argmax(axis=1) == truth, confidence)
    return _bootstrap(scorer, truth, (baseline, variant), _RESAMPLES[metric], confidence)


def agreement(baseline: FloatArray, variant: FloatArray) -> float:
    """Share of samples on which both find the same class most probable; arguments of shape (n, classes).

    Raises: DataError: shapes differ.
    """
    _check_same_shape(baseline, variant)
    return float(np.mean(baseline.argmax(axis=1) == variant.argmax(axis=1)))


def _check_same_shape(baseline: FloatArray, variant: FloatArray) -> None:
    if baseline.shape != variant.shape:
        raise DataError(
            f"received probabilities of shape {baseline.shape} from the baseline and {variant.shape} from the variant;"
            " expected the same samples and classes"
        )


def _adjusted_wald(baseline_right: np.ndarray, variant_right: np.ndarray, confidence: float) -> Interval:
    """`(b - c) / n +- z sqrt(b + c - (b - c)^2 / n) / n`, the Wald interval of matched pairs, where 0.5 was added to each of the four cells.

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


def _bootstrap(scorer: Scorer, truth: IntArray, pair: tuple[FloatArray, FloatArray], resamples: int, confidence: float) -> Interval:
    def drops(weights: Float64Array) -> Float64Array:
        return scorer(truth, pair[0], weights) - scorer(truth, pair[1], weights)

    n = len(truth)
    rng = np.random.default_rng(_SEED)
    rows = max(1, _CHUNK_NUMBERS // n)
    # drawing n samples with replacement is drawing how often each occurs: multinomial counts
    chunks = [rng.multinomial(n, np.full(n, 1 / n), size=min(rows, resamples - done)).astype(np.float64) for done in range(0, resamples, rows)]
    low, high = np.nanpercentile(np.concatenate([drops(chunk) for chunk in chunks]), [50 * (1 - confidence), 50 * (1 + confidence)])
    return Interval(estimate=float(drops(np.ones((1, n)))[0]), low=float(low), high=float(high))
