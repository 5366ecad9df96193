"""Data as the pipeline holds it: parts checked, standardized and stored as arrays. Knows numpy; refuses to know files of users."""

from pydantic import Field

from emberflow.artifact import Artifact
from emberflow.values import Value


class Sampling(Value):
    """What the numbers of a sample are; every field is optional because not all data are signals."""

    rate_hz: float | None = Field(default=None, gt=0, description="samples of the sensor in a second")
    channels: tuple[str, ...] = Field(default=(), description="names along the last axis")
    unit: str = Field(default="", description="unit of the raw values, such as 'g and rad/s'")


class Standardization(Value):
    """`(x - mean) / std` along the last axis, computed on the training part alone; the device applies the same in float32."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


class Part(Value):
    """One part of the data: `x` standardized, shape (samples, *input_shape) float32; `y` labels, shape (samples,) int64."""

    x: Artifact
    y: Artifact
    samples: int


class Splits(Value):
    """All parts and what a device must know of them."""

    train: Part
    validation: Part
    test: Part
    calibration: Part
    vectors: Part = Field(description="some real test samples, *not* standardized: what the sensor gives, for test vectors")
    input_shape: tuple[int, ...]
    labels: tuple[str, ...]
    sampling: Sampling
    standardization: Standardization | None
    warnings: tuple[str, ...] = ()
