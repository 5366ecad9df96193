"""The bundle: the directory that leaves the house, and the manifest that vouches for it. Knows files; refuses to know how they were measured."""

import json
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from emberflow.artifact import Artifact, Kind, Sha256, digest, digest_file
from emberflow.errors import BundleError
from emberflow.firmware.application import Application
from emberflow.firmware.literals import identifier
from emberflow.firmware.sources import render_linux, render_sources, render_tflm
from emberflow.firmware.vectors import TestVectors
from emberflow.model_card import render_model_card
from emberflow.record import Provenance, Record
from emberflow.target import TargetKind
from emberflow.values import Value
from emberflow.variant import Variant

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
_RENDERERS = {TargetKind.MICROCONTROLLER: render_tflm, TargetKind.LINUX: render_linux}


class FileFacts(Value):
    """A file of the bundle by its content."""

    sha256: Sha256
    size_bytes: int


class Manifest(Value):
    """What a bundle is, where it comes from, and every file in it but the manifest itself."""

    schema_version: int
    project: str
    recipe: str
    target: str
    metric: str
    metrics: dict[str, float]
    model_file: str
    model: Artifact
    provenance: Provenance
    files: dict[str, FileFacts]


def write_bundle(directory: Path, record: Record, champion_model: bytes, vectors: TestVectors, report_html: Path | None = None) -> Manifest:
    """Write the champion's bundle as `directory`; an older bundle there is replaced.

    Everything is written beside `directory` and renamed into place, so that nobody sees half a bundle.

    Args:
        directory: does not exist, is empty, or is a bundle.
        record: the run; its choice names the champion.
        champion_model: bytes of the champion's .tflite.
        vectors: test samples with the answers of the champion in the reference runtime; the sources take at most 16 of them.
        report_html: copied into the bundle where it is given.
    Raises: BundleError: no variant was chosen, the bytes are not the champion's, the firmware can't be generated, or the directory can't
        be written or holds something else.
    """
    directory = directory.resolve()
    _refuse_other_contents(directory)
    variant = _champion(record, champion_model)
    files = _contents(record, variant, champion_model, vectors)
    if report_html is not None:
        files["report.html"] = _read(report_html)
    manifest = _describe(record, variant, files)
    _replace(directory, files | {MANIFEST: _as_json(manifest)})
    return manifest


def read_manifest(directory: Path) -> Manifest:
    """The manifest of the bundle in `directory`. Raises BundleError: there is none, or it is of another schema or not one at all."""
    path = directory / MANIFEST
    try:
        fields = json.loads(_read(path))
    except ValueError as error:
        raise BundleError(f"received {path}, which is not JSON ({error}); expected a bundle's manifest: write the bundle again") from error
    version = fields.get("schema_version") if isinstance(fields, dict) else None
    if version != SCHEMA_VERSION:
        raise BundleError(f"received {path} of schema version {version}; expected {SCHEMA_VERSION}: read it with the Emberflow that wrote it")
    try:
        return Manifest.model_validate(fields)
    except ValidationError as error:
        raise BundleError(f"received {path}, which is not a bundle's manifest: {error}; write the bundle again") from error


def verify_files(directory: Path) -> Manifest:
    """The manifest, once every file has proved to be the one it names. Raises BundleError: names each changed, missing or extra file."""
    manifest = read_manifest(directory)
    found = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*") if not path.is_dir()}
    found.pop(MANIFEST, None)
    faults = {
        "changed": [name for name in sorted(found.keys() & manifest.files.keys()) if digest_file(found[name]) != manifest.files[name].sha256],
        "missing": sorted(manifest.files.keys() - found.keys()),
        "extra": sorted(found.keys() - manifest.files.keys()),
    }
    if any(faults.values()):
        told = "; ".join(f"{fault}: {', '.join(names)}" for fault, names in faults.items() if names)
        raise BundleError(f"received {directory}, which is not what its manifest says ({told}); expected every file as it was written")
    return manifest


def _champion(record: Record, model: bytes) -> Variant:
    if record.choice.champion is None:
        raise BundleError(f"received a run without a champion ({record.choice.explanation}); expected a chosen variant: widen the budget")
    variant = record.variant(record.choice.champion)
    if digest(model) != variant.model.sha256:
        raise BundleError(
            f"received a model with SHA-256 {digest(model)} as {variant.recipe}; expected {variant.model.sha256}: give the bytes that were measured"
        )
    return variant


def describe_application(record: Record, variant: Variant, model: bytes, vectors: TestVectors) -> Application:
    """What the firmware of `variant` is generated from. Raises BundleError: the parts don't belong together."""
    return Application(
        name=identifier(record.project),
        model=model,
        labels=record.splits.labels,
        standardization=record.splits.standardization,
        vectors=vectors,
        operators=variant.evaluation.size.operators,
        arena_bytes=variant.evaluation.micro.arena_bytes if variant.evaluation.micro.runs else None,
    )


def _contents(record: Record, variant: Variant, model: bytes, vectors: TestVectors) -> dict[str, bytes]:
    app = describe_application(record, variant, model, vectors)
    return {
        f"{app.name}.tflite": model,
        "model_card.md": render_model_card(record, variant).encode(),
        **render_sources(app),
        **_RENDERERS[record.target.kind](app),
    }


def _describe(record: Record, variant: Variant, files: Mapping[str, bytes]) -> Manifest:
    return Manifest(
        schema_version=SCHEMA_VERSION,
        project=record.project,
        recipe=variant.recipe,
        target=record.target.name,
        metric=record.metric,
        metrics=_metrics(variant),
        model_file=f"{identifier(record.project)}.tflite",
        model=Artifact(sha256=variant.model.sha256, size_bytes=variant.model.size_bytes, kind=Kind.TFLITE),
        provenance=record.provenance,
        files={name: FileFacts(sha256=digest(files[name]), size_bytes=len(files[name])) for name in sorted(files)},
    )


def _metrics(variant: Variant) -> dict[str, float]:
    size, footprint = variant.evaluation.size, variant.verdict.footprint
    return {
        **variant.evaluation.quality.scores,
        "accuracy_drop": variant.evaluation.drop.estimate,
        "file_bytes": size.file_bytes,
        "compressed_bytes": size.compressed_bytes,
        "flash_bytes": footprint.flash_bytes,
        "ram_bytes": footprint.ram_bytes,
        "macs": size.macs,
        "host_latency_us": variant.latency.median_us,
    }


def _as_json(manifest: Manifest) -> bytes:
    return (json.dumps(manifest.model_dump(mode="json"), indent=2, sort_keys=True) + "\n").encode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"received {path}, which can't be read ({error.strerror}); expected a file of a bundle") from error


def _refuse_other_contents(directory: Path) -> None:
    if not directory.exists() or (directory / MANIFEST).is_file():
        return
    if not directory.is_dir() or any(directory.iterdir()):
        raise BundleError(f"received {directory}, which exists and is no bundle; expected a new or empty directory, because it would be replaced")


def _replace(directory: Path, files: Mapping[str, bytes]) -> None:
    token = secrets.token_hex(4)
    fresh, old = (directory.with_name(f".{directory.name}.{token}.{end}") for end in ("new", "old"))
    try:
        _write(fresh, files)
        _swap(directory, fresh, old)
    except OSError as error:
        raise BundleError(
            f"received {directory}, which can't be written ({error.strerror}); expected a place with room and leave to write"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def _write(directory: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _swap(directory: Path, fresh: Path, old: Path) -> None:
    if directory.exists():
        directory.rename(old)
    try:
        fresh.rename(directory)
    except OSError:
        if old.exists():
            old.rename(directory)
        raise
