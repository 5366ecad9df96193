"""Rows of weights as compression leaves them."""

import numpy as np
from hypothesis import strategies as st


def quantize(rows):
    """Float rows as TensorFlow Lite does it: symmetric, a scale a row, to int8 in [-127, 127]."""
    scales = np.abs(rows).max(axis=1, keepdims=True) / 127
    return np.rint(rows / np.where(scales > 0, scales, 1)).astype(np.int8)


def clustered(generator, count, depth, clusters=16):
    """Rows from shared centroids, each row with a gain of its own, which per-channel quantization takes away again."""
    centroids = np.sort(generator.normal(0, 1, clusters))
    return quantize(centroids[generator.integers(0, clusters, (count, depth))] * generator.uniform(0.2, 3, (count, 1)))


def pruned(generator, count, depth, part=0.7):
    """Rows of which `part` is zero."""
    rows = generator.normal(0, 1, (count, depth))
    return quantize(np.where(np.abs(rows) < np.quantile(np.abs(rows), part), 0, rows))


def pruned_and_clustered(generator, count, depth):
    """Both: the sixteenth cluster is zero."""
    return clustered(generator, count, depth, 15) * (generator.random((count, depth)) > 0.7)


KINDS = {
    "clustered": clustered,
    "few": lambda generator, count, depth: generator.choice([-128, -1, 0, 127], (count, depth)).astype(np.int8),
    "full": lambda generator, count, depth: generator.integers(-128, 128, (count, depth)).astype(np.int8),
    "lowest": lambda generator, count, depth: np.full((count, depth), -128, np.int8),
    "pruned": pruned,
    "pruned_and_clustered": pruned_and_clustered,
    "zero": lambda generator, count, depth: np.zeros((count, depth), np.int8),
}


@st.composite
def layers(draw, most_rows=12, most_depth=80):
    """Rows of any of KINDS."""
    kind, generator = draw(st.sampled_from(sorted(KINDS))), np.random.default_rng(draw(st.integers(0, 10**6)))
    return KINDS[kind](generator, draw(st.integers(1, most_rows)), draw(st.integers(1, most_depth)))
