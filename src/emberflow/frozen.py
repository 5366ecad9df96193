"""Frozen models, a SavedModel's signature and a ready .tflite, called as a Keras model is. Know how to compute, and refuse to be trained."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emberflow.evaluate import litert
from emberflow.evaluate.borders import dequantize
from emberflow.evaluate.size import measure_size
from emberflow.loaded import load_signature, sizes_of
from emberflow.values import FloatArray


@dataclass(frozen=True)
class End:
    """An input or output as Keras tells of it: the batch is open, and so is what the model leaves open."""

    shape: tuple[int | None, ...]


class SignatureModel:
    """One signature of a SavedModel, run by TensorFlow."""

    runtime = "TensorFlow"

    def __init__(self, folder: Path, name: str) -> None:
        """Load it. Raises: ModelError: TensorFlow can't read the directory."""
        self._loaded, self._function = load_signature(folder, name)
        ((self._input, spec),) = self._function.structured_input_signature[1].items()
        ((self._output, given),) = self._function.structured_outputs.items()
        self._batch = sizes_of(spec)[0]
        self.inputs, self.outputs = [End((None, *sizes_of(spec)[1:]))], [End((None, *sizes_of(given)[1:]))]

    def __call__(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Outputs for samples (n, *input_shape), as many at once as the signature takes."""
        size = self._batch or len(x)
        calls = [self._function(**{self._input: np.asarray(x[start : start + size], np.float32)}) for start in range(0, len(x), size)]
        return np.concatenate([np.asarray(call[self._output]) for call in calls])

    def count_params(self) -> int:
        """Weights of the function, each once."""
        return sum(int(np.prod(variable.shape)) for variable in self._function.variables)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """As Keras has it."""
        return self.outputs[0].shape


class ReadyModel:
    """A .tflite, run by LiteRT with its default kernels."""

    runtime = "LiteRT"

    def __init__(self, path: Path) -> None:
        """Open it. Raises: GraphError: LiteRT refuses it, or it has several inputs or outputs."""
        self._data = path.read_bytes()
        self._borders = litert.read_borders(self._data)
        self.inputs, self.outputs = ([End((None, *border.shape[1:]))] for border in (self._borders.input, self._borders.output))

    @property
    def rounding(self) -> float:
        """How far the sum of its outputs may be from what it would be without rounding: half a step for each."""
        return 1e-3 + self._borders.output.scale / 2 * int(np.prod(self._borders.output.shape))

    def __call__(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Outputs for samples (n, *input_shape), quantized on the way in and back on the way out where the model is integer."""
        return dequantize(litert.run(self._data, np.asarray(x, np.float32)), self._borders.output)

    def count_params(self) -> int:
        """Weights and biases of the graph."""
        return measure_size(self._data).parameters

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """As Keras has it."""
        return self.outputs[0].shape
