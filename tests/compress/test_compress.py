"""One step from file to file: the file given stays, and any step's file can be read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.compress import load_any
from emberflow.training import Lesson

pytestmark = pytest.mark.xdist_group("tensorflow")
Made = Callable[[str], tuple[Path, tuple[str, ...]]]


def test_the_model_given_is_not_changed(made: Made, signal_model: Any) -> None:
    """TFMOT trains what it is given in place; here that is a fresh copy of the file, which stays."""
    made("prune70")

    given = load_any(made("")[0]).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(given, signal_model.get_weights(), strict=True))


@pytest.mark.parametrize("name", ["", "prune70", "cluster16", "prune70-qat"])
def test_what_a_step_wrote_can_be_read(made: Made, lesson: Lesson, name: str) -> None:
    """With fake quantization or without: probabilities of three classes."""
    model = load_any(made(name)[0])

    assert np.asarray(model(lesson.x[:5])).sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_progress_is_told(made: Made, told: list[str]) -> None:
    """A line an epoch."""
    made("prune70")

    assert told[0].startswith("epoch 1/1: accuracy ")
