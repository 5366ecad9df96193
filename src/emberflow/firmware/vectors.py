"""Test vectors: real samples with the answers that the firmware must give. Knows arrays; refuses to know which runtime gives the answers."""

from dataclasses import dataclass, replace

import numpy as np

from emberflow.errors import BundleError
from emberflow.evaluate.borders import Border, Borders, quantize
from emberflow.standardization import Standardization
from emberflow.values import AnyArray, FloatArray, IntArray

_CHARACTERS = {"int8": 6, "uint8": 5, "int16": 8, "float32": 16}  # the longest literal of each type, with its comma and space


@dataclass(frozen=True, eq=False)
class TestVectors:
    """Samples, and what preprocessing and model make of each.

    Args:
        raw: what the sensor gives, shape (n, *input_shape), float32, not standardized.
        inputs: codes the model takes, shape (n, *input_shape), in its input dtype: int8, uint8, int16 or float32.
        outputs: codes the model gives, shape (n, classes), in its output dtype.
        labels: the truth, shape (n,), int64; of several labels or values a sample, a number for each kind of them: those taken are spread over these.
        input_scale, input_zero_point, output_scale, output_zero_point: real = scale * (code - zero point); scale 0 for floats.
    Raises: BundleError: no sample, or an array of another shape or dtype.
    """

    __test__ = False  # pytest takes a class with this name for tests

    raw: FloatArray
    inputs: AnyArray
    outputs: AnyArray
    labels: IntArray
    input_scale: float
    input_zero_point: int
    output_scale: float
    output_zero_point: int

    def __post_init__(self) -> None:
        _check_shapes(self)
        _check_border("inputs", self.inputs, self.input_scale)
        _check_border("outputs", self.outputs, self.output_scale)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def borders(self) -> Borders:
        """The model's borders, as far as the vectors know them."""
        crossing = ((self.inputs, self.input_scale, self.input_zero_point), (self.outputs, self.output_scale, self.output_zero_point))
        given, came = (Border(shape=(1, *array.shape[1:]), dtype=array.dtype.name, scale=scale, zero_point=zero) for array, scale, zero in crossing)
        return Borders(input=given, output=came)

    @property
    def characters(self) -> int:
        """At most so many characters of C that the arrays take."""
        arrays = (self.raw, self.inputs, self.outputs)
        return sum(array.size * _CHARACTERS[array.dtype.name] for array in arrays)

    def take(self, indices: IntArray) -> "TestVectors":
        """The samples at `indices`."""
        return replace(self, raw=self.raw[indices], inputs=self.inputs[indices], outputs=self.outputs[indices], labels=self.labels[indices])

    def within(self, characters: int, samples: int) -> "TestVectors":
        """As many samples as fit `characters` of C, at least one and at most `samples`: one of each label, then a second of each, and so on."""
        most = max(1, min(samples, characters * len(self) // self.characters))
        return self.take(np.sort(_turn_by_turn(self.labels)[:most]))


def _check_shapes(vectors: TestVectors) -> None:
    shape = vectors.raw.shape
    if vectors.labels.ndim != 1 or not len(vectors.labels):
        raise BundleError(f"received labels of shape {vectors.labels.shape}; expected one label for each of at least one sample")
    if vectors.inputs.shape != shape or vectors.outputs.ndim != 2 or {len(vectors.raw), len(vectors.outputs)} != {len(vectors.labels)}:
        raise BundleError(
            f"received raw {shape}, inputs {vectors.inputs.shape}, outputs {vectors.outputs.shape} for {len(vectors.labels)} labels;"
            " expected (n, *input_shape) twice and (n, classes)"
        )
    if vectors.raw.dtype != np.float32 or vectors.labels.dtype != np.int64:
        raise BundleError(f"received raw samples in {vectors.raw.dtype} and labels in {vectors.labels.dtype}; expected float32 and int64")


def _check_border(name: str, codes: AnyArray, scale: float) -> None:
    if codes.dtype.name not in _CHARACTERS:
        raise BundleError(f"received {name} in {codes.dtype}; expected {', '.join(_CHARACTERS)}: choose another number format")
    if (codes.dtype == np.float32) != (scale == 0) or not 0 <= scale < np.inf:
        raise BundleError(f"received {name} in {codes.dtype} with scale {scale}; expected a positive scale for integers and 0 for floats")


def _turn_by_turn(labels: IntArray) -> IntArray:
    turns = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        turns[labels == label] = np.arange(np.count_nonzero(labels == label))
    return np.argsort(turns, kind="stable")


def make_vectors(raw: FloatArray, labels: IntArray, standardization: Standardization | None, borders: Borders, outputs: AnyArray) -> TestVectors:
    """The test vectors of a model.

    Args:
        raw: samples as the sensor gives them, shape (n, *input_shape), float32.
        labels: the truth, shape (n,), int64.
        standardization: what the model was trained with.
        borders: of the model; see `evaluate.litert.read_borders`.
        outputs: what the reference runtime gave for these samples, shape (n, *output_shape), in the type of the model's output.
    Raises: BundleError: arrays that don't go together. DataError: samples of another shape than the model's.
    """
    return TestVectors(
        raw=raw,
        inputs=quantize(raw if standardization is None else standardization.apply(raw), borders.input),
        outputs=outputs.reshape(len(outputs), -1),  # (n, classes)
        labels=labels,
        input_scale=borders.input.scale,
        input_zero_point=borders.input.zero_point,
        output_scale=borders.output.scale,
        output_zero_point=borders.output.zero_point,
    )
