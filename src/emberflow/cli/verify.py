"""`emberflow verify`: repeats the proof of a folder that `compile` wrote, and the self-test of a bundle. Calls and prints.

It trusts nothing that the manifest says was measured.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from emberflow import sealed
from emberflow.adapters.proof import Claim
from emberflow.bundle import Manifest, shipped_program, verify_files
from emberflow.cli.chip import REFERENCES, reference_outputs, repeat_self_test, try_to_prove, try_to_test
from emberflow.compiler import compile_model
from emberflow.errors import BundleError, EmulatorError, ImageError, ProjectError, ToolchainError, ToolMissing
from emberflow.evaluate.borders import dequantize
from emberflow.evaluate.litert import read_all_borders
from emberflow.export import Export, check_files, compiled_sources, read_export, read_vectors, written_program
from emberflow.on_chip import OnChip
from emberflow.samples import Samples
from emberflow.sealed import MANIFEST, SIGNATURE
from emberflow.signing import check, read_public


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at again; `differs` says how it is not what it was, "" when it is."""

    what: str
    differs: str = ""


def verify_folder(directory: Path, key: Path | None = None) -> int:
    """Print what was looked at. Returns: 0 when all is as it was written; 1 when something differs.

    Args: key: of a bundle, the public key that its manifest must be signed by.
    Raises: ProjectError: neither a folder of `emberflow compile` nor a bundle, or the key can't be used. BundleError: a file was changed or is
        missing, or the signature isn't by the key.
    """
    console = Console()
    if is_bundle(directory):
        return verify_bundle(directory, key, console)
    if key:
        raise ProjectError(f"received --key for '{directory}', which is no bundle; expected one: only what is published is signed")
    try:
        export = read_export(directory)
    except BundleError as error:
        raise ProjectError(str(error)) from error
    check_files(directory, export)
    return _tell(directory, [Finding(f"{len(export.files)} files have the digests of the manifest"), *examine(directory, export)], console)


def _tell(directory: Path, findings: list[Finding], console: Console) -> int:
    for finding in findings:
        console.print(f"{'!!' if finding.differs else 'ok'}  {finding.differs or finding.what}", highlight=False, markup=False, soft_wrap=True)
    differing = sum(bool(finding.differs) for finding in findings)
    if differing:
        sys.stderr.write(f"\nemberflow: {differing} of {len(findings)} findings about '{directory}' differ; see above\n")
    return 1 if differing else 0


def verify_bundle(directory: Path, key: Path | None, console: Console) -> int:
    """Print what a bundle is, once every file and, with `key`, the signature is right, and what its firmware's self-test shows.

    Returns: 0, or 1 when that is not passed. Raises: as `verify_folder`.
    """
    manifest = verify_files(directory)
    lines = [f"{len(manifest.files)} files of {manifest.project}, {manifest.recipe} for {manifest.target}, have the digests of the manifest"]
    if key:
        public = read_public(key)
        signature = sealed.read(directory / SIGNATURE, "signed bundle").decode(errors="replace")
        check(public, (directory / MANIFEST).read_bytes(), signature, str(directory / MANIFEST))
        lines.append(f"the manifest is signed by the owner of {key}")
    else:
        lines.append("who made it was not looked at: give --key to check the signature")
    return _tell(directory, [*map(Finding, lines), *_repeat(directory, manifest)], console)


def _repeat(directory: Path, manifest: Manifest) -> Iterator[Finding]:
    """The self-test of the firmware; what is missing here for it is no fault of the bundle."""
    program = shipped_program(directory, manifest)
    if program is None or manifest.device is None:
        return
    try:
        found = repeat_self_test(program, manifest.device)
    except (ToolMissing, EmulatorError) as error:
        yield Finding(f"the self-test was not repeated: {error}")
    except (ToolchainError, ImageError) as error:
        yield Finding("the product is built anew", f"the product can't be built anew: {error}")
    else:
        told = f"of the product, built anew, {found}"
        yield Finding(told, "" if found.passed else told)


def is_bundle(directory: Path) -> bool:
    """Whether the manifest there, if there is one, is a bundle's."""
    try:
        return "recipe" in sealed.read_json(directory, "bundle")
    except (BundleError, TypeError):
        return False


def examine(directory: Path, export: Export) -> Iterator[Finding]:
    """Compile, ask the reference, build and run again."""
    model, sources = (directory / f"{export.name}.tflite").read_bytes(), compiled_sources(directory, export)
    yield _compare_sources(model, sources, export)
    inputs, others = read_all_borders(model)
    codes, outputs = read_vectors(directory, "input", len(inputs)), read_vectors(directory, "output", len(others))
    samples = Samples(codes, tuple(map(dequantize, codes, inputs)), export.samples, export.are_real)
    expected = reference_outputs(model, samples, export.making.parity)
    name = REFERENCES[export.making.parity]
    differing = sum(int(np.count_nonzero(ours != theirs)) for ours, theirs in zip(outputs, expected, strict=True))
    yield Finding(f"{name} gives the outputs that were written", f"{name} gives other outputs: {differing:,} differ" if differing else "")
    program = written_program(directory, export)
    on_chip, doubt = try_to_prove(Claim(model, export.name, sources, program.sources), codes, expected, export.target, export.making)
    yield Finding(f"built anew, and equal to {name} in every byte on {export.samples}", doubt and f"not proven: {doubt}")
    if on_chip is None:
        return
    on_chip, failure = try_to_test(on_chip, program, export.target, export.making)
    yield Finding(f"of the product, built anew, {on_chip.self_test}", failure and f"of the product, built anew, {failure}")
    if export.on_chip:
        yield _compare_figures(on_chip, export.on_chip)


def _compare_sources(model: bytes, sources: dict[str, bytes], export: Export) -> Finding:
    made = compile_model(model, export.name, export.making.parity, export.making.weights).files
    others = [name for name in sources if made.get(name) != sources[name]]
    told = f"this Emberflow compiles the model to other sources ({', '.join(others)}); they were written by {export.making.emberflow}"
    return Finding("the model compiles to the same sources", told if others else "")


def _compare_figures(now: OnChip, then: OnChip) -> Finding:
    figures = {what: (_figure(now, what), _figure(then, what)) for what in ("flash", "flash with self-test", "RAM", "stack", "instructions")}
    told = ", ".join(f"{what} {new:,} instead of {old:,}" for what, (new, old) in figures.items() if new != old)
    return Finding(", ".join(f"{what} {new:,}" for what, (new, _) in figures.items()) + ": as measured before", told)


def _figure(on_chip: OnChip, what: str) -> int:
    emulated, test = on_chip.emulated, on_chip.self_test
    return {
        "flash": on_chip.linked.flash_bytes,
        "flash with self-test": test.flash_bytes if test else 0,
        "RAM": on_chip.linked.ram_bytes,
        "stack": on_chip.stack_bytes or 0,
        "instructions": emulated.instructions if emulated else 0,
    }[what]
