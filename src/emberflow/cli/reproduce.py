"""`emberflow reproduce`: builds a bundle again from what it says of itself, in a fresh home, and compares. Starts the flow and prints."""

import atexit
import shutil
import sys
from pathlib import Path
from tempfile import mkdtemp

from rich.console import Console

from emberflow.adapters.toolchain import Toolchain, default_cache
from emberflow.bundle import Manifest
from emberflow.cli.environment import prepare_environment
from emberflow.cli.progress import Progress
from emberflow.cli.server import start_server
from emberflow.errors import BundleError, ToolchainError
from emberflow.firmware.folder import FOLDER, flat_sources
from emberflow.project import Project, expand_recipes, read_project
from emberflow.record import Record
from emberflow.reproduction import Finding, Given, compare, obstacles, read_given
from emberflow.runs import bundle_folder
from emberflow.target import Target


def reproduce_bundle(folder: Path, project: Path, anyway: bool) -> int:
    """Print what differs before, then what differs afterwards. Returns: 0 when the bundle could be built again to the same bytes, else 1.

    Args: project: the file that the bundle was made from, whose folder has the Python and the data that no bundle holds.
    Raises: BundleError: no bundle with a project, or something it was made of is another now and it isn't to go on `anyway`.
    """
    console, given = Console(), read_given(folder)
    found = list(obstacles(given, as_run(read_project(project), given.project)))
    if found and not anyway:
        raise BundleError("\n  ".join(["can't expect the same bytes; give --anyway to build it all the same:", *found]))
    for obstacle in found:
        _say(console, Finding(obstacle, obstacle))
    home = Path(mkdtemp(prefix="emberflow-reproduce-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)  # last, after Prefect's server, which has its data base there, has ended
    record = _run(given, project, home, anyway, console)
    again = bundle_folder(home, record.project, record.provenance.run_id)
    findings = [*compare(folder, again), *compare_images(given.manifest, folder, again, record.target)]
    for finding in findings:
        _say(console, finding)
    differing = sum(bool(finding.differs) for finding in findings)
    if differing:
        sys.stderr.write(f"\nemberflow: {differing} of {len(findings)} parts of '{folder}' came out otherwise; see above\n")
    return 1 if differing else 0


def as_run(file: Project, then: Project) -> Project:
    """The project file as it is now, with the recipes, target and budget of the run: those may have been given on the command line."""
    return file.model_copy(update={"recipes": then.recipes, "target": then.target, "budget": then.budget})


def _run(given: Given, project: Path, home: Path, anyway: bool, console: Console) -> Record:
    prepare_environment(home)
    with Progress(console) as progress:
        progress.say("starting Prefect (about 10 seconds)")
        server = start_server()
        from flows.reproduce import reproduce  # noqa: PLC0415  # Prefect reads the environment when it is imported
        from flows.settings import Limits, RunConfig  # noqa: PLC0415  # as above

        limits = given.project.budget.model_dump(include=set(Limits.model_fields), exclude_none=True)
        recipes = tuple(map(str, expand_recipes(given.project.recipes)))
        config = RunConfig(project=str(project), recipes=recipes, target=given.project.target, budget=Limits(**limits), home=str(home))
        progress.listen()
        if server:
            server.wait_until_ready()
        return reproduce(config, given.manifest.provenance.data_digest, anyway)


def compare_images(manifest: Manifest, before: Path, after: Path, target: Target) -> list[Finding]:
    """The programs that both bundles' sources make, as they are loaded into flash; none where there is no firmware or no compiler."""
    if not any(path.startswith(f"{FOLDER}/") for path in manifest.files):
        return []
    toolchain = Toolchain(default_cache())
    try:
        one, other = (_image(toolchain, folder, target) for folder in (before, after))
    except ToolchainError as error:
        return [Finding("", f"firmware image: not built: {str(error).splitlines()[0]}")]
    same = f"firmware image: {one[:12]} in flash, built of both bundles' sources"
    return [Finding(same, "" if one == other else f"firmware image: {one[:12]} of the given bundle's sources, {other[:12]} of the new one's")]


def _image(toolchain: Toolchain, folder: Path, target: Target) -> str:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in (folder / FOLDER).rglob("*") if path.suffix in (".c", ".h")}
    return toolchain.build(flat_sources(files), target, (folder / FOLDER / "chip" / "link.ld").read_bytes()).loaded_sha256


def _say(console: Console, finding: Finding) -> None:
    console.print(f"{'!!' if finding.differs else 'ok'}  {finding.differs or finding.what}", highlight=False, markup=False, soft_wrap=True)
