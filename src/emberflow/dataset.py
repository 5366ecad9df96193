"""Data as the pipeline holds it: parts checked, standardized and stored as arrays. Knows numpy; refuses to know where a user keeps them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from math import prod
from typing import Any

import numpy as np
from pydantic import Field

from emberflow.artifact import Artifact
from emberflow.errors import DataError
from emberflow.standardization import Standardization
from emberflow.task import RULES, Rules, TaskKind
from emberflow.task.rules import Part as TaskPart
from emberflow.values import AnyArray, FloatArray, IntArray, Value
from emberflow.view import Rows, View, pieces

VECTOR_SAMPLES = 128
PARTS = ("train", "validation", "test")


class Sampling(Value):
    """What the numbers of a sample are; every field is optional because not all data are signals."""

    rate_hz: float | None = Field(default=None, gt=0, description="samples of the sensor in a second")
    channels: tuple[str, ...] = Field(default=(), description="names along the last axis")
    unit: str = Field(default="", description="unit of the raw values, such as 'g and rad/s'")


class Part(Value):
    """One part of the data: `x` standardized, shape (samples, *input_shape) float32; `y` the truth: labels (samples,) int64, or as the task has it."""

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
    target: Standardization | None = Field(default=None, description="of a regression's values, which the model gives standardized; `y` is not")
    target_unit: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Samples:
    """Raw samples of one part, as a user's function returns them.

    Args:
        x: what the sensor gives, shape (samples, *input_shape), any real dtype; the same input shape in every part.
        y: the truth. Classification and binary: labels, shape (samples,), integers from 0 to the number of labels - 1. Multi-label: 0 or 1,
            shape (samples, labels). Regression: numbers, shape (samples,) or (samples, values). Anomaly: 0 for normal, 1 for an anomaly, shape
            (samples,), or None where all are normal.
        group: whom or what a sample is of (a subject, a machine), shape (samples,); a group in both train and test is warned of.
    """

    x: AnyArray
    y: AnyArray | None = None
    group: AnyArray | None = None


@dataclass(frozen=True)
class Dataset:
    """What the function named under `data:` in a project file returns.

    Args:
        train, validation, test: the parts; split by subject or machine, never by overlapping windows.
        labels: the name of each class, at least two; of each value of a regression; of an anomaly task what is normal and what is not.
        calibration: samples whose ranges the quantizer sees; default: drawn from the training part.
        sampling: what the numbers are.
        target_unit: of a regression's values.
    """

    train: Samples
    validation: Samples
    test: Samples
    labels: tuple[str, ...] = ()
    calibration: Samples | None = None
    sampling: Sampling = field(default_factory=Sampling)
    target_unit: str = ""


@dataclass(frozen=True)
class Prepared:
    """Checked parts, standardized float32 `x`, computed where it is read, and the truth `y`; the keys of `parts` are the fields of Splits."""

    parts: Mapping[str, tuple[Rows, AnyArray]]
    labels: tuple[str, ...]
    sampling: Sampling
    standardization: Standardization | None
    target: Standardization | None
    target_unit: str
    warnings: tuple[str, ...]


class Preparation(Value):
    """How data are prepared: `standardize` samples, a regression's values (`standardize_target`), and so many calibration samples."""

    kind: TaskKind = TaskKind.CLASSIFICATION
    standardize: bool = True
    standardize_target: bool = False
    calibration_samples: int = 200
    seed: int = 1


def prepare(dataset: object, preparation: Preparation) -> Prepared:
    """Check a Dataset, standardize it by its training part, draw the calibration set and the test vectors.

    Raises: DataError: not a Dataset, an empty part, shapes that don't meet, a truth that the task doesn't take, NaN or infinite samples.
    """
    if not isinstance(dataset, Dataset):
        raise DataError(f"received a {type(dataset).__name__} from the data function; expected an emberflow.dataset.Dataset")
    rules, seed = RULES[preparation.kind], preparation.seed
    labels = _labels(dataset, rules)
    raw = {name: _checked(name, getattr(dataset, name), labels, rules) for name in PARTS}
    if dataset.calibration is not None:
        raw["calibration"] = _checked("calibration", dataset.calibration, labels, rules)
    _same_shape(raw)
    scale = _standardization(raw["train"][0], "channel") if preparation.standardize else None
    target = _standardization(raw["train"][1], "value") if preparation.standardize_target else None
    parts: dict[str, tuple[Rows, AnyArray]] = {name: (x.then(scale[0].apply) if scale else x, y) for name, (x, y) in raw.items()}
    if "calibration" not in parts:
        chosen = _spread(rules.strata(parts["train"][1]), preparation.calibration_samples, seed)
        parts["calibration"] = (parts["train"][0][chosen], parts["train"][1][chosen])
    chosen = _spread(rules.strata(raw["test"][1]), VECTOR_SAMPLES, seed)
    parts["vectors"] = (raw["test"][0][chosen], raw["test"][1][chosen])
    warnings = (*(scale[1] if scale else ()), *(target[1] if target else ()), *_overlaps(dataset, raw), *_absent_labels(raw, labels, rules))
    sampling = _sampling(dataset.sampling, raw["train"][0])
    return Prepared(parts, labels, sampling, scale[0] if scale else None, target[0] if target else None, dataset.target_unit, warnings)


def _labels(dataset: Dataset, rules: Rules) -> tuple[str, ...]:
    y = getattr(dataset.train, "y", None)
    return rules.name_labels(tuple(str(label) for label in dataset.labels), None if y is None else _array("train", "y", y))


def _checked(name: str, samples: object, labels: tuple[str, ...], rules: Rules) -> tuple[View, AnyArray]:
    if not isinstance(samples, Samples):
        raise DataError(f"the {name} part is a {type(samples).__name__}; expected an emberflow.dataset.Samples(x, y)")
    x = _array(name, "x", samples.x)
    if x.dtype.kind not in "fiub" or x.ndim < 2 or not all(x.shape[1:]):
        raise DataError(f"the {name} part's x has dtype {x.dtype} and shape {x.shape}; expected real numbers of shape (samples, ...)")
    if not len(x):
        raise DataError(f"the {name} part is empty; expected at least one sample")
    if samples.group is not None and np.shape(samples.group) != (len(x),):
        raise DataError(f"the {name} part has group of shape {np.shape(samples.group)}; expected ({len(x)},), one for each sample")
    y = None if samples.y is None else _array(name, "y", samples.y)
    truth = rules.read_truth(TaskPart(name, x.shape, y, len(labels)))
    floats = View(x, _as_float32)
    _refuse_not_finite(name, floats)
    return floats, truth


def _as_float32(x: AnyArray) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 can't hold becomes infinite or stays NaN, and is refused
        return np.asarray(x, np.float32)


def _array(name: str, key: str, values: object) -> AnyArray:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"the {name} part's {key} is no array: {error}; expected samples that are all of one shape") from error


def _refuse_not_finite(name: str, x: View) -> None:
    count, start, first = 0, 0, None
    for piece in pieces(x):
        bad = ~np.isfinite(piece)
        if bad.any():
            count += int(bad.sum())
            place = np.argwhere(bad)[0]
            first = first if first is not None else (start + int(place[0]), tuple(map(int, place[1:])))
        start += len(piece)
    if first is not None:
        raise DataError(
            f"the {name} part holds {count:,} values that are NaN or infinite in float32 (the first in sample {first[0]} at {first[1]});"
            " expected finite numbers: drop those samples or fill the gaps before the split"
        )


def _same_shape(raw: Mapping[str, tuple[View, AnyArray]]) -> None:
    expected = raw["train"][0].shape[1:]
    for name, (x, _) in raw.items():
        if x.shape[1:] != expected:
            raise DataError(f"the {name} part has samples of shape {x.shape[1:]}; expected {expected}, as in the train part")


def _standardization(x: Rows, what: str) -> tuple[Standardization, tuple[str, ...]]:
    """Of the last axis, with a warning for each that is constant; `what` names one of them."""
    axes = tuple(range(len(x.shape) - 1))
    count = prod(x.shape[:-1])
    mean = sum(piece.sum(axes, dtype=np.float64) for piece in pieces(x)) / count
    variance = sum(((piece - mean) ** 2).sum(axes, dtype=np.float64) for piece in pieces(x)) / count
    std = np.sqrt(variance)
    constant = std < 1e-12
    std[constant] = 1.0
    warnings = tuple(f"{what} {i} is constant over the training part; it is centred, not scaled" for i in np.flatnonzero(constant))
    rounded = [tuple(float(v) for v in np.asarray(values, np.float32)) for values in (mean, std)]
    return Standardization(mean=rounded[0], std=rounded[1]), warnings


def _spread(y: IntArray, count: int, seed: int) -> IntArray:
    """Positions of `count` samples (or all there are), as equal in number over the classes as the part allows."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(y))
    rank = np.empty(len(y), np.int64)  # how many samples of its class come before it
    for label in np.unique(y):
        rank[order[y[order] == label]] = np.arange(np.count_nonzero(y == label))
    return np.sort(order[np.argsort(rank[order], kind="stable")][:count])


def _overlaps(dataset: Dataset, raw: Mapping[str, tuple[View, AnyArray]]) -> Iterator[str]:
    seen = _marks(raw["train"][0])
    train = set() if dataset.train.group is None else _members("train", dataset.train.group)
    for name in ("validation", "test"):
        part: Samples = getattr(dataset, name)
        same = np.count_nonzero(np.isin(_marks(raw[name][0]), seen))
        if same:
            yield f"{same} of {len(part.x)} {name} samples are also in the train part: the {name} figures are too good"
        if dataset.train.group is not None and part.group is not None:
            shared = [group for group in _members(name, part.group) if group in train]
            if shared:
                some = ", ".join(map(str, sorted(shared, key=_by_number_then_name)[:5]))
                yield f"{len(shared)} groups are in both the train and the {name} part ({some}): split by group, not by sample"


def _marks(x: View) -> AnyArray:
    """Sixteen bytes of each sample that only equal ones share."""
    return np.fromiter((blake2b(row.tobytes(), digest_size=16).digest() for row in x), "S16", len(x))


def _members(name: str, group: AnyArray) -> set[Any]:
    """The groups themselves: one part may have them as numbers and another as text, and NumPy compares no two such arrays."""
    try:
        return set(np.asarray(group).tolist())
    except (SystemError, TypeError, ValueError) as error:  # text of no Unicode, as damaged files hold it; lists
        raise DataError(f"the {name} part has a group that can't be read: {error}; expected a number or a word for each sample") from error


def _by_number_then_name(group: Any) -> tuple[float, str]:
    return (group, "") if isinstance(group, int | float) else (float("inf"), str(group))


def _absent_labels(raw: Mapping[str, tuple[View, AnyArray]], labels: tuple[str, ...], rules: Rules) -> Iterator[str]:
    for name in PARTS:
        absent = rules.absent(raw[name][1], labels)
        if absent:
            yield f"the {name} part has no sample of {', '.join(absent)}"


def _sampling(sampling: Sampling, x: View) -> Sampling:
    if sampling.channels and len(sampling.channels) != x.shape[-1]:
        raise DataError(
            f"received {len(sampling.channels)} channel names ({', '.join(sampling.channels)}); expected {x.shape[-1]}, the last axis of x"
        )
    return sampling


def from_arrays(parts: Mapping[str, Mapping[str, Any]], labels: tuple[str, ...], sampling: Sampling, target_unit: str = "") -> Dataset:
    """A Dataset from arrays by part, each with keys x and perhaps y and group."""
    made = {name: Samples(arrays["x"], arrays.get("y"), arrays.get("group")) for name, arrays in parts.items()}
    return Dataset(made["train"], made["validation"], made["test"], labels, made.get("calibration"), sampling, target_unit)
