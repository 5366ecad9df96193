"""A model of any kind as a .tflite that can be inspected, with its float twin where there is one. Reads, converts; prints nothing."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emberflow.errors import ProjectError
from emberflow.inspection import Subject, Trial, describe_form
from emberflow.inspection.trial import choose
from emberflow.saved_model import check_tensors, read_saved_model
from emberflow.trust import NOBODY, Trust
from emberflow.values import FloatArray

KERAS = (".keras", ".h5", ".hdf5")


@dataclass(frozen=True)
class Origin:
    """Where a model comes from.

    against: the float form of a .tflite. signature: of a SavedModel, the function that is meant.
    trust: what the model may do on this machine.
    """

    model: Path
    against: Path | None = None
    signature: str | None = None
    trust: Trust = NOBODY


def read_subject(origin: Origin, trial: Trial | None = None) -> Subject:
    """The model as a .tflite: one that was brought as it is; a Keras model or SavedModel in float32 or, with a trial, in int8 beside it.

    Raises: ProjectError: no such file, or a word that makes no sense for what it is. ModelError: damaged, not safe, or of open sizes.
        ConversionError: the converter refused it. GraphError: no .tflite. DataError: the trial is of other inputs.
    """
    is_tflite = not origin.model.is_dir() and origin.model.suffix not in KERAS
    if origin.against and not is_tflite:
        raise ProjectError(f"received --against '{origin.against}' for a model that isn't converted yet; expected it with a .tflite")
    if origin.signature and not origin.model.is_dir():
        raise ProjectError(f"received --signature '{origin.signature}' for '{origin.model}'; only a SavedModel's signature can be named")
    if is_tflite:
        return _brought(origin)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return _from_saved_model(origin, trial) if origin.model.is_dir() else _from_keras(origin, trial)


def _brought(origin: Origin) -> Subject:
    model = _read(origin.model)
    form = f"a .tflite of {describe_form(model)}"
    if origin.against is None:
        return Subject(origin.model.name, model, form)
    return Subject(origin.model.name, model, f"{form}, compared with {origin.against.name}", _read(origin.against))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        expected = "expected a .tflite, .keras or .h5 file, or the directory of a SavedModel"
        raise ProjectError(f"received '{path}' as a model, which can't be read ({error.strerror}); {expected}") from error


def _from_keras(origin: Origin, trial: Trial | None) -> Subject:
    if not origin.model.is_file():
        raise ProjectError(f"received '{origin.model}' as a model; expected a {origin.model.suffix} file, and there is none")
    from emberflow.compress.rewrite import lift_to_2d  # noqa: PLC0415 - TensorFlow takes seconds, and a .tflite needs none
    from emberflow.convert import QuietNativeCode, name_of, to_tflite  # noqa: PLC0415
    from emberflow.keras_bridge import load, own_classes  # noqa: PLC0415
    from emberflow.recipe import Format  # noqa: PLC0415

    with QuietNativeCode(), own_classes(origin.trust.own):  # what TensorFlow says when it is imported
        model = load(origin.model, origin.trust)
        model = lift_to_2d(model) if len(model.inputs) == 1 else model
        feeds = choose(trial.arrays, [name_of(source) for source in model.inputs]) if trial else tuple(_nothing(source) for source in model.inputs)
        fed = {name_of(source): x for source, x in zip(model.inputs, feeds, strict=True)}
        real = to_tflite(model, Format.FLOAT32, fed)
        return _both("a Keras model", origin, real, trial, to_tflite(model, Format.INT8, fed) if trial else None)


def _nothing(source: Any) -> FloatArray:
    """No samples of an input of a Keras model; where it leaves a size open, of size 1."""
    return np.empty((0, *(size or 1 for size in source.shape[1:])), np.float32)


def _from_saved_model(origin: Origin, trial: Trial | None) -> Subject:
    signature = read_saved_model(origin.model, origin.trust.runs_code).signature(origin.signature)
    check_tensors(signature)
    from emberflow.convert import Conversion, QuietNativeCode, signature_to_tflite  # noqa: PLC0415 - as above
    from emberflow.recipe import Format  # noqa: PLC0415

    how, names = Conversion(signature=signature.name), [tensor.name for tensor in signature.inputs]
    feeds = dict(zip(names, choose(trial.arrays, names), strict=True)) if trial else {}
    with QuietNativeCode():
        real = signature_to_tflite(origin.model, Format.FLOAT32, feeds, how)
        quantized = signature_to_tflite(origin.model, Format.INT8, feeds, how) if trial else None
    return _both(f"signature {signature.name} of a SavedModel", origin, real, trial, quantized)


def _both(what: str, origin: Origin, real: bytes, trial: Trial | None, quantized: bytes | None) -> Subject:
    if quantized is None or trial is None:
        return Subject(origin.model.name, real, f"{what}, converted to float32; with --data, to int8")
    return Subject(origin.model.name, quantized, f"{what}, converted to int8 with {trial.origin}", real)
