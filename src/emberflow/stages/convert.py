"""The stage that makes a .tflite, of a Keras model or of a SavedModel; one that was brought along passes as it is. File in, file out."""

import gc
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from emberflow import convert as conversion
from emberflow.artifact import Kind
from emberflow.convert import Conversion
from emberflow.keras_bridge import keras
from emberflow.loaded import unpacked
from emberflow.recipe import Format
from emberflow.saved_model import read_saved_model
from emberflow.values import FloatArray, Report, Value
from emberflow.variant import SparseStorage
from emberflow.zeros import describe, weigh


class Source(Value):
    """A model in the store, and what it is."""

    path: Path
    kind: Kind


class Outcome(Value):
    """What there is to say of a conversion: notes, and what leaving out the zeros of pruned weights saves, where that was asked for."""

    notes: tuple[str, ...] = ()
    sparse: SparseStorage | None = None


def convert(source: Source, number_format: Format, calibration: Path, how: Conversion, out: Path, report: Report) -> Outcome:
    """Write the model to `out` as .tflite; where zeros may be left out, it is made both ways, and the better one kept.

    Raises: ConversionError: the converter refused it. ModelError: a SavedModel's open sizes.
    """
    outcome = Outcome()
    keras().backend.clear_session()
    gc.collect()  # models hold themselves in cycles, and this process lives long
    samples = np.load(calibration, mmap_mode="r")
    if source.kind is Kind.TFLITE:
        shutil.copyfile(source.path, out)
    elif source.kind is Kind.SAVED_MODEL:
        with unpacked(source.path) as folder:
            (given,) = read_saved_model(folder, trusted=True).signature(how.signature).inputs
            out.write_bytes(conversion.signature_to_tflite(folder, number_format, {given.name: samples}, how))
    else:
        outcome = _from_keras(source.path, number_format, samples, out, how)
    report(f"{out.stat().st_size:,} B")
    return outcome


def _from_keras(model: Path, number_format: Format, samples: FloatArray, out: Path, how: Conversion) -> Outcome:
    notes = conversion.convert(model, number_format, samples, out, how.model_copy(update={"packs_zeros": False}))
    if not how.packs_zeros:
        return Outcome(notes=notes)
    storage = _without_zeros(model, number_format, samples, out, how)
    return Outcome(notes=(*notes, describe(storage)), sparse=storage)


def _without_zeros(model: Path, number_format: Format, samples: FloatArray, out: Path, how: Conversion) -> SparseStorage:
    with TemporaryDirectory(prefix="emberflow-") as folder:
        conversion.convert(model, number_format, samples, sparse := Path(folder) / "sparse.tflite", how)
        storage = weigh(out.read_bytes(), sparse.read_bytes(), samples)
        if storage.is_kept:
            shutil.copyfile(sparse, out)
    return storage
