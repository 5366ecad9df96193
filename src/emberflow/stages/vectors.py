"""What a stage makes of the drawn test samples: vectors for a firmware, answered by the device's own runtime. Files in, values out."""

from pathlib import Path

import numpy as np

from emberflow.evaluate.grading import Runtime
from emberflow.evaluate.litert import read_borders
from emberflow.firmware.vectors import TestVectors, make_vectors
from emberflow.standardization import Standardization
from emberflow.task import RULES, TaskKind


def answered(model: bytes, files: tuple[Path, Path], kind: TaskKind, scale: Standardization | None, runtime: Runtime) -> TestVectors:
    """The vectors of `model`, a .tflite.

    Args: files: raw samples, and their truth. runtime: that of the device.
    Raises: GraphError: the model can't be run. BundleError: as `make_vectors`.
    """
    raw, truth = (np.load(path) for path in files)
    outputs = runtime(model, scale.apply(raw) if scale else raw)
    return make_vectors(raw, RULES[kind].strata(truth), scale, read_borders(model), outputs)
