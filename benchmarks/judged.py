"""Is a model judged alike in whatever form it comes? A whole run of the chain for each. Makes models and small data; measures nothing itself.

The architectures are MLPerf Tiny's, in the project files of examples/mlperf_tiny, each brought as a file of Keras 2, a file of Keras 3 and a
SavedModel that hold the same weights: random ones, with normalizations that fit the data, so that outputs vary. What such a model gets right means
nothing; its size, its verdict and whether the chip computes it are what is compared.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import yaml

from emberflow.dataset import prepare
from emberflow.entry import call
from emberflow.project import Project, read_project
from emberflow.record import Record
from emberflow.runs import last_record
from emberflow.stages.prepare import preparation_of

EXAMPLE = Path(__file__).parents[1] / "examples" / "mlperf_tiny"
PROJECTS = {"ds_cnn": "keyword_spotting", "resnet_8": "image_classification", "mobilenet": "visual_wake_words", "autoencoder": "anomaly_detection"}
FORMS: Mapping[str, str] = {"Keras 2": "keras_2.h5", "Keras 3": "keras_3.keras", "SavedModel": "saved_model/"}
RECIPES = ("float32", "int8")
COMMAND = Path(sys.executable).with_name("emberflow")

Run = Callable[[Path, Path], Record]
"""Of a project file and a home folder."""


@dataclass(frozen=True)
class Judged:
    """What came of one architecture in one form.

    verdicts: by recipe, "fits" or the kinds of the reasons why not. is_proven: whether the int8 firmware equals TFLM.
    """

    name: str
    form: str
    int8_bytes: int
    verdicts: dict[str, str]
    champion: str
    is_proven: bool


def judge(name: str, folder: Path, run: Run) -> list[Judged]:
    """A run of the architecture `name` in each of FORMS, in `folder`, with one home, so that data are prepared once."""
    place = _example(folder)
    _write_models(name, place)
    return [_judged(name, form, run(_project(name, form, place), folder / "home")) for form in FORMS]


def _example(folder: Path) -> Path:
    """A copy of the example, because a project's functions and data lie beside its file, with data in it."""
    place = folder / "mlperf_tiny"
    if not place.is_dir():
        shutil.copytree(EXAMPLE, place, ignore=shutil.ignore_patterns("data", "__pycache__"))
        subprocess.run([sys.executable, "small_data.py"], cwd=place, check=True)
    return place


def _project(name: str, form: str, place: Path) -> Path:
    """The example's project file with the model of `form` as its baseline."""
    fields = yaml.safe_load((place / f"{PROJECTS[name]}.yaml").read_text(encoding="utf-8"))
    fields |= {"name": f"{name}-{form.lower().replace(' ', '-')}", "baseline": FORMS[form], "recipes": list(RECIPES)}
    fields["budget"] = {limit: 1.0 if limit.endswith("_drop") else value for limit, value in fields["budget"].items()}  # it knows nothing to lose
    if form == "SavedModel":
        fields["signature"] = "serving_default"
    path = place / f"{fields['name']}.yaml"
    path.write_text(yaml.safe_dump(fields), encoding="utf-8")
    return path


def _write_models(name: str, place: Path) -> None:
    import keras  # noqa: PLC0415 - both bring TensorFlow, which the table doesn't need
    import tf_keras  # noqa: PLC0415

    sys.path.insert(0, str(place))
    build: Callable[[ModuleType], Any] = getattr(__import__("architectures"), name)
    tf_keras.utils.set_random_seed(0)
    old, new = build(tf_keras), build(keras)
    _fit_normalizations(old, read_project(place / f"{PROJECTS[name]}.yaml"), place)
    new.set_weights(old.get_weights())
    old.save(place / FORMS["Keras 2"])
    new.save(place / FORMS["Keras 3"])
    new.export(place / FORMS["SavedModel"], verbose=False)


def _fit_normalizations(model: Any, project: Project, place: Path) -> None:
    x = prepare(call(project.data, place), preparation_of(project)).parts["train"][0][:64]
    for layer in model.layers:
        layer.momentum = 0.0
    model(np.asarray(x, np.float32), training=True)


def _judged(name: str, form: str, record: Record) -> Judged:
    int8 = record.variant("int8")
    verdicts = {
        each.recipe: "fits" if each.verdict.fits else ", ".join(str(reason.kind) for reason in each.verdict.reasons) for each in record.variants
    }
    is_proven = bool(int8.firmware and int8.firmware.on_chip and int8.firmware.on_chip.is_proven)
    return Judged(name, form, int8.model.size_bytes, verdicts, record.choice.champion, is_proven)


def by_command(project: Path, home: Path) -> Record:
    """`emberflow run`, in a process of its own."""
    subprocess.run([str(COMMAND), "run", str(project), "--home", str(home)], check=True, capture_output=True)
    return last_record(home, None)


def lines(judged: list[Judged]) -> Iterator[str]:
    """The table, and for each architecture whether its forms were judged alike."""
    yield f"{'model':14}{'form':12}{'int8':>10}  {'verdict':34}{'champion':10}equals TFLM"
    for each in judged:
        told = "; ".join(f"{recipe} {word}" for recipe, word in each.verdicts.items())
        yield f"{each.name:14}{each.form:12}{each.int8_bytes:10,}  {told:34}{each.champion:10}{'yes' if each.is_proven else 'NO'}"
    for name in dict.fromkeys(each.name for each in judged):
        yield f"{name}: {'judged alike' if are_alike([each for each in judged if each.name == name]) else 'JUDGED DIFFERENTLY'}"


def are_alike(judged: list[Judged]) -> bool:
    """Whether verdicts, champion and proof are the same in each form."""
    return len({(str(each.verdicts), each.champion, each.is_proven) for each in judged}) == 1
