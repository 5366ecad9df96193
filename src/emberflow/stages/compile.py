"""The stage that makes C of a .tflite. File in, zip of sources out; a model that can't be compiled is an answer, not an error."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from emberflow import compiler
from emberflow.compiler import Compiled
from emberflow.errors import CompileError, GraphError
from emberflow.on_chip import Packed
from emberflow.units import show_bytes
from emberflow.values import Report, Value

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can tell: equal sources give equal bytes


class Translation(Value):
    """What became of a .tflite: its name in C and how its weights lie in flash, or why it was refused."""

    name: str
    packing: tuple[Packed, ...] = ()
    refused: str = ""


def compile_model(model: Path, name: str, out: Path, report: Report) -> Translation:
    """Write the C11 sources of the .tflite at `model` to the zip `out`; nothing is written when the compiler refuses it.

    Raises: WorkerLost: TFLM's process, asked for tables, was ended from outside.
    """
    try:
        compiled = compiler.compile_model(model.read_bytes(), name)
    except (CompileError, GraphError) as error:
        report("refused")
        return Translation(name=name, refused=str(error))
    write_sources(compiled.files, out)
    packing = tuple(_packing(compiled))
    saved = sum(layer.saved_bytes for layer in packing)
    report(
        f"{len(compiled.program.calls)} calls, arena {show_bytes(compiled.plan.arena_bytes)}" + (f", weights {saved:,} B smaller" if saved else "")
    )
    return Translation(name=compiled.name, packing=packing)


def write_sources(sources: Mapping[str, bytes], out: Path) -> None:
    """`sources` as a zip, equal sources as equal bytes."""
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in sorted(sources.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text, zipfile.ZIP_DEFLATED)


def read_sources(path: Path) -> dict[str, bytes]:
    """The files that `write_sources` wrote."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _packing(compiled: Compiled) -> Iterator[Packed]:
    for call in compiled.program.calls:
        if call.packing:
            yield Packed(
                layer=f"{call.operator.name.lower()}_{call.operator.index}",
                encoding=str(call.packing.encoding),
                plain_bytes=call.packing.plain_bytes,
                stored_bytes=call.packing.stored_bytes,
                added_instructions=call.packing.instructions,
            )
