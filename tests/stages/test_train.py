"""The train stage gives a baseline from a builder or from a file, and its probabilities in two columns even for one sigmoid."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.errors import ModelError, ProjectError
from emberflow.keras_bridge import load
from emberflow.stages.train import Origin, train
from emberflow.training import Training, predict

pytestmark = pytest.mark.xdist_group("tensorflow")


def run(bench: Any, name: str, out: Path) -> Any:
    origin = Origin(baseline=name, training=Training(epochs=1, batch_size=8), labels=2)
    return train(
        origin, bench.classroom(), (bench["test-x.npy"], bench["test-y.npy"]), (out / "model.h5", out / "predictions.npy"), bench.lines.append
    )


def test_a_built_baseline_is_trained(bench: Any, baseline: Any) -> None:
    """It learns to tell two levels apart; the file holds it as it was trained."""
    written = load(bench["baseline.h5"])

    # 3 * 4 * 8 + 8 of the convolution, 8 + 1 of the dense layer
    assert baseline.parameters == written.count_params() == 113
    assert len(baseline.curve.loss) == 20
    assert baseline.quality.scores["accuracy"] > 0.9
    assert (baseline.quality.runtime, baseline.quality.samples) == ("Keras", 32)
    assert any(line.startswith("epoch 20/20: accuracy ") for line in bench.lines)


def test_one_sigmoid_is_written_as_two_columns(bench: Any, baseline: Any) -> None:
    """What variants are compared with has a column for each label."""
    probabilities = np.load(bench["predictions.npy"])
    x = np.load(bench["test-x.npy"])

    assert (probabilities.shape, probabilities.dtype) == ((32, 2), np.float32)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(32))
    assert probabilities[:, 1:] == pytest.approx(np.asarray(load(bench["baseline.h5"])(x)), abs=1e-6)


def test_a_brought_baseline_is_not_trained(bench: Any, baseline: Any, tmp_path: Path) -> None:
    """Its figures are measured, its weights left as they are."""
    facts = run(bench, "baseline.h5", tmp_path)

    assert facts.curve is None
    assert facts.quality == baseline.quality
    assert np.array_equal(np.load(tmp_path / "predictions.npy"), predict(load(bench["baseline.h5"]), np.load(bench["test-x.npy"])))


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("tiny_stages:logits", ModelError, "expected probabilities: end it with softmax"),
        ("tiny_stages:wide", ModelError, r"the model takes \(None, 13, 4\); expected \(None, 12, 4\)"),
        ("tiny_stages:data", ModelError, "received emberflow.dataset.Dataset; expected a Keras model"),
        ("tiny_stages:modell", ProjectError, "Did you mean 'model'?"),
        ("nothing.keras", ModelError, "expected a .keras or .h5 file, and there is none"),
    ],
)
def test_a_baseline_that_can_t_serve_is_refused_before_training(
    bench: Any, facts: Any, tmp_path: Path, name: str, kind: type[Exception], said: str
) -> None:
    """And writes nothing."""
    with pytest.raises(kind, match=said):
        run(bench, name, tmp_path)

    assert list(tmp_path.iterdir()) == []
