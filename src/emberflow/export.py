"""The export: the folder that `emberflow compile` writes for one .tflite, and its manifest. Knows files; refuses to build, run or judge.

manifest.json        what it is, how it was made, what was measured, and the digest of every other file
<name>.tflite        the model
vectors/             inputs.npy and outputs.npy: codes, and what the reference gave for them; of several, input0.npy and so on
firmware/            see `emberflow.firmware.folder`; of a model with several inputs or outputs, `emberflow.firmware.codes_folder`
src/, tflm/          the application for TensorFlow Lite for Microcontrollers, where that runs the model
"""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, ValidationError

from emberflow import sealed
from emberflow.artifact import Artifact, Kind, digest
from emberflow.compiler import Parity, Storage
from emberflow.errors import BundleError, GraphError, ProjectError
from emberflow.evaluate import reference
from emberflow.evaluate.litert import read_all_borders, read_borders
from emberflow.evaluate.micro import examine
from emberflow.evaluate.size import measure_size
from emberflow.firmware.application import Application
from emberflow.firmware.codes_folder import CodesProduct, render_codes_firmware
from emberflow.firmware.codes_tflm import render_codes_tflm
from emberflow.firmware.folder import FOLDER, Build, Product, render_firmware
from emberflow.firmware.literals import border_words
from emberflow.firmware.operators import RESOLVER_METHODS
from emberflow.firmware.shipped import Shipped, shipped
from emberflow.firmware.sources import render_sources, render_tflm
from emberflow.firmware.vectors import make_vectors
from emberflow.on_chip import OnChip
from emberflow.samples import Samples
from emberflow.sealed import MANIFEST, FileFacts
from emberflow.target import Target
from emberflow.values import AnyArray, Arrays, Value

SCHEMA_VERSION = 1
WHAT = "compiled model"
_TOLD = 5


class Making(Value):
    """How the sources came about and who built them: the same making of the same model gives the same files."""

    emberflow: str = Field(description="version")
    parity: Parity
    weights: Storage
    compiler: str = Field(description="zig or gnu")


class Export(Value):
    """What the folder is, and every file in it but the manifest itself."""

    kind: Literal["compiled model"] = "compiled model"
    schema_version: int = SCHEMA_VERSION
    name: str
    model: Artifact
    target: Target
    making: Making
    samples: str = Field(description="where the vectors are from")
    are_real: bool = Field(description="whether somebody measured them")
    on_chip: OnChip | None = Field(description="what was measured; None when no C compiler was there")
    files: dict[str, FileFacts]


def describe_product(name: str, model: bytes, samples: Samples, outputs: Arrays, target: Target, build: Build) -> Product | CodesProduct:
    """What the folder is rendered from: for one input and one output from raw values to a decision, for several from codes to codes.

    Args: outputs: of the reference for `samples`, shape (n, *output_shape) for each output.
    Raises: GraphError: the model can't be read. WorkerLost: TFLM's process was ended from outside.
    """
    if len(samples.codes) == len(outputs) == 1:
        return Product(describe_application(name, model, samples, outputs[0]), target, build)
    borders, operators = read_all_borders(model), measure_size(model).operators
    return CodesProduct(name, model, *borders, (samples.codes, outputs), target, build, operators, _arena_bytes(model, samples.codes))


def _arena_bytes(model: bytes, codes: Arrays) -> int | None:
    try:
        return reference.arena_bytes(model, codes)
    except GraphError:  # TFLM doesn't run it: what was compiled then equals another reference
        return None


def describe_application(name: str, model: bytes, samples: Samples, outputs: AnyArray) -> Application:
    """What the programs around a model are generated from, when nobody told its labels: they are numbers.

    Args: outputs: of the reference for `samples`, shape (n, *output_shape).
    Raises: GraphError: the model can't be read, or has not one input and one output. WorkerLost: TFLM's process was ended from outside.
    """
    flat = outputs.reshape(len(outputs), -1)  # (n, outputs)
    decisions = flat.argmax(axis=1).astype(np.int64)
    labels = tuple(str(number) for number in range(max(2, flat.shape[1])))
    return Application(
        name=name,
        model=model,
        labels=labels,
        standardization=None,
        vectors=make_vectors(samples.raw[0], decisions, None, read_borders(model), outputs),
        operators=measure_size(model).operators,
        arena_bytes=examine(model).arena_bytes,
        has_truth=False,
    )


def program_of(product: Product | CodesProduct) -> Shipped:
    """The program in the folder. Raises: as `contents`."""
    return shipped(product.name, render_codes_firmware(product) if isinstance(product, CodesProduct) else render_firmware(product))


def contents(product: Product | CodesProduct, samples: Samples, outputs: Arrays) -> dict[str, bytes]:
    """Every file but the manifest, by its path. Raises: BundleError: a number among them is not finite."""
    named = {**_named("input", samples.codes), **_named("output", outputs)}
    return {f"{product.name}.tflite": product.model, **{path: _npy(array) for path, array in named.items()}, **_programs(product)}


def _named(role: str, arrays: Arrays) -> dict[str, AnyArray]:
    return dict(zip(vector_files(role, len(arrays)), arrays, strict=True))


def vector_files(role: str, count: int) -> tuple[str, ...]:
    """Where the arrays of the `count` inputs or outputs lie, in their order."""
    return (f"vectors/{role}s.npy",) if count == 1 else tuple(f"vectors/{word}.npy" for word in border_words(role, count))


def _programs(product: Product | CodesProduct) -> dict[str, bytes]:
    if isinstance(product, CodesProduct):
        return render_codes_firmware(product) | (render_codes_tflm(product) if _runs_on_tflm(product) else {})
    return render_firmware(product) | (render_sources(product.app) | render_tflm(product.app) if _runs_on_tflm(product.app) else {})


def _runs_on_tflm(program: Application | CodesProduct) -> bool:
    return program.arena_bytes is not None and program.operators.keys() <= RESOLVER_METHODS.keys()


def describe(product: Product | CodesProduct, samples: Samples, making: Making, files: Mapping[str, bytes]) -> Export:
    """The manifest of `files`."""
    return Export(
        name=product.name,
        model=Artifact(sha256=digest(product.model), size_bytes=len(product.model), kind=Kind.TFLITE),
        target=product.target,
        making=making,
        samples=samples.origin,
        are_real=samples.are_real,
        on_chip=product.build.on_chip,
        files=sealed.facts_of(files),
    )


def write_export(directory: Path, export: Export, files: Mapping[str, bytes]) -> None:
    """Write `files` and their manifest as `directory`. Raises: BundleError: it can't be written."""
    sealed.replace(directory, {**files, MANIFEST: sealed.as_json(export)})


def refuse_other_contents(directory: Path) -> None:
    """See that `directory` can be written, and that nothing of anybody's is lost when it is replaced.

    Raises: ProjectError: it can't be, or it holds something that no export is, or files that were changed or added since.
    """
    if not directory.exists():
        _refuse_unwritable(directory)
        return
    if directory.is_dir() and not any(directory.iterdir()):
        return
    try:
        faults = sealed.find_faults(directory, read_export(directory).files)
    except BundleError as error:
        raise ProjectError(
            f"received '{directory}', which exists and was not written by `emberflow compile`; expected a new or empty folder, because it is replaced"
        ) from error
    if own := (*faults.changed, *faults.extra):
        told = ", ".join(own[:_TOLD]) + (f" and {len(own) - _TOLD:,} more" if len(own) > _TOLD else "")
        raise ProjectError(f"received '{directory}', in which files were changed or added ({told}); move them away, or give another folder")


def _refuse_unwritable(directory: Path) -> None:
    place = next(path for path in directory.resolve().parents if path.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise ProjectError(f"received '{directory}', but '{place}' is no folder that may be written to; give another folder")


def read_export(directory: Path) -> Export:
    """The manifest of the export in `directory`. Raises: BundleError: there is none, or it is of another kind or schema."""
    fields = sealed.read_json(directory, WHAT)
    if not isinstance(fields, dict) or (fields.get("kind"), fields.get("schema_version")) != (WHAT, SCHEMA_VERSION):
        raise BundleError(
            f"received {directory / MANIFEST}, which is not that of a {WHAT} of schema version {SCHEMA_VERSION}; compile the model again"
        )
    try:
        return Export.model_validate(fields)
    except ValidationError as error:
        fault = error.errors()[0]
        told = f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        raise BundleError(f"received {directory / MANIFEST}, which is not that of a {WHAT} ({told}); compile the model again") from error


def check_files(directory: Path, export: Export) -> None:
    """See that each file is the one that was written; others, such as those of a build, may lie beside them.

    Raises: BundleError: names each that was changed or is missing.
    """
    faults = sealed.find_faults(directory, export.files).model_copy(update={"extra": ()})
    if told := str(faults):
        raise BundleError(f"received {directory}, which is not what its manifest says ({told}); expected every file as it was written")


def read_vectors(directory: Path, role: str, count: int) -> Arrays:
    """The codes of the model's `count` inputs or outputs, of files that were checked.

    Raises: BundleError: there is no such file.
    """
    files = vector_files(role, count)
    if missing := [name for name in files if not (directory / name).is_file()]:
        raise BundleError(f"received {directory}, which has no {missing[0]}; expected codes of {count} {role}s, as many as the model has")
    return tuple(np.load(directory / name, allow_pickle=False) for name in files)


def compiled_sources(directory: Path, export: Export) -> dict[str, bytes]:
    """The three files of the model, of files that were checked."""
    names = (f"{export.name}.h", f"{export.name}.c", f"{export.name}_kernels.h")
    return {name: (directory / "firmware" / "model" / name).read_bytes() for name in names}


def written_program(directory: Path, export: Export) -> Shipped:
    """The whole program, of files that were checked. Raises: BundleError: there is none."""
    paths = (path for path in export.files if path.startswith(f"{FOLDER}/"))
    return shipped(export.name, {path: (directory / path).read_bytes() for path in paths})


def _npy(array: AnyArray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()
