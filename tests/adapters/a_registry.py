"""Versions in a real MLflow over SQLite: dense networks by hand, logged and registered as a run does it."""

from pathlib import Path
from tempfile import TemporaryDirectory

from emberflow.adapters.registry import Registry
from emberflow.adapters.tracking import Status, Tracker
from emberflow.adapters.tracking_figures import context_of, of_variant
from emberflow.artifact import Artifact, Kind, digest
from emberflow.bundle import write_bundle
from emberflow.evaluate.litert import read_borders
from emberflow.evaluate.micro import run
from emberflow.firmware.folder import Build
from emberflow.firmware.vectors import make_vectors
from emberflow.version import Entry, Origin
from tests.a_record import RECORD
from tests.adapters.a_network import CODES, network

RECIPE = "int8"


def record_of(model: bytes):
    """The record of a run whose champion is `model`, 8 numbers to 3 labels."""
    variant = RECORD.variant(RECIPE)
    blob = Artifact(sha256=digest(model), size_bytes=len(model), kind=Kind.TFLITE)
    splits = RECORD.splits.model_copy(update={"labels": ("PEN", "ABD", "ROW"), "input_shape": (8,), "standardization": None})
    changes = {
        "project": "watch",
        "splits": splits,
        "variants": (variant.model_copy(update={"model": blob, "firmware": None, "answers_plot": None}),),
        "choice": RECORD.choice.model_copy(update={"champion": RECIPE}),
    }
    return RECORD.model_copy(update=changes)


def make_bundle(folder: Path, model: bytes, build: Build | None = None) -> None:
    """The bundle of that run; with `build`, a firmware is in it."""
    border = read_borders(model)
    raw = ((CODES[:4].astype("float32") - border.input.zero_point) * border.input.scale).astype("float32")
    outputs = run(model, raw)
    write_bundle(folder, record_of(model), model, make_vectors(raw, outputs.reshape(4, -1).argmax(axis=1), None, border, outputs), build=build)


def log(tracker: Tracker, model: bytes):
    """A finished run with bundle, record and one variant; its ids, its record, the id of its model."""
    record = record_of(model)
    ids = tracker.open_run("watch", "r", {})
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "m.tflite").write_bytes(model)
        tracker.log_variant(ids, context_of(record), record.variant(RECIPE), [(folder / "m.tflite", f"model/{RECIPE}.tflite")])
        make_bundle(folder / "bundle", model)
        (folder / "record.json").write_text(record.model_dump_json())
        tracker.log_outcome(ids, record, [(folder / "bundle", "bundle"), (folder / "record.json", "record.json")])
    tracker.finish(ids, Status.FINISHED)
    return ids, record, tracker.find_model(ids, RECIPE)


def origin(model: bytes, data: str = "data") -> Origin:
    """Of `model`, from some data."""
    return Origin(model=digest(model), data=digest(data.encode()), code=digest(b"code"), target="m4")


def register(registry: Registry, middle: int):
    """The network with `middle` hidden units, logged and registered."""
    model = network(middle)
    ids, record, model_id = log(registry.tracker, model)
    entry = Entry(recipe=RECIPE, origin=origin(model), flow_run="f1", experiment_id=ids.experiment_id, mlflow_run=ids.run_id)
    return registry.register(entry, model_id, of_variant(record.variant(RECIPE), context_of(record)).metrics)
