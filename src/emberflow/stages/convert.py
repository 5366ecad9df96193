"""The stage that makes a .tflite. Files in, file out."""

import gc
from pathlib import Path

import numpy as np

from emberflow import convert as conversion
from emberflow.keras_bridge import keras
from emberflow.recipe import Format
from emberflow.values import Report


def convert(model: Path, number_format: Format, calibration: Path, out: Path, report: Report) -> None:
    """Write the Keras model at `model` to `out` as .tflite. Raises: ConversionError: the converter refused it."""
    keras().backend.clear_session()
    gc.collect()  # models hold themselves in cycles, and this process lives long
    conversion.convert(model, number_format, np.load(calibration, mmap_mode="r"), out)
    report(f"{out.stat().st_size:,} B")
