"""`emberflow inspect`: a model layer by layer, on the terminal and as a page. Calls, prints and writes; measures nothing itself."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from emberflow.cli.inspect_table import show_inspection
from emberflow.errors import DataError, GraphError, ProjectError
from emberflow.inspection import Inspection, Subject, Trial, describe_form, inspect_model, read_trial
from emberflow.target import Target, find_target, read_target

PAGES = Path(".emberflow") / "inspections"
_KERAS = (".keras", ".h5", ".hdf5")


@dataclass(frozen=True)
class Order:
    """What the user asked for, in the words of the command line."""

    model: Path
    data: Path | None = None
    against: Path | None = None
    target: str | None = None
    out: Path | None = None
    as_json: bool = False


def inspect_file(order: Order) -> int:
    """Inspect, print, and write the page. Returns: 0.

    Raises: ProjectError: an argument is wrong. ModelError, ConversionError: Keras can't read the model, or the converter refused it.
    """
    console = Console()
    trial = read_trial(order.data) if order.data else None
    target = _target(order.target) if order.target else None
    found = _inspect(order, trial, target)
    page = order.out or (None if order.as_json else PAGES / f"{order.model.stem}.html")
    if page:
        _write_page(page, found)
    if order.as_json:
        console.print(found.model_dump_json(indent=2), highlight=False, markup=False, soft_wrap=True)
        return 0
    show_inspection(found, console)
    console.print(f"\npage  {page}", highlight=False, markup=False, soft_wrap=True)
    return 0


def _target(name: str) -> Target:
    return read_target(Path(name)) if name.endswith(".toml") else find_target(name)


def _inspect(order: Order, trial: Trial | None, target: Target | None) -> Inspection:
    try:
        return inspect_model(_subject(order, trial), trial, target)
    except (GraphError, DataError) as error:
        raise ProjectError(f"'{order.model}': {error}") from error


def _subject(order: Order, trial: Trial | None) -> Subject:
    if order.model.suffix in _KERAS:
        return _from_keras(order, trial)
    model = _read(order.model)
    subject = Subject(order.model.name, model, f"a .tflite of {describe_form(model)}")
    if order.against is None:
        return subject
    twin = _read(order.against)
    return replace(subject, twin=twin, form=f"{subject.form}, compared with {order.against.name}")


def _from_keras(order: Order, trial: Trial | None) -> Subject:
    if order.against:
        raise ProjectError(
            f"received --against '{order.against}' for a Keras model; expected it with a .tflite: a Keras model is compared with itself"
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from emberflow.compress import load_any  # noqa: PLC0415 - TensorFlow takes seconds, and a .tflite needs none
    from emberflow.compress.rewrite import lift_to_2d  # noqa: PLC0415
    from emberflow.convert import to_tflite  # noqa: PLC0415
    from emberflow.recipe import Format  # noqa: PLC0415

    model = lift_to_2d(load_any(order.model))
    shape = [size or 1 for size in model.inputs[0].shape[1:]]
    real = to_tflite(model, Format.FLOAT32, trial.x if trial else np.empty((0, *shape), np.float32))
    if trial is None:
        return Subject(order.model.name, real, "a Keras model, converted to float32; with --data, to int8")
    return Subject(order.model.name, to_tflite(model, Format.INT8, trial.x), f"a Keras model, converted to int8 with {trial.origin}", real)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        expected = "expected a .tflite, .keras or .h5 file"
        raise ProjectError(f"received '{path}' as a model, which can't be read ({error.strerror}); {expected}") from error


def _write_page(path: Path, found: Inspection) -> None:
    from emberflow.inspection.page import render_page  # noqa: PLC0415 - matplotlib and templates

    text = render_page(found)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ProjectError(f"can't write the page '{path}': {error.strerror}; give --out a place that you may write to") from error
