"""The commands and their help. Parses arguments and calls; what is slow to import is imported by the command that needs it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from emberflow.trust import Trust

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
StoreAddress = Annotated[
    str | None,
    typer.Option(
        "--store", envvar="EMBERFLOW_STORE", help="where a team keeps blobs and results, such as s3://bucket/prefix; default: the home folder"
    ),
]
Log = Annotated[
    Literal["text", "json"] | None,
    typer.Option(
        envvar="EMBERFLOW_LOG", help="write every event to stderr as a line, in place of the progress, with project, run, stage and variant"
    ),
]
TrustModelCode = Annotated[
    bool,
    typer.Option("--trust-model-code", help="let the model run whatever code its file holds, with your rights; only if you trust whoever made it"),
]
CustomObjects = Annotated[
    str | None,
    typer.Option(
        help="with --trust-model-code: module:function that gives your own classes and functions by the names that a Keras file has for them"
    ),
]


def _trust(runs_code: bool, custom_objects: str | None, folder: Path) -> "Trust":
    from emberflow.trust import Trust

    return Trust.of(runs_code, custom_objects, folder)


@app.command()
def run(  # noqa: PLR0913 - each is an option of the command
    project: Annotated[Path, typer.Argument(help="the project file, such as examples/watch/emberflow.yaml")],
    recipes: Annotated[str | None, typer.Option(help="recipes separated by commas, or a set (all, formats), instead of the project's")] = None,
    target: Annotated[str | None, typer.Option(help="a device that `emberflow targets` lists, instead of the project's")] = None,
    mlflow: Annotated[str | None, typer.Option(help="address of an MLflow server; default: a SQLite store in the home folder")] = None,
    home: Home = HOME,
    force: Annotated[bool, typer.Option("--force", help="carry out every stage although nothing changed")] = False,
    store: StoreAddress = None,
    log: Log = None,
) -> None:
    """Train, compress, measure and choose: the whole chain, from the data to the bundle.

    Every recipe of the project becomes a *variant*: compressed, converted, and measured on the test part. The smallest that
    fits the target and the budget is the *champion*; its bundle holds the model, C sources and a report. All variants are in
    MLflow. What was done before and has not changed is taken from the store: a second run takes seconds, but with --force, which
    does all of it again. A model that comes out the same is no new version either way.

    Ends with 0; with 1 when no variant fits or a stage failed; with 2 when the project file is wrong.
    """
    from emberflow.cli.run import Order, run_project

    run_project(Order(project, recipes, target, mlflow, home, store, force, log))


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


@app.command(name="compile")
def compile_(  # noqa: PLR0913 - each is an option of the command
    model: Annotated[Path, typer.Argument(help="a .tflite of int8 operators", show_default=False)],
    target: Annotated[str, typer.Option(help="a microcontroller that `emberflow targets` lists, or a .toml of your own", show_default=False)],
    out: Annotated[Path, typer.Option(help="the folder to write: new, empty, or written by this command before", show_default=False)],
    name: Annotated[str | None, typer.Option(help="begins every name in the C sources; default: the file's")] = None,
    samples: Annotated[
        Path | None, typer.Option(help="real inputs to prove it with, a .npy, or a .npz of several inputs; default: 100 random ones")
    ] = None,
    parity: Annotated[Literal["tflm", "litert_reference"], typer.Option(help="whose bytes the C gives")] = "tflm",
    weights: Annotated[
        Literal["smallest", "plain"], typer.Option(help="whether weights are packed in flash where that saves some; it costs instructions")
    ] = "smallest",
    toolchain: Annotated[Literal["zig", "gnu"], typer.Option(help="the C compiler: zig, or arm-none-eabi-gcc")] = "zig",
) -> None:
    """Compile a .tflite to plain C, and prove on the emulated core that it computes the same.

    Writes a folder with the C sources, a CMake project for the target, an Arduino library, a Zephyr module, an application for
    TensorFlow Lite for Microcontrollers, test vectors, and what was measured: flash, RAM, stack and instructions of each layer.

    Ends with 0; with 1 when the model can't be compiled, doesn't fit the target, or isn't proven equal (the sources are written all the
    same when the C compiler or the emulated core is missing); with 2 when an argument is wrong.
    """
    from emberflow.cli.compile import Order, compile_file, making_of

    raise typer.Exit(compile_file(Order(model, target, out, name, samples, making_of(parity, weights, toolchain))))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="the folder to write to, new or there already", show_default=False)],
    model: Annotated[Path | None, typer.Option(help="a .keras, .h5 or .tflite file, or a SavedModel; default: one that is still to be built")] = None,
    name: Annotated[str | None, typer.Option(help="the project's name; default: the folder's")] = None,
    signature: Annotated[
        str | None, typer.Option(help="of a SavedModel, the function that is meant; default: serving_default, or the only one")
    ] = None,
    trust_model_code: TrustModelCode = False,
    custom_objects: CustomObjects = None,
) -> None:
    """Write a first project file for a model: its likely task, the recipes that are possible, a target that could hold it.

    Writes emberflow.yaml with the reasons as comments, and data.py (without a model, model.py too) with a function to fill in. What is there
    already is never overwritten.

    Ends with 0; with 1 when the model can't be read or converted; with 2 when an argument is wrong or a file is there already.
    """
    from emberflow.cli.init import Order, init_project

    raise typer.Exit(init_project(Order(folder, model, name, signature, _trust(trust_model_code, custom_objects, folder))))


@app.command()
def inspect(  # noqa: PLR0913 - each is an option of the command
    model: Annotated[Path, typer.Argument(help="a .tflite, .keras or .h5 file, or a SavedModel", show_default=False)],
    data: Annotated[
        Path | None,
        typer.Option(
            help="real samples, standardized as for training, of which at most 200 are run: a .npy, or for several inputs a .npz of their names"
        ),
    ] = None,
    against: Annotated[Path | None, typer.Option(help="the float32 .tflite that a quantized one was made of")] = None,
    target: Annotated[str | None, typer.Option(help="a device that `emberflow targets` lists, or a .toml of your own")] = None,
    out: Annotated[Path | None, typer.Option(help="the page to write; default: under .emberflow/inspections")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print all findings as JSON, and no page unless --out names one")] = False,
    signature: Annotated[str | None, typer.Option(help="of a SavedModel, the function to inspect; default: serving_default, or the only one")] = None,
    trust_model_code: TrustModelCode = False,
    custom_objects: CustomObjects = None,
) -> None:
    """Take a model apart: what each layer costs in flash, RAM and multiplications, where it runs, and what quantization does to it.

    A Keras model or SavedModel is converted to float32 and, with data, to int8, and the two are compared tensor by tensor. A quantized .tflite is compared
    with the one that --against names; without it there are ranges alone. What is out of the ordinary becomes advice, with its number.

    Ends with 0; with 1 when the model can't be converted; with 2 when an argument is wrong.
    """
    from emberflow.cli.inspect import Order, inspect_file

    raise typer.Exit(inspect_file(Order(model, data, against, target, out, as_json, signature, _trust(trust_model_code, custom_objects, Path()))))


@app.command()
def convert(  # noqa: PLR0913 - each is an option of the command
    model: Annotated[Path, typer.Argument(help="a .keras or .h5 file, or the directory of a SavedModel", show_default=False)],
    number_format: Annotated[
        Literal["float32", "float16", "dynamic", "int8", "uint8", "int16x8"], typer.Option("--format", help="the numbers that it computes with")
    ],
    out: Annotated[Path, typer.Option(help="the .tflite to write", show_default=False)],
    signature: Annotated[str | None, typer.Option(help="of a SavedModel; default: serving_default, or the only one")] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="samples as the model takes them, which int8, uint8 and int16x8 need: a .npy, or for several inputs a .npz of their names"),
    ] = None,
    per_tensor: Annotated[bool, typer.Option("--per-tensor", help="one step for all weights of a layer, not one a channel")] = False,
    trust_model_code: TrustModelCode = False,
    custom_objects: CustomObjects = None,
) -> None:
    """Convert a model to a .tflite that keeps its signature's name, inputs and outputs; no project is needed.

    What can be told without running the model is told first. The result has a batch of 1, and is called by name and by tensor index.

    Ends with 0; with 1 when the model can't be converted or isn't safe to load; with 2 when an argument is wrong.
    """
    from emberflow.cli.convert import Order, convert_file
    from emberflow.recipe import Format

    trust = _trust(trust_model_code, custom_objects, Path())
    order = Order(model, Format(number_format), out, signature, data, per_channel=not per_tensor, trust=trust)
    raise typer.Exit(convert_file(order))


@app.command()
def rollback(
    project: Annotated[Path, typer.Argument(help="the project file, such as examples/watch/emberflow.yaml")],
    mlflow: Annotated[str | None, typer.Option(help="address of an MLflow server; default: a SQLite store in the home folder")] = None,
    home: Home = HOME,
) -> None:
    """Make the version that served before the champion again.

    Its bundle is verified first, then it takes the name `champion` in MLflow's registry and is published again. A second time undoes it.

    Ends with 0; with 1 when there is no version before, or its bundle is gone or altered: then nothing has changed.
    """
    from emberflow.cli.rollback import roll_back_project

    roll_back_project(project, mlflow, home)


@app.command()
def key(path: Annotated[Path, typer.Argument(help="the file of the private key to write; the public one is written beside it, as .pub")]) -> None:
    """Make the pair of keys that signs what is published: the private one stays here, the public one goes to whoever installs bundles."""
    from emberflow.signing import make_keys

    typer.echo(f"private  {path}  (keep it; name it as signing_key: in the project, or in EMBERFLOW_SIGNING_KEY)\npublic   {make_keys(path)}")


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="a folder that `emberflow compile` wrote, or a bundle", show_default=False)],
    key: Annotated[Path | None, typer.Option(help="the public key of whoever published the bundle")] = None,
) -> None:
    """Repeat the proof of a compiled model: digests, sources, the reference's outputs, a new build on the emulated core, all figures.

    Of a bundle: that every file is the one that its manifest names and, with --key, that the manifest was signed by the key's owner.

    Ends with 0 when everything is as it was written; with 1 when something differs; with 2 when the folder is none of `emberflow compile`.
    """
    from emberflow.cli.verify import verify_folder

    raise typer.Exit(verify_folder(folder, key))


@app.command()
def reproduce(
    bundle: Annotated[Path, typer.Argument(help="a bundle's folder", show_default=False)],
    project: Annotated[
        Path, typer.Option(help="the project file that it was made from: its folder has the Python and the data that no bundle holds")
    ] = Path("emberflow.yaml"),
    anyway: Annotated[bool, typer.Option("--anyway", help="build it even where the same bytes can't be expected")] = False,
) -> None:
    """Build a bundle again from what it says of itself, in a fresh home folder, and compare every byte.

    The project, the data, Emberflow's own code, the packages' versions and the kind of processor must be those of the bundle: what isn't is
    named first. Then the model, the C sources, the vectors, the firmware as it is loaded into flash, and the manifest are compared.

    Ends with 0 when all are equal; with 1 when something differs, or can't be expected to be equal; with 2 when the project file is wrong.
    """
    from emberflow.cli.reproduce import reproduce_bundle

    raise typer.Exit(reproduce_bundle(bundle, project, anyway))


@app.command()
def up(  # noqa: PLR0913 - each is an option of the command
    home: Home = HOME,
    project: Annotated[Path | None, typer.Option(help="the project that the forms name at first; default: the smart-watch example")] = None,
    cron: Annotated[str | None, typer.Option(help="when --project is retrained, such as '0 2 * * *'; default: as it was set before")] = None,
    time_zone: Annotated[str, typer.Option(help="where --cron is read, such as Europe/Berlin")] = "UTC",
    host: Annotated[str, typer.Option(help="the address to listen at; any but this machine's own asks everybody for a password")] = "127.0.0.1",
    prefect_port: Annotated[int, typer.Option(help="where Prefect's UI and API are", min=1, max=65535)] = 4200,
    mlflow_port: Annotated[int, typer.Option(help="where MLflow is", min=1, max=65535)] = 5000,
    secure: Annotated[bool, typer.Option("--secure", help="ask for a password on this machine too")] = False,
    alerts: Annotated[
        str | None,
        typer.Option(
            envvar="EMBERFLOW_ALERTS",
            help="who hears of failed runs, refused versions and drift: a block of Prefect's such as slack-webhook/my-team, an https:// address"
            " (better in the variable, for it is a secret), or off; default: as it was set before",
        ),
    ] = None,
    log: Log = None,
) -> None:
    """Start Prefect, MLflow and a worker for this folder's runs, and say where their pages are.

    They go on when this command has ended, until `emberflow down`; what they say is in the home folder, under logs/. While they
    run, `emberflow run` shows in the same pages. Started a second time it says what runs already.
    """
    from emberflow.cli.lines import log_as
    from emberflow.cli.up import Listen, bring_up, work_of

    log_as(log)
    bring_up(home, Listen(host, prefect_port, mlflow_port, secure), work_of(project, cron, time_zone, alerts))


@app.command()
def down(home: Home = HOME) -> None:
    """End what `emberflow up` started, runs included. All data stay."""
    from emberflow.cli.up import take_down

    take_down(home)


@app.command()
def gc(
    keep: Annotated[int, typer.Option(help="so many runs of each project are kept, counted from the last", min=1)] = 5,
    older_than: Annotated[float, typer.Option(help="days; runs younger than that are kept too", min=0)] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be freed")] = False,
    mlflow: Annotated[
        str | None, typer.Option(help="address of the MLflow server that knows what serves; default: the one in the home folder")
    ] = None,
    home: Home = HOME,
) -> None:
    """Make room: remove from the store what no kept run uses.

    Kept is what the last runs of each project used, what a run that goes on uses, and what the versions with a name in MLflow's registry were made
    of. Reports, bundles and MLflow's own files are never touched. It may be called while flows run. What was removed is made anew when it is
    needed again.
    """
    from emberflow.adapters.sweep import Keep
    from emberflow.cli.collect import collect

    collect(home, Keep(newest=keep, younger_than_days=older_than), mlflow, dry_run=dry_run)


@app.command()
def doctor(
    home: Home = HOME,
    project: Annotated[
        Path | None, typer.Option(help="the project file whose signing key is looked at too; default: EMBERFLOW_SIGNING_KEY's")
    ] = None,
) -> None:
    """Check what is wrong, and say what mends it: a line a finding, a command where there is one.

    Looked at are versions of packages, disks, who may write and read what, data bases that want migration, what killed runs left, the servers of
    `emberflow up` and the ports that they would take. Nothing is changed.

    Ends with 0; with 1 when something would stop a run (marked !!); what only could be better is marked --.
    """
    from emberflow.cli.doctor import examine

    raise typer.Exit(examine(home, project))
