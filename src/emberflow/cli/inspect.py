"""`emberflow inspect`: a model layer by layer, on the terminal and as a page. Calls, prints and writes; measures nothing itself."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from emberflow.cli.inspect_table import show_inspection
from emberflow.cli.subject import Origin, read_subject
from emberflow.errors import DataError, GraphError, ProjectError
from emberflow.inspection import Inspection, Trial, inspect_model, read_trial
from emberflow.target import Target, find_target, read_target
from emberflow.trust import NOBODY, Trust

PAGES = Path(".emberflow") / "inspections"


@dataclass(frozen=True)
class Order:
    """What the user asked for, in the words of the command line."""

    model: Path
    data: Path | None = None
    against: Path | None = None
    target: str | None = None
    out: Path | None = None
    as_json: bool = False
    signature: str | None = None
    trust: Trust = NOBODY


def inspect_file(order: Order) -> int:
    """Inspect, print, and write the page. Returns: 0.

    Raises: ProjectError: an argument is wrong. ModelError, ConversionError: the model can't be read, isn't safe, or the converter refused it.
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
        return inspect_model(read_subject(Origin(order.model, order.against, order.signature, order.trust), trial), trial, target)
    except (GraphError, DataError) as error:
        raise ProjectError(f"'{order.model}': {error}") from error


def _write_page(path: Path, found: Inspection) -> None:
    from emberflow.inspection.page import render_page  # noqa: PLC0415 - matplotlib and templates

    text = render_page(found)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ProjectError(f"can't write the page '{path}': {error.strerror}; give --out a place that you may write to") from error
