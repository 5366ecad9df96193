"""`emberflow init`: a commented project file for the model at hand, beside it a function for the data. Looks, guesses, writes; overwrites nothing."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from emberflow.cli.subject import Origin, read_subject
from emberflow.draft import Draft, Model, choose_target, estimate_room, guess_task, layers_of, render
from emberflow.errors import DataError, GraphError, ProjectError
from emberflow.graph import read_graph
from emberflow.inputs import Given, look_at
from emberflow.project import Project, explain, parse_project
from emberflow.recipe import ALL, Steps
from emberflow.target import find_target, load_targets
from emberflow.trust import NOBODY, Trust

_NO_MODEL_TARGET = "stm32f405"


@dataclass(frozen=True)
class Order:
    """What the user asked for, in the words of the command line."""

    folder: Path
    model: Path | None = None
    name: str | None = None
    signature: str | None = None
    trust: Trust = NOBODY


def init_project(order: Order) -> int:
    """Write the files and say what is to be done next. Returns: 0.

    Raises: ProjectError: a file is there already, or an argument is wrong. ModelError, ConversionError: the model can't be read or converted.
    """
    name = project_name(order.name or order.folder.resolve().name)
    files = render(_draft(order, name))
    parse_project(files["emberflow.yaml"])  # what is written can be read
    _write(order.folder, files)
    console = Console()
    for file in files:
        console.print(f"written  {order.folder / file}", highlight=False, markup=False, soft_wrap=True)
    todo = "data.py" if order.model else "data.py and model.py"
    console.print(f"next     fill in {todo}, then: emberflow run {order.folder / 'emberflow.yaml'}", highlight=False, markup=False, soft_wrap=True)
    return 0


def project_name(words: str) -> str:
    """`words` as a project may be called: lower-case letters, digits, - and _, a letter first, at most 40. Raises: ProjectError: nothing is left."""
    name = re.sub(r"[^a-z0-9_-]+", "-", words.lower()).strip("-_")
    name = re.sub(r"^[^a-z]+", "", name)[:40].rstrip("-_")
    if not name:
        raise ProjectError(f"received '{words}' as the project's name; expected letters, digits, - and _: give one with --name")
    return name


def _draft(order: Order, name: str) -> Draft:
    if order.model is None:
        return Draft(name, find_target(_NO_MODEL_TARGET), "`emberflow targets` lists the devices that may stand here.")
    given = _look(order, order.model)
    try:
        subject = read_subject(Origin(order.model, signature=order.signature, trust=order.trust))
        graph, room = read_graph(subject.model), estimate_room(subject.model)
    except (GraphError, DataError) as error:
        raise ProjectError(f"'{order.model}': {error}") from error
    recipes = _recipes(given, _untreatable(order.model, order.trust) if given.possible.is_fine_tuned else {})
    target, reason = choose_target(room, load_targets())
    model = Model(
        baseline=_baseline(order.model, order.folder),
        kind=given.kind.value,
        input_shape=graph.tensors[graph.inputs[0]].shape[1:],
        guess=guess_task(graph),
        room=room,
        recipes=recipes.words,
        why_not_all=recipes.why_not_all,
        is_fine_tuned=recipes.are_fine_tuned,
        signature=order.signature,
        trust=order.trust,
        layers=layers_of(graph) if given.possible.is_fine_tuned else (),
    )
    return Draft(name, target, reason, model)


def _look(order: Order, model: Path) -> Given:
    """What a run would find, told before TensorFlow is imported."""
    home = model.resolve().parent
    try:
        project = Project(
            name="look",
            baseline=_baseline(model, home),
            data="data:load",
            target=_NO_MODEL_TARGET,
            signature=order.signature,
            trust_model_code=order.trust.runs_code,
            custom_objects=order.trust.own.entry if order.trust.own else None,
        )
    except ValidationError as error:
        raise ProjectError(explain(error, Project)) from error
    return look_at(project, home)


def _baseline(model: Path, folder: Path) -> str:
    """The model's path from the project's folder, a SavedModel's with a / at its end."""
    path = Path(os.path.relpath(model.resolve(), folder.resolve())).as_posix()
    return f"{path}/" if model.is_dir() else path


@dataclass(frozen=True)
class _Recipes:
    """What the project file has behind `recipes`, why not the others, and whether some train on."""

    words: str
    why_not_all: str
    are_fine_tuned: bool


def _recipes(given: Given, untreatable: Mapping[Steps, str]) -> _Recipes:
    """All that are possible; of a .tflite the one that it is. `untreatable` says why steps can't be carried out on the model's layers."""
    why_not = {recipe: given.possible.why_not(recipe) or untreatable.get(recipe.steps, "") for recipe in ALL}
    possible = [recipe for recipe in ALL if not why_not[recipe]]
    if given.number_format:
        words = f"[{given.number_format}]"
    elif len(possible) == len(ALL):
        words = "all"
    elif not any(recipe.steps for recipe in possible):
        words = "formats"
    else:
        words = f"[{', '.join(map(str, possible))}]"
    return _Recipes(words, "; ".join(dict.fromkeys(filter(None, why_not.values()))), any(recipe.steps for recipe in possible))


def _untreatable(model: Path, trust: Trust) -> dict[Steps, str]:
    """Which steps TFMOT refuses on layers of the Keras model, and why, found without training."""
    from emberflow.compress import why_not  # noqa: PLC0415 - TensorFlow, which has been imported for the float32 .tflite
    from emberflow.convert import QuietNativeCode  # noqa: PLC0415
    from emberflow.keras_bridge import load, own_classes  # noqa: PLC0415

    with QuietNativeCode(), own_classes(trust.own):
        layers = load(model, trust)
        if len(layers.inputs) != 1:
            return {}  # which a run refuses before any step
        found = {steps: why_not(layers, steps) for steps in dict.fromkeys(recipe.steps for recipe in ALL)}
    return {steps: reason for steps, reason in found.items() if reason}


def _write(folder: Path, files: dict[str, str]) -> None:
    if there := [file for file in files if (folder / file).exists()]:
        names = " and ".join(f"'{folder / file}'" for file in there)
        raise ProjectError(f"{names} {'is' if len(there) == 1 else 'are'} there already; expected none: name another folder, or move what is there")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ProjectError(f"can't write to '{folder}': {error.strerror}; name a folder that you may write to") from error
