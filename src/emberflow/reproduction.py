"""Two builds of one bundle: what must be the same before, and which file differs first, and where, afterwards. Reads folders; builds nothing.

Not compared are the pages that tell of the run itself, of its time, its ids and this machine's latency (`PAGES`), and what says the same in
manifest and bill of materials.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emberflow import fingerprint, sealed, surroundings
from emberflow.bundle import PROJECT, Manifest, verify_files
from emberflow.errors import BundleError, ProjectError
from emberflow.project import Project, parse_project
from emberflow.sbom import FILE as SBOM

PAGES = ("model_card.md", "report.html", "gate.md")
_OF_THE_RUN = ("run_id", "started", "mlflow_run_id", "mlflow_experiment_id", "prefect_page")
_GROUPS: dict[str, Callable[[str], bool]] = {
    "model": lambda path: path.endswith(".tflite"),
    "test vectors": lambda path: "test_vectors" in path,
    "C sources": lambda path: path.endswith((".c", ".h", ".cc", ".ld")),
    "other files": lambda path: path != SBOM,
}
"""What is compared, in this order; a file belongs to the first that takes it."""


@dataclass(frozen=True)
class Given:
    """A verified bundle, and the project that it was made from."""

    folder: Path
    manifest: Manifest
    project: Project


def read_given(folder: Path) -> Given:
    """The bundle in `folder`. Raises: BundleError: it isn't what its manifest says, or it says no project, or another than its manifest."""
    manifest = verify_files(folder)
    if PROJECT not in manifest.files:
        raise BundleError(
            f"received {folder}, a bundle without {PROJECT}; expected one of this version: an older one can't be built again from itself"
        )
    try:
        project = parse_project(sealed.read(folder / PROJECT, "bundle").decode(errors="replace"))
    except ProjectError as error:
        raise BundleError(
            f"received {folder / PROJECT}, which this Emberflow can't read: {error}; reproduce it with the one that wrote it"
        ) from error
    if project.digest != manifest.provenance.project_digest:
        raise BundleError(
            f"received {folder / PROJECT}, which isn't the project that its manifest names; reproduce it with the Emberflow that wrote it"
        )
    return Given(folder, manifest, project)


def obstacles(given: Given, project: Project) -> Iterator[str]:
    """Why the same bytes can't be expected: `project`, as it is now and with the run's own recipes, target and budget, code, versions, processor."""
    then = given.manifest.provenance
    before, now = given.project.model_dump(mode="json"), project.model_dump(mode="json")
    yield from (f"project: {key} is {_short(now[key])}, was {_short(before[key])}" for key in before if before[key] != now[key])
    if then.code_digest != fingerprint.of_house():
        yield "code: this Emberflow's source files are not those that made the bundle"
    here = surroundings.versions()
    for name in sorted(then.versions.keys() | here.keys()):
        if (was := then.versions.get(name, "not there")) != (is_now := here.get(name, "not there")):
            yield f"version: {name} is {is_now}, was {was}"
    if then.processor and then.processor != (processor := surroundings.processor()):
        yield f"processor: this one is {processor}, that one was {then.processor}"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


@dataclass(frozen=True)
class Finding:
    """One group of files: how many are equal, or which differs first, and where."""

    what: str
    differs: str = ""


def compare(before: Path, after: Path) -> tuple[Finding, ...]:
    """What two bundles have in common, group by group, the manifest last. Raises: BundleError: one isn't what its manifest says."""
    old, new = (verify_files(folder) for folder in (before, after))
    groups: dict[str, list[str]] = {name: [] for name in _GROUPS}
    for path in sorted((old.files.keys() | new.files.keys()) - {*PAGES, SBOM}):
        groups[next(name for name, takes in _GROUPS.items() if takes(path))].append(path)
    found = [_compare_group(name, paths, before, after) for name, paths in groups.items() if paths]
    return (*found, _compare_values("bill of materials", _bill(before), _bill(after)), _compare_values("manifest", _facts(old), _facts(new)))


def _compare_group(what: str, paths: list[str], before: Path, after: Path) -> Finding:
    differing = [told for path in paths if (told := _difference(path, before / path, after / path))]
    more = f"; {len(differing) - 1} more files differ" if len(differing) > 1 else ""
    return Finding(f"{what}: {len(paths)} file{'s' if len(paths) > 1 else ''} equal", f"{what}: {differing[0]}{more}" if differing else "")


def _difference(name: str, one: Path, other: Path) -> str:
    """Where two files differ first; empty when they don't."""
    if not (one.exists() and other.exists()):
        return f"{name} is in {'the given bundle' if one.exists() else 'the new one'} alone"
    return first_difference(name, one.read_bytes(), other.read_bytes())


def first_difference(name: str, one: bytes, other: bytes) -> str:
    """By line, or of what is no text by byte; empty when they are equal."""
    if one == other:
        return ""
    if b"\0" in one + other:
        at = next((index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
        return f"{name} differs from byte {at:,} on ({len(one):,} B and {len(other):,} B)"
    lines, others = one.decode(errors="replace").splitlines(), other.decode(errors="replace").splitlines()
    at = next((index for index, (a, b) in enumerate(zip(lines, others, strict=False)) if a != b), min(len(lines), len(others)))
    shown = [each[at].strip()[:60] if at < len(each) else "its end" for each in (lines, others)]
    return f"{name} differs in line {at + 1}: '{shown[0]}' is now '{shown[1]}'"


def _facts(manifest: Manifest) -> dict[str, Any]:
    """What a manifest says of the bundle, whenever and wherever it was made; its files were compared one by one."""
    told = manifest.model_dump(mode="json", exclude={"files": True, "provenance": set(_OF_THE_RUN)})
    told["metrics"].pop("host_latency_us", None)
    return told


def _bill(folder: Path) -> dict[str, Any]:
    if not (folder / SBOM).is_file():
        return {}
    told: dict[str, Any] = json.loads(sealed.read(folder / SBOM, "bundle"))
    told["metadata"].pop("timestamp", None)
    return told


def _compare_values(what: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Finding:
    difference = next(_paths(one, other, ""), "")
    return Finding(f"{what}: equal but for the run's time and ids", f"{what}: {difference}" if difference else "")


def _paths(one: Any, other: Any, at: str) -> Iterator[str]:
    """Where two JSON values differ, and what stands there."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted(one.keys() | other.keys()):
            yield from _paths(one.get(key), other.get(key), f"{at}.{key}" if at else key)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from _paths(a, b, f"{at}[{index}]")
    elif one != other:
        yield f"{at} is {_short(other)}, was {_short(one)}"
