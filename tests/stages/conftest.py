"""A tiny project whose stages are run one after the other on files, once a session: two labels, a model that ends in one sigmoid."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SOURCE = """
import numpy as np

from emberflow.dataset import Dataset, Samples


def part(count, seed):
    random = np.random.default_rng(seed)
    y = np.arange(count) % 2
    x = random.normal(size=(count, 12, 4)) + 8
    x[y == 1, :, 0] += 2  # the second label's first channel lies higher
    return Samples(x, y)


def data():
    return Dataset(part(64, 1), part(16, 2), part(32, 3), ("calm", "busy"))


def model():
    import tf_keras

    layers = tf_keras.layers
    return tf_keras.Sequential(
        [
            tf_keras.Input((12, 4)),
            layers.Conv1D(8, 3, activation="relu"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, "sigmoid"),
        ]
    )


def logits():
    import tf_keras

    return tf_keras.Sequential([tf_keras.Input((12, 4)), tf_keras.layers.Flatten(), tf_keras.layers.Dense(2)])


def wide():
    import tf_keras

    return tf_keras.Sequential([tf_keras.Input((13, 4)), tf_keras.layers.Flatten(), tf_keras.layers.Dense(1, "sigmoid")])


def shifted(x, random):
    return x + random.normal(size=(len(x), 1, 1)) * 0.01
"""


@dataclass(frozen=True)
class Bench:
    """Where the stages put their files, and what they said."""

    folder: Path
    lines: list[str]

    def __getitem__(self, name: str) -> Path:
        return self.folder / name

    def classroom(self, **changes: Any) -> Any:
        """The parts that `prepare` wrote."""
        from emberflow.stages.classroom import Classroom

        fields = {
            "x": self["train-x.npy"],
            "y": self["train-y.npy"],
            "validation_x": self["validation-x.npy"],
            "validation_y": self["validation-y.npy"],
            "standardization": None,
            "batch_size": 8,
            "seed": 3,
            "augment": None,
            "folder": self.folder,
        }
        return Classroom(**(fields | changes))


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The project's folder."""
    folder = tmp_path_factory.mktemp("stages")
    (folder / "tiny_stages.py").write_text(SOURCE)
    return Bench(folder, [])


@pytest.fixture(scope="session")
def facts(bench: Bench) -> Any:
    """What `prepare` returns; its files are in the bench."""
    from emberflow.project import Project
    from emberflow.stages.prepare import prepare

    project = Project(name="tiny", baseline="tiny_stages:model", data="tiny_stages:data", target="stm32f405", calibration_samples=16)
    return prepare(project, bench.folder, bench.folder, bench.lines.append)


@pytest.fixture(scope="session")
def baseline(bench: Bench, facts: Any) -> Any:
    """What `train` returns; baseline.h5 and predictions.npy are in the bench."""
    from emberflow.stages.train import Origin, train
    from emberflow.training import Training

    origin = Origin(baseline="tiny_stages:model", training=Training(epochs=20, batch_size=8, learning_rate=0.02), labels=2)
    classroom = bench.classroom(standardization=facts.standardization, augment="tiny_stages:shifted")
    test = (bench["test-x.npy"], bench["test-y.npy"])
    return train(origin, classroom, test, (bench["baseline.h5"], bench["predictions.npy"]), bench.lines.append)


@pytest.fixture(scope="session")
def notes(bench: Bench, baseline: Any) -> tuple[str, ...]:
    """What `compress` returns for prune50; prune50.h5 is in the bench."""
    from emberflow.recipe import Prune
    from emberflow.stages.compress import Treatment, compress
    from emberflow.training import FineTuning

    treatment = Treatment(fine_tuning=FineTuning(epochs=2))
    return compress(bench["baseline.h5"], (Prune(50),), treatment, bench.classroom(), bench["prune50.h5"], bench.lines.append)


@pytest.fixture(scope="session")
def tflite(bench: Bench, notes: tuple[str, ...]) -> Path:
    """What `convert` makes of prune50 in int8."""
    from emberflow.artifact import Kind
    from emberflow.convert import PLAIN
    from emberflow.recipe import Format
    from emberflow.stages.convert import Source, convert

    source = Source(path=bench["prune50.h5"], kind=Kind.KERAS)
    convert(source, Format.INT8, bench["calibration-x.npy"], PLAIN, bench["prune50.tflite"], bench.lines.append)
    return bench["prune50.tflite"]


@pytest.fixture(scope="session")
def evaluation(bench: Bench, tflite: Path) -> Any:
    """What `evaluate` returns for it on a microcontroller; answers.svg and outputs.npy are in the bench."""
    from emberflow.evaluate.grading import Grading
    from emberflow.measure import Measure
    from emberflow.stages.evaluate import Paper, evaluate

    paper = Paper(
        x=bench["test-x.npy"],
        y=bench["test-y.npy"],
        predictions=bench["predictions.npy"],
        labels=("calm", "busy"),
        measure=Measure(name="accuracy"),
        grading=Grading(labels=2),
        is_microcontroller=True,
    )
    return evaluate("prune50-int8", tflite, paper, (bench["answers.svg"], bench["outputs.npy"]), bench.lines.append)
