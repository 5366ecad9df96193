"""The commands and their help. Parses arguments and calls; what is slow to import is imported by the command that needs it."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Take a trained Keras model and its data to the smallest firmware that fits the chip.",
    epilog="Start with: emberflow run examples/watch/emberflow.yaml",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Home = Annotated[Path, typer.Option(help="folder for the store, runs, bundles and the local MLflow")]
HOME = Path(".emberflow")


@app.command()
def run(
    project: Annotated[Path, typer.Argument(help="the project file, such as examples/watch/emberflow.yaml")],
    recipes: Annotated[str | None, typer.Option(help="recipes separated by commas, or a set (all, formats), instead of the project's")] = None,
    target: Annotated[str | None, typer.Option(help="a device that `emberflow targets` lists, instead of the project's")] = None,
    mlflow: Annotated[str | None, typer.Option(help="address of an MLflow server; default: a SQLite store in the home folder")] = None,
    home: Home = HOME,
) -> None:
    """Train, compress, measure and choose: the whole chain, from the data to the bundle.

    Every recipe of the project becomes a *variant*: compressed, converted, and measured on the test part. The smallest that
    fits the target and the budget is the *champion*; its bundle holds the model, C sources and a report. All variants are in
    MLflow. What was done before and has not changed is taken from the store: a second run takes seconds.

    Ends with 0; with 1 when no variant fits or a stage failed; with 2 when the project file is wrong.
    """
    from emberflow.cli.run import run_project

    run_project(project, recipes, target, mlflow, home)


@app.command()
def report(
    project: Annotated[str | None, typer.Argument(help="the project's name; default: the last run of any")] = None,
    home: Home = HOME,
) -> None:
    """Show the table of the last run again, and where its report and bundle lie."""
    from emberflow.cli.show import show_last

    show_last(project, home)


@app.command()
def recipes(name: Annotated[str | None, typer.Argument(help="a recipe to explain, such as prune70-qat-int8")] = None) -> None:
    """Explain how recipes are named, list the default set, or explain one."""
    from emberflow.cli.show import show_recipes

    show_recipes(name)


@app.command()
def targets(name: Annotated[str | None, typer.Argument(help="a target to show with the source of each value")] = None) -> None:
    """List the devices that a project may name, or show one with its datasheet's pages."""
    from emberflow.cli.show import show_targets

    show_targets(name)


@app.command()
def doctor(home: Home = HOME) -> None:
    """Check what is installed, what is missing, and how to get it."""
    from emberflow.cli.doctor import examine

    raise typer.Exit(examine(home))
