"""The bundle: the directory that leaves the house, and the manifest that vouches for it. Knows files; refuses to know how they were measured."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, ValidationError

from emberflow import sealed
from emberflow.artifact import Artifact, Kind, digest
from emberflow.errors import BundleError
from emberflow.firmware.application import Application
from emberflow.firmware.decision import Decision
from emberflow.firmware.folder import FOLDER, Build, Product, render_firmware
from emberflow.firmware.literals import identifier
from emberflow.firmware.shipped import Shipped, shipped
from emberflow.firmware.sources import render_linux, render_sources, render_tflm
from emberflow.firmware.vectors import TestVectors
from emberflow.model_card import render_model_card
from emberflow.on_chip import SelfTest
from emberflow.record import Provenance, Record
from emberflow.sbom import FILE as SBOM
from emberflow.sbom import render_sbom
from emberflow.sealed import MANIFEST, FileFacts
from emberflow.target import Target, TargetKind
from emberflow.task import TaskKind
from emberflow.values import Value
from emberflow.variant import Variant

SCHEMA_VERSION = 1
PROJECT = "emberflow.yaml"
"""The project as it was run: `emberflow reproduce` starts from it."""
_RENDERERS = {TargetKind.MICROCONTROLLER: render_tflm, TargetKind.LINUX: render_linux}


class Manifest(Value):
    """What a bundle is, where it comes from, and every file in it but the manifest itself."""

    schema_version: int
    project: str
    recipe: str
    target: str
    device: Target | None = Field(default=None, description="the target as it was then; None in bundles of before")
    metric: str
    metrics: dict[str, float]
    task: TaskKind = TaskKind.CLASSIFICATION
    thresholds: tuple[float, ...] = Field(default=(), description="above which the model decides for a label, or for an anomaly")
    model_file: str
    model: Artifact
    self_test: SelfTest | None = Field(default=None, description="of the product in firmware/, on the emulated core; None when it was not run")
    provenance: Provenance
    files: dict[str, FileFacts]


def write_bundle(
    directory: Path,
    record: Record,
    champion_model: bytes,
    vectors: TestVectors,
    report_html: Path | None = None,
    build: Build | None = None,
) -> Manifest:
    """Write the champion's bundle as `directory`; an older bundle there is replaced.

    Everything is written beside `directory` and renamed into place, so that nobody sees half a bundle.

    Args:
        directory: does not exist, is empty, or is a bundle.
        record: the run; its choice names the champion.
        champion_model: bytes of the champion's .tflite.
        vectors: test samples with the answers of the champion in the reference runtime; the sources take at most 16 of them.
        report_html: copied into the bundle where it is given.
        build: the champion compiled to C under the project's name, made an identifier; the bundle then has the folder `firmware/`.
    Raises: BundleError: no variant was chosen, the bytes are not the champion's, the firmware can't be generated, or the directory can't
        be written or holds something else.
    """
    directory = directory.resolve()
    _refuse_other_contents(directory)
    variant = _champion(record, champion_model)
    files = _contents(record, variant, champion_model, vectors, build)
    if report_html is not None:
        files["report.html"] = sealed.read(report_html, "bundle")
    if record.project_file:
        files[PROJECT] = record.project_file.encode()
    files[SBOM] = render_sbom(record, variant, files)
    manifest = _describe(record, variant, files)
    sealed.replace(directory, files | {MANIFEST: sealed.as_json(manifest)})
    return manifest


def read_manifest(directory: Path) -> Manifest:
    """The manifest of the bundle in `directory`. Raises BundleError: there is none, or it is of another schema or not one at all."""
    path, fields = directory / MANIFEST, sealed.read_json(directory, "bundle")
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
    if told := str(sealed.find_faults(directory, manifest.files)):
        raise BundleError(f"received {directory}, which is not what its manifest says ({told}); expected every file as it was written")
    return manifest


def shipped_program(directory: Path, manifest: Manifest) -> Shipped | None:
    """The product in a bundle that was verified; None where no C was compiled. Raises: BundleError: it has no self-test."""
    files = {name: sealed.read(directory / name, "bundle") for name in manifest.files if name.startswith(f"{FOLDER}/")}
    return shipped(Path(manifest.model_file).stem, files) if files else None


def add_to_bundle(directory: Path, files: Mapping[str, bytes]) -> Manifest:
    """Add `files` to a bundle, or replace them; its manifest vouches for them too. Nobody sees half of it.

    Raises: BundleError: no bundle, one that isn't what its manifest says, or it can't be written.
    """
    manifest = verify_files(directory)
    held = {name: sealed.read(directory / name, "bundle") for name in manifest.files} | dict(files)
    written = manifest.model_copy(update={"files": sealed.facts_of(held)})
    sealed.replace(directory.resolve(), held | {MANIFEST: sealed.as_json(written)})
    return written


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
        decision=Decision(record.task, variant.evaluation.quality.thresholds, record.splits.target, record.splits.target_unit),
    )


def _contents(record: Record, variant: Variant, model: bytes, vectors: TestVectors, build: Build | None) -> dict[str, bytes]:
    app = describe_application(record, variant, model, vectors)
    return {
        f"{app.name}.tflite": model,
        "model_card.md": render_model_card(record, variant).encode(),
        **render_sources(app),
        **_RENDERERS[record.target.kind](app),
        **({} if build is None else render_firmware(Product(app, record.target, build))),
    }


def _describe(record: Record, variant: Variant, files: Mapping[str, bytes]) -> Manifest:
    on_chip = variant.firmware.on_chip if variant.firmware else None
    return Manifest(
        schema_version=SCHEMA_VERSION,
        project=record.project,
        recipe=variant.recipe,
        target=record.target.name,
        device=record.target,
        metric=record.metric,
        metrics=_metrics(variant, record.metric),
        task=record.task,
        thresholds=variant.evaluation.quality.thresholds,
        model_file=f"{identifier(record.project)}.tflite",
        model=Artifact(sha256=variant.model.sha256, size_bytes=variant.model.size_bytes, kind=Kind.TFLITE),
        self_test=on_chip.self_test if on_chip else None,
        provenance=record.provenance,
        files=sealed.facts_of(files),
    )


def _metrics(variant: Variant, metric: str) -> dict[str, float]:
    size, footprint = variant.evaluation.size, variant.verdict.footprint
    return {
        **variant.evaluation.quality.scores,
        f"{metric}_drop": variant.evaluation.drop.estimate,
        "file_bytes": size.file_bytes,
        "compressed_bytes": size.compressed_bytes,
        "flash_bytes": footprint.flash_bytes,
        "ram_bytes": footprint.ram_bytes,
        "macs": size.macs,
        "host_latency_us": variant.latency.median_us,
        **_chip_metrics(variant),
    }


def _chip_metrics(variant: Variant) -> dict[str, float]:
    """Those of the emulated core, where it was run."""
    footprint, on_chip = variant.verdict.footprint, variant.firmware.on_chip if variant.firmware else None
    test = on_chip.self_test if on_chip else None
    found = {
        "stack_bytes": footprint.stack_bytes,
        "instructions": footprint.instructions,
        "latency_estimate_us": footprint.latency_us,
        "self_test_failures": test.failures if test else None,
        "self_test_samples": test.samples if test else None,
        "parity_differing_bytes": on_chip.emulated.parity.differing_bytes if on_chip and on_chip.emulated else None,
    }
    return {name: figure for name, figure in found.items() if figure is not None}


def _refuse_other_contents(directory: Path) -> None:
    if not directory.exists() or (directory / MANIFEST).is_file():
        return
    if not directory.is_dir() or any(directory.iterdir()):
        raise BundleError(f"received {directory}, which exists and is no bundle; expected a new or empty directory, because it would be replaced")
