"""The stage that makes a .tflite, of a Keras model or of a SavedModel; one that was brought along passes as it is. File in, file out."""

import gc
import shutil
from pathlib import Path

import numpy as np

from emberflow import convert as conversion
from emberflow.artifact import Kind
from emberflow.convert import Conversion
from emberflow.keras_bridge import keras
from emberflow.loaded import unpacked
from emberflow.recipe import Format
from emberflow.saved_model import read_saved_model
from emberflow.values import Report, Value


class Source(Value):
    """A model in the store, and what it is."""

    path: Path
    kind: Kind


def convert(source: Source, number_format: Format, calibration: Path, how: Conversion, out: Path, report: Report) -> tuple[str, ...]:
    """Write the model to `out` as .tflite.

    Returns: notes on layers that stay in float. Raises: ConversionError: the converter refused it. ModelError: a SavedModel's open sizes.
    """
    notes: tuple[str, ...] = ()
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
        notes = conversion.convert(source.path, number_format, samples, out, how)
    report(f"{out.stat().st_size:,} B")
    return notes
