"""The prepare stage writes checked, standardized arrays and returns what there is to know of them."""

from typing import Any

import numpy as np
import pytest

from emberflow.errors import ProjectError
from emberflow.project import Project
from emberflow.stages.prepare import prepare


def test_each_part_is_written_standardized(bench: Any, facts: Any) -> None:
    """By the training part; the vectors stay raw."""
    train, vectors = np.load(bench["train-x.npy"]), np.load(bench["vectors-x.npy"])

    assert (train.shape, train.dtype) == ((64, 12, 4), np.float32)
    assert train.mean(axis=(0, 1)) == pytest.approx(np.zeros(4), abs=1e-5)
    assert vectors.mean() > 7
    assert np.load(bench["test-y.npy"]).tolist() == [0, 1] * 16


def test_the_facts_are_those_of_the_arrays(bench: Any, facts: Any) -> None:
    """Every test sample is a vector, because there are fewer than 128."""
    assert facts.samples == {"train": 64, "validation": 16, "test": 32, "calibration": 16, "vectors": 32}
    assert (facts.input_shape, facts.labels, facts.warnings) == ((12, 4), ("calm", "busy"), ())
    assert len(facts.standardization.mean) == 4
    assert any("64 train" in line for line in bench.lines)


def test_a_wrong_function_is_told(bench: Any) -> None:
    """With a name that is near."""
    project = Project(name="tiny", baseline="tiny_stages:model", data="tiny_stages:date", target="stm32f405")

    with pytest.raises(ProjectError, match=r"'tiny_stages' has no function 'date'\. Did you mean 'data'\?"):
        prepare(project, bench.folder, bench.folder, bench.lines.append)
