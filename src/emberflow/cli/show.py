"""`emberflow report`, `recipes` and `targets`: what is known, printed. Reads records and tables; runs nothing."""

import shlex
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from emberflow.cli.stack import running_stack
from emberflow.recipe import ALL, FORMAT_MEANINGS, NAMED_SETS, Recipe
from emberflow.record import Record
from emberflow.runs import bundle_folder, last_record, read_decision, run_folder
from emberflow.table import render
from emberflow.target import Target, find_target, load_targets
from emberflow.units import show_bytes

_NARROWEST = 100  # where the output goes to a file, lines may be this long


def show_last(project: str | None, home: Path) -> None:
    """Print the last run's table. Raises: ProjectError: there is none."""
    show_record(last_record(home, project), home, Console())


def show_record(record: Record, home: Path, console: Console) -> None:
    """Print the table of variants, why the champion was chosen, and where everything lies."""
    wide = console if console.is_terminal else Console(file=console.file, width=max(console.width, 156))
    console.print()
    render(record, wide)
    console.print()
    console.print(record.choice.explanation, highlight=False, markup=False, width=min(wide.width, _NARROWEST))
    if decision := read_decision(home, record):
        console.print(Text.assemble("\n", (decision.sentence, "bold")), highlight=False, width=min(wide.width, _NARROWEST))
    console.print()
    for name, place in places(record, home).items():
        console.print(Text.assemble((f"{name:<8}", "bold"), place), soft_wrap=True, highlight=False)


def places(record: Record, home: Path) -> dict[str, str]:
    """Where report, bundle and MLflow's pages of a run are, and the command that opens them."""
    run_id = record.provenance.run_id
    found = {"report": str(run_folder(home, record.project, run_id) / "report.html")}
    if record.choice.champion:
        found["bundle"] = str(bundle_folder(home, record.project, run_id))
    stack = running_stack(home)
    page = f"experiments/{record.provenance.mlflow_experiment_id}/runs?workflowType=machine_learning"
    if record.provenance.mlflow_run_id and stack:
        found["MLflow"] = f"{stack.mlflow}/#/{page}"
    elif record.provenance.mlflow_run_id and (home / "mlflow.db").exists():
        mlflow = Path(sys.executable).with_name("mlflow")
        words = [_near(mlflow), "server", "--workers", "1", "--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}"]
        command = f"MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false {shlex.join(words)}"
        found["MLflow"] = f"{command}\n        then open http://127.0.0.1:5000/#/{page}"
    return found


def _near(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def show_recipes(name: str | None) -> None:
    """Print the grammar and the default set, or the meaning of one recipe. Raises: RecipeError: no such recipe."""
    console = Console()
    if name:
        console.print(f"{Recipe.parse(name)}: {Recipe.parse(name).meaning}", highlight=False, markup=False)
        return
    console.print("A recipe is some steps, in this order and each at most once, then a number format: [bold]prune70-cluster16-qat-int8[/bold]\n")
    steps = {
        "prune<percent>": "the smallest weights of each layer become zero (prune1 to prune99)",
        "prune<percent>x<n>": "the same, in dense layers in blocks of n weights along the inputs (prune70x4)",
        "prune<m>of<n>": "m of every n weights along the input channels become zero (prune2of4)",
        "cluster<n>": "each layer's weights share n values (cluster2 to cluster256)",
        "qat": "quantization-aware training; before int8 and uint8 only",
    }
    console.print(_two_columns("step", steps))
    console.print(_two_columns("format", {str(fmt): meaning for fmt, meaning in FORMAT_MEANINGS.items()}))
    console.print(_two_columns("set 'all'", {str(recipe): recipe.meaning for recipe in ALL}))
    console.print(f"Named sets: {', '.join(NAMED_SETS)}. Steps share their beginnings: prune70 is trained once for all recipes that start with it.")


def _two_columns(heading: str, rows: dict[str, str]) -> Table:
    table = Table(heading, "what it does", box=None, pad_edge=False, header_style="bold")
    table.columns[0].no_wrap = True
    for name, meaning in rows.items():
        table.add_row(Text(name), Text(meaning))
    table.add_row("", "")
    return table


def show_targets(name: str | None) -> None:
    """Print all targets, or one with its sources. Raises: TargetError: no such target."""
    console = Console()
    if name:
        _show_target(find_target(name), console)
        return
    table = Table("target", "what it is", "core", "clock", "flash", "RAM", box=None, pad_edge=False, header_style="bold")
    for column in table.columns[3:]:
        column.justify = "right"
    for target in load_targets().values():
        mhz = f"{target.clock_hz / 1e6:.0f} MHz"
        table.add_row(target.name, target.title, target.core, mhz, show_bytes(target.flash_bytes), show_bytes(target.ram_bytes))
    console.print(table)
    console.print("\n`emberflow targets NAME` gives each value's datasheet and page. Your own device: `target: my-board.toml` in the project file.")


def _show_target(target: Target, console: Console) -> None:
    console.print(f"[bold]{target.name}[/bold]  {target.title}\n", highlight=False)
    table = Table("value", "", "source", box=None, pad_edge=False, header_style="bold")
    for key in ("core", "fpu", "dsp", "clock_hz", "flash_bytes", "ram_bytes"):
        table.add_row(key, f"{getattr(target, key):,}" if key.endswith(("hz", "bytes")) else str(getattr(target, key)), target.sources.get(key, ""))
    for region in target.regions:
        table.add_row(
            f"region {region.name}", f"{region.origin:#010x}, {show_bytes(region.size_bytes)}", target.sources.get(f"regions.{region.name}", "")
        )
    table.add_row("formats", ", ".join(target.formats), "")
    console.print(table)
