"""Test vectors as a stage makes them of files: the answers are those of the runtime that it is given."""

from typing import Any

import numpy as np
import pytest

from emberflow.evaluate import litert, micro
from emberflow.stages.vectors import answered
from emberflow.task import TaskKind

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.mark.parametrize("runtime", [micro.run, litert.run])
def test_outputs_are_the_runtimes_for_standardized_samples(bench: Any, facts: Any, tflite: Any, runtime: Any) -> None:
    """Raw samples stay raw."""
    files, scale = (bench["vectors-x.npy"], bench["vectors-y.npy"]), facts.standardization

    made = answered(tflite.read_bytes(), files, TaskKind.CLASSIFICATION, scale, runtime)

    raw = np.load(files[0])
    assert np.array_equal(raw, made.raw)
    assert np.array_equal(np.load(files[1]), made.labels)
    assert np.array_equal(runtime(tflite.read_bytes(), scale.apply(raw)).reshape(len(raw), -1), made.outputs)
    assert np.unique(made.outputs).size > 4
