"""What the stages hand on: small frozen values with the artifacts they made."""

from emberflow.artifact import Artifact
from emberflow.stages.compile import Translation
from emberflow.standardization import Standardization
from emberflow.target import Target
from emberflow.training import TrainingCurve
from emberflow.values import Value
from emberflow.variant import Evaluation, Latency, Quality, SparseStorage, Variant
from emberflow.version import Aliases, Version


class Trained(Value):
    """The baseline: its model, its predictions over the test part, and what was measured of it."""

    model: Artifact
    predictions: Artifact
    parameters: int
    quality: Quality
    curve: TrainingCurve | None
    notes: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()


class Compressed(Value):
    """A model after some compression steps, and what they left alone."""

    model: Artifact
    notes: tuple[str, ...]


class Converted(Value):
    """A .tflite, what the steps before it left alone, and what leaving out the zeros of pruned weights saves."""

    model: Artifact
    notes: tuple[str, ...]
    sparse: SparseStorage | None = None


class Translated(Value):
    """What the compiler made of a .tflite; no sources when it refused it, and why."""

    sources: Artifact | None
    translation: Translation


class Measured(Value):
    """What was measured of a .tflite on the test part, its answers as a drawing, and TFLM's raw outputs, None where it refuses the model."""

    evaluation: Evaluation
    answers_plot: Artifact
    outputs: Artifact | None


class Registered(Value):
    """A version in the registry, and who had which name when it was looked up; `is_new` unless it was there already and decided of."""

    version: Version
    names: Aliases
    is_new: bool


class Recalled(Value):
    """A version that was registered before, with what was measured of it then, and who serves now."""

    version: Version
    variant: Variant
    target: Target
    champion: int | None


class Served(Value):
    """A model's own bytes, and what its firmware does around them."""

    model: Artifact
    standardization: Standardization | None
    labels: tuple[str, ...]
    target: Standardization | None = None
    thresholds: tuple[float, ...] = ()


class Timings(Value):
    """How long one inference of each of some variants takes, in their order."""

    latencies: tuple[Latency, ...]
