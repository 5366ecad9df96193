"""Everything a program for the device is generated from, checked. Values only; writes no text."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from emberflow.artifact import digest
from emberflow.errors import BundleError
from emberflow.firmware.decision import Decision
from emberflow.firmware.vectors import TestVectors
from emberflow.standardization import Standardization
from emberflow.task.rules import Run
from emberflow.values import AnyArray

_IN_SOURCES = (96 * 1024, 16)  # characters and samples of test vectors


@dataclass(frozen=True)
class CType:
    """A number type at the model's border, as C spells it."""

    c_type: str
    lowest: int = 0
    highest: int = 0

    @property
    def is_integer(self) -> bool:
        """Whether values are codes with a scale."""
        return self.highest != 0


C_TYPES = {
    "int8": CType("int8_t", -128, 127),
    "uint8": CType("uint8_t", 0, 255),
    "int16": CType("int16_t", -32768, 32767),
    "float32": CType("float"),
}


@dataclass(frozen=True, eq=False)
class Application:
    """A model and all that stands around it on the device.

    Args:
        name: begins every name in the sources; see `literals.identifier`.
        model: bytes of the .tflite.
        labels: what the decisions are called.
        standardization: mean and std, one pair a channel (the last axis), or None.
        vectors: test vectors; their dtypes and scales are those of the model's borders.
        operators: how often each operator occurs in the model.
        arena_bytes: RAM that TFLM needs; None when it doesn't run the model.
        has_truth: whether the vectors' labels are the truth; else they are what the reference decides.
        decision: how outputs become a decision.
    Raises: BundleError: the parts don't belong together.
    """

    name: str
    model: bytes = field(repr=False)
    labels: tuple[str, ...]
    standardization: Standardization | None
    vectors: TestVectors = field(repr=False)
    operators: Mapping[str, int]
    arena_bytes: int | None = None
    has_truth: bool = True
    decision: Decision = field(default_factory=Decision)

    def __post_init__(self) -> None:
        _check_channels(self.channels, self.standardization)
        self.decision.check(self.vectors.outputs.shape[1], len(self.labels), self.vectors.inputs[0].size)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self.vectors.raw.shape[1:]

    def decisions(self, vectors: TestVectors) -> AnyArray:
        """What the host decides for `vectors`, shape (n, ...)."""
        return self.decision.decide(Run(vectors.inputs, vectors.outputs, vectors.borders))

    @property
    def test_vectors(self) -> TestVectors:
        """Those that go into C sources: at most 16, and about 100 KiB of text."""
        return self.vectors.within(*_IN_SOURCES)

    @property
    def channels(self) -> int:
        """Length of the last axis."""
        return self.input_shape[-1] if self.input_shape else 1

    @property
    def model_sha256(self) -> str:
        """Digest of the model."""
        return digest(self.model)

    @property
    def input(self) -> CType:
        """Type of the model's input."""
        return _c_type(self.vectors.inputs)

    @property
    def output(self) -> CType:
        """Type of the model's output."""
        return _c_type(self.vectors.outputs)


def _c_type(codes: AnyArray) -> CType:
    return C_TYPES[codes.dtype.name]


def _check_channels(channels: int, standardization: Standardization | None) -> None:
    if standardization is None:
        return
    means, deviations = len(standardization.mean), len(standardization.std)
    if not means == deviations == channels:
        raise BundleError(f"received {means} means and {deviations} deviations for {channels} channels; expected one pair a channel")
    smallest = min(standardization.std)
    if smallest < float(np.finfo(np.float32).tiny):
        raise BundleError(f"received a standard deviation of {smallest}; expected more than 0: leave out the channel that never changes")
