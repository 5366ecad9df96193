"""The page of what goes in is written from what the code says, and every row of it is walked: the model is made, looked at, loaded and converted."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.artifact import Kind as Blob
from emberflow.compress import compress
from emberflow.convert import Conversion
from emberflow.evaluate import litert
from emberflow.inputs import Given, Kind, look_at
from emberflow.keras_bridge import keras, own_classes, save
from emberflow.project import Project
from emberflow.recipe import Cluster, Format, Prune, QuantizeAware, Recipe
from emberflow.stages.convert import Source, convert
from emberflow.stages.train import Origin, _keep, _obtain
from emberflow.training import Lesson, Training
from emberflow.trust import Trust

pytestmark = pytest.mark.xdist_group("tensorflow")
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "inputs.md"
X = np.random.default_rng(0).normal(size=(32, 12)).astype(np.float32)
Y = np.arange(32) % 3
STEPS = {"prune": Prune(50), "cluster": Cluster(4), "qat": QuantizeAware()}


def keras_2() -> Any:
    """12 numbers to three classes."""
    layers = keras().layers
    return keras().Sequential([keras().Input((12,)), layers.Dense(16, "relu"), layers.Dense(3, "softmax")])


def builder(folder: Path, _: Path) -> None:
    (folder / "made.py").write_text(
        "import tf_keras as k\n\n\ndef build():\n    return k.Sequential([k.Input((12,)), k.layers.Dense(16, 'relu'), k.layers.Dense(3, 'softmax')])\n"
    )


def keras_3_file(folder: Path, _: Path) -> None:
    import keras as keras_3

    layers = keras_3.layers
    keras_3.Sequential([keras_3.Input((12,)), layers.Dense(16, "relu"), layers.Dense(3, "softmax")]).save(folder / "three.keras")


OWN = """
import {keras} as keras


class Gate(keras.layers.Layer):
    def build(self, shape):
        self.gain = self.add_weight(name="gain", shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * keras.activations.sigmoid(x * self.gain)


OBJECTS = {{"Gate": Gate}}
"""


def own_file(version: int) -> Callable[[Path, Path], None]:
    def make(folder: Path, _: Path) -> None:
        from emberflow.entry import find
        from emberflow.keras_bridge.which import keras_3

        make = keras() if version == 2 else keras_3()
        (folder / f"own_{version}.py").write_text(OWN.format(keras="tf_keras" if version == 2 else "keras"))
        gate: Any = find(f"own_{version}:Gate", folder)
        model = make.Sequential([make.Input((12,)), make.layers.Dense(16), gate(), make.layers.Dense(3, "softmax")])
        model.save(folder / f"own_{version}.keras")

    return make


def keras_2_file(folder: Path, _: Path) -> None:
    keras_2().save(folder / "two.keras")


def hdf5_file(folder: Path, _: Path) -> None:
    save(keras_2(), folder / "model.h5")


def directory(folder: Path, saved_models: Path) -> None:
    (folder / "saved").symlink_to(saved_models)


def ready(number_format: Format) -> Callable[[Path, Path], None]:
    def make(folder: Path, saved_models: Path) -> None:
        from emberflow.convert import signature_to_tflite

        data = signature_to_tflite(saved_models / "classifier", number_format, {"signal": X}, Conversion(signature="classify"))
        (folder / f"{number_format}.tflite").write_bytes(data)

    return make


@dataclass(frozen=True)
class Row:
    """A line of the page: what goes in, how a project names it, and how the test makes one."""

    what: str
    baseline: str
    kind: Kind
    make: Callable[[Path, Path], None]
    signature: str | None = None
    own: str | None = None
    number_format: Format | None = None


ROWS = (
    Row("a function that builds a Keras model", "made:build", Kind.BUILT, builder),
    Row("`.keras` of Keras 3", "three.keras", Kind.KERAS_3, keras_3_file),
    Row("`.keras` of Keras 3 with layers of your own, whose code you give", "own_3.keras", Kind.KERAS_3, own_file(3), own="own_3:OBJECTS"),
    Row("`.keras` of Keras 2 (tf_keras)", "two.keras", Kind.KERAS_2, keras_2_file),
    Row("`.keras` of Keras 2 with layers of your own, whose code you give", "own_2.keras", Kind.KERAS_2, own_file(2), own="own_2:OBJECTS"),
    Row("`.h5`", "model.h5", Kind.HDF5, hdf5_file),
    Row("SavedModel, `model.save()` of Keras 2", "saved/saved_by_keras/", Kind.SAVED_MODEL_OF_KERAS, directory),
    Row("SavedModel, `model.export()` of Keras", "saved/exported/", Kind.SAVED_MODEL, directory),
    Row("SavedModel of a `tf.Module`, one signature", "saved/one/", Kind.SAVED_MODEL, directory),
    Row("SavedModel of a `tf.Module`, several signatures", "saved/classifier/", Kind.SAVED_MODEL, directory, signature="classify"),
    Row("`.tflite` in float32", "float32.tflite", Kind.TFLITE, ready(Format.FLOAT32), number_format=Format.FLOAT32),
    Row("`.tflite` in another format, such as int8", "int8.tflite", Kind.TFLITE_QUANTIZED, ready(Format.INT8), number_format=Format.INT8),
)


def page() -> str:
    """The page that docs/reference/inputs.md must be; EMBERFLOW_WRITE_REFERENCE=1 writes it."""
    lines = [
        "# What goes in, and what can be done with it",
        "",
        "Written from `emberflow.inputs.what_is_possible` by `tests/test_inputs_reference.py`, which makes a model for each row and walks it.",
        "",
        "| baseline | steps | formats | fine-tuning | why not the rest |",
        "| --- | --- | --- | --- | --- |",
        *map(_line, ROWS),
        "",
        "What a project's recipes ask for and the baseline doesn't allow is listed as skipped, with this reason, in the table, the report, MLflow and Prefect; the",
        "rest runs. When nothing remains, the project is refused before any work. A layer that a step can't treat is another matter: it is told by the step, by name.",
        "Layers of your own are such: pruning and clustering leave them alone, and `qat` asks for `qat: false` under `layers`.",
        "",
        "Of a SavedModel one signature is used: the one that `signature:` names, else `serving_default`, else the only one. The `.tflite` keeps its name and those of",
        "its inputs and outputs. `emberflow convert` takes all but a function and a `.tflite`, and signatures with several inputs and outputs too.",
        "",
    ]
    return "\n".join(lines)


def _line(row: Row) -> str:
    possible = Given(row.kind, number_format=row.number_format).possible
    formats = "all six" if possible.formats == tuple(Format) else "the one it is in"
    why = "; ".join(dict.fromkeys(filter(None, (possible.why_no_steps, possible.why_no_formats))))
    return f"| {row.what} | {', '.join(possible.steps) or 'none'} | {formats} | {'yes' if possible.is_fine_tuned else 'no'} | {why} |"


def test_the_page_is_what_the_code_says() -> None:
    """Write it anew with EMBERFLOW_WRITE_REFERENCE=1 pytest tests/test_inputs_reference.py."""
    if os.environ.get("EMBERFLOW_WRITE_REFERENCE"):
        PAGE.write_text(page())

    assert page() == PAGE.read_text()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_every_row_is_walked(row: Row, saved_models: Path, tmp_path: Path) -> None:
    """Looked at, loaded, kept, compressed where that is said to be possible, and converted in float and in integers."""
    row.make(tmp_path, saved_models)
    said = {"signature": row.signature, "custom_objects": row.own, "trust_model_code": row.own is not None}
    given = look_at(Project(name="a", baseline=row.baseline, data="a:b", target="stm32f405", **said), tmp_path)
    assert (row.kind, row.number_format) == (given.kind, given.number_format)

    signature = given.signature.name if given.signature else None
    trust = Trust.of(row.own is not None, row.own, tmp_path)
    origin = Origin(baseline=row.baseline, training=Training(), labels=3, signature=signature, trust=trust)
    model = _obtain(origin, tmp_path, lambda _: None)
    assert np.shape(model(X[:4])) == (4, 3)
    _keep(model, origin, tmp_path, kept := tmp_path / f"kept.{origin.kind}")
    assert (list(STEPS) if origin.kind is Blob.KERAS else []) == list(given.possible.steps)
    for name in given.possible.steps if row.kind is Kind.BUILT else given.possible.steps[:1]:  # what is kept is the same file for all four
        with own_classes(trust.own):
            assert _compress(kept, name, tmp_path).is_file()

    np.save(tmp_path / "x.npy", X)
    for recipe in filter(lambda each: not given.possible.why_not(each), (Recipe((), Format.FLOAT32), Recipe((), Format.INT8))):
        convert(
            Source(path=kept, kind=origin.kind),
            recipe.format,
            tmp_path / "x.npy",
            Conversion(signature=signature, own=trust.own),
            tmp_path / "out",
            lambda _: None,
        )
        borders = litert.read_borders((tmp_path / "out").read_bytes())
        assert ((1, 12), (1, 3), str(recipe.format)) == (borders.input.shape, borders.output.shape, borders.output.dtype)


def _compress(model: Path, step: str, folder: Path) -> Path:
    lesson = Lesson(x=X, y=Y, validation=(X, Y), epochs=1, batch_size=16, learning_rate=1e-3, seed=1)
    compress(model, (STEPS[step],), lesson, out := folder / f"{step}.h5", lambda _: None)
    return out
