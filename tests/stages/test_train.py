"""The train stage gives a baseline from a builder or from a file, and its probabilities in two columns even for one sigmoid."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.artifact import Kind
from emberflow.errors import ModelError, ProjectError
from emberflow.evaluate import litert
from emberflow.evaluate.borders import dequantize
from emberflow.keras_bridge import keras, load, load_own, own_classes
from emberflow.loaded import unpacked
from emberflow.stages.train import Origin, train
from emberflow.training import Training, predict
from emberflow.trust import Trust
from emberflow.wishes import LayerWish, Wishes

pytestmark = pytest.mark.xdist_group("tensorflow")


def run(bench: Any, name: str, out: Path, trusted: bool = False, trust: Trust | None = None) -> Any:
    origin = Origin(baseline=name, training=Training(epochs=1, batch_size=8), labels=2, trust=trust or Trust(runs_code=trusted))
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


BUILDER = """
import keras


@keras.saving.register_keras_serializable("mine")
class Gate(keras.layers.Layer):
    def build(self, shape):
        self.gain = self.add_weight(name="gain", shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.gain


def build():
    layers = keras.layers
    return keras.Sequential([keras.Input({shape}), Gate(name="gate"), layers.Flatten(), layers.Dense(2, "softmax")])


OBJECTS = {{"mine>Gate": Gate}}
"""


def test_a_built_baseline_may_have_layers_of_keras_3(bench: Any, tmp_path: Path) -> None:
    """Given to the processes after it by custom_objects, without which they can't be found; they learn with the others."""
    folder = bench["test-x.npy"].parent
    (folder / "builds_own.py").write_text(BUILDER.format(shape=np.load(bench["test-x.npy"]).shape[1:]))
    with pytest.raises(ModelError, match=r"layer 'gate' \(Gate\) needs code of your own in Keras 3, mine>Gate, which every process that reads the"):
        run(bench, "builds_own:build", tmp_path)

    trust = Trust.of(True, "builds_own:OBJECTS", folder)
    facts = run(bench, "builds_own:build", tmp_path, trust=trust)

    with own_classes(trust.own):
        gate = load_own(tmp_path / "model.h5").get_layer("gate")
    assert "gate" in facts.layers
    assert not np.array_equal(np.ones(4), gate.get_weights()[0])


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
    outputs = predict(load(bench["baseline.h5"]), np.load(bench["test-x.npy"]))
    assert np.array_equal(np.load(tmp_path / "predictions.npy"), np.concatenate([1 - outputs, outputs], axis=1))


def test_code_in_a_brought_baseline_runs_only_where_it_is_trusted(bench: Any, baseline: Any, tmp_path: Path) -> None:
    """A Lambda layer that changes nothing, after a model that serves; its extension is wrong, which is said."""
    model = load(bench["baseline.h5"])
    keras().Model(model.input, keras().layers.Lambda(lambda x: x * 1.0, name="code")(model.output)).save(bench["baseline.h5"].with_name("coded.h5"))
    coded = bench["baseline.h5"].with_name("coded.h5").rename(bench["baseline.h5"].with_name("coded.keras"))

    with pytest.raises(ModelError, match=r"'coded.keras': layer 'code' \(Lambda\) carries Python code, which would run on this machine"):
        run(bench, coded.name, tmp_path)
    facts = run(bench, coded.name, tmp_path, trusted=True)

    assert facts.quality == baseline.quality
    assert "'coded.keras' is an HDF5 file, and is read as one" in bench.lines


def test_a_signature_is_the_baseline_as_tensorflow_runs_it(bench: Any, baseline: Any, tmp_path: Path) -> None:
    """Here of the Keras model itself, so that both answer alike; kept as a zip of its directory."""
    load(bench["baseline.h5"]).export(str(bench.folder / "exported"))
    origin = Origin(baseline="exported", training=Training(epochs=1), labels=2, signature="serving_default")

    facts = serve(bench, origin, tmp_path)

    assert (facts.curve, facts.quality.runtime, facts.parameters) == (None, "TensorFlow", baseline.parameters)
    assert np.load(tmp_path / "predictions.npy") == pytest.approx(np.load(bench["predictions.npy"]), abs=1e-6)
    assert origin.kind is Kind.SAVED_MODEL
    with unpacked(tmp_path / "model") as folder:
        assert (folder / "saved_model.pb").read_bytes() == (bench.folder / "exported" / "saved_model.pb").read_bytes()


def test_a_tflite_is_the_baseline_as_litert_runs_it(bench: Any, tflite: Path, tmp_path: Path) -> None:
    """Its own outputs, read as the numbers that its integers stand for; kept as it is."""
    origin = Origin(baseline=tflite.name, training=Training(epochs=1), labels=2)

    facts = serve(bench, origin, tmp_path)

    data, x = tflite.read_bytes(), np.load(bench["test-x.npy"])
    expected = dequantize(litert.run(data, x), litert.read_borders(data).output)
    assert (facts.quality.runtime, facts.curve, origin.kind) == ("LiteRT", None, Kind.TFLITE)
    assert facts.notes[0].startswith("compared with its own answers in LiteRT, for no float model was brought: the loss says nothing of what")
    assert np.load(tmp_path / "predictions.npy")[:, 1:] == pytest.approx(expected)
    assert (tmp_path / "model").read_bytes() == data


def serve(bench: Any, origin: Origin, out: Path) -> Any:
    test = (bench["test-x.npy"], bench["test-y.npy"])
    return train(origin, bench.classroom(), test, (out / "model", out / "predictions.npy"), bench.lines.append)


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


def test_a_wish_for_a_layer_that_is_not_there_is_told_before_training(bench: Any, facts: Any, tmp_path: Path) -> None:
    """With the layers that are."""
    origin = Origin(baseline="tiny_stages:model", training=Training(epochs=1, batch_size=8), labels=2)
    out = (tmp_path / "model.h5", tmp_path / "predictions.npy")

    with pytest.raises(
        ProjectError, match=r"layers: the model has no layer 'dens\*_'; expected one of conv1d\w*, global_average_pooling1d\w*, dense"
    ):
        train(origin, bench.classroom(), (bench["test-x.npy"], bench["test-y.npy"]), out, bench.lines.append, Wishes(layers={"dens*_": LayerWish()}))
    assert list(tmp_path.iterdir()) == []


def test_the_layers_are_named(baseline: Any) -> None:
    """So that a wish can be looked at when the baseline comes from the cache."""
    assert ["conv1d", "global_average_pooling1d", "dense"] == [
        name.rstrip("_0123456789") if not name.endswith("1d") else name for name in baseline.layers
    ]
