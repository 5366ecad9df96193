"""The warm stage imports what training stages need."""

import sys

import pytest

from emberflow.stages.warm import warm

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_a_warm_worker_has_tensorflow_and_tfmot() -> None:
    """And says which Keras it is."""
    lines: list[str] = []
    warm(lines.append)

    assert {"tensorflow", "tf_keras", "tensorflow_model_optimization"} <= set(sys.modules)
    assert lines == ["tf_keras"]
