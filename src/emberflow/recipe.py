"""Recipes: compression steps, then a number format, as one name. Decoded here and nowhere else; pure values.

>>> recipe = Recipe.parse("prune70-cluster16-qat-int8")
>>> recipe.steps
(Prune(percent=70, block=1), Cluster(clusters=16), QuantizeAware())
>>> recipe.format
<Format.INT8: 'int8'>
>>> str(recipe)
'prune70-cluster16-qat-int8'
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from emberflow.errors import RecipeError, did_you_mean


class Format(StrEnum):
    """The numbers a .tflite computes with."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    DYNAMIC = "dynamic"
    INT8 = "int8"
    UINT8 = "uint8"
    INT16X8 = "int16x8"

    @property
    def is_full_integer(self) -> bool:
        """Whether activations are integers too, which needs a calibration set and is what a microcontroller runs."""
        return self in (Format.INT8, Format.UINT8, Format.INT16X8)

    @property
    def meaning(self) -> str:
        """One line for a person who meets the name for the first time."""
        return FORMAT_MEANINGS[self]


FORMAT_MEANINGS = {
    Format.FLOAT32: "weights and activations in 32-bit float",
    Format.FLOAT16: "weights stored in 16-bit float, computed in 32-bit float",
    Format.DYNAMIC: "weights in int8, activations quantized while running (hybrid kernels)",
    Format.INT8: "full integer, int8 in and out",
    Format.UINT8: "full integer, uint8 in and out, int8 inside",
    Format.INT16X8: "full integer, 16-bit activations and 8-bit weights",
}


@dataclass(frozen=True)
class Prune:
    """Magnitude pruning: the smallest `percent` of each layer's weights become zero, along a polynomial schedule.

    block: how many weights, neighbours along a dense layer's inputs, become zero together; 1 prunes weight by weight.
    """

    percent: int
    block: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.percent <= 99:
            raise RecipeError(f"received '{self}'; expected prune1 to prune99, the percentage of weights to set to zero")
        if not 1 <= self.block <= 64:
            raise RecipeError(f"received '{self}'; expected prune<percent>x<n> with n from 2 to 64, the weights of a block, such as prune70x4")

    def __str__(self) -> str:
        return f"prune{self.percent}" if self.block == 1 else f"prune{self.percent}x{self.block}"

    @property
    def meaning(self) -> str:
        """One line for a person."""
        blocks = "" if self.block == 1 else f", in dense layers in blocks of {self.block}"
        return f"the smallest {self.percent} % of each layer's weights become zero{blocks}"


@dataclass(frozen=True)
class PruneBlock:
    """Structured pruning: of every `block` weights along the input channels, the smallest `zeros` become zero."""

    zeros: int
    block: int

    def __post_init__(self) -> None:
        if not 1 <= self.zeros < self.block <= 16:
            raise RecipeError(f"received '{self}'; expected prune<m>of<n> with 1 <= m < n <= 16, such as prune2of4")

    def __str__(self) -> str:
        return f"prune{self.zeros}of{self.block}"

    @property
    def meaning(self) -> str:
        """One line for a person."""
        return f"{self.zeros} of every {self.block} weights become zero"


@dataclass(frozen=True)
class Cluster:
    """Weight clustering: each layer's weights share `clusters` values."""

    clusters: int

    def __post_init__(self) -> None:
        if not 2 <= self.clusters <= 256:
            raise RecipeError(f"received '{self}'; expected cluster2 to cluster256, the number of values a layer may use")

    def __str__(self) -> str:
        return f"cluster{self.clusters}"

    @property
    def meaning(self) -> str:
        """One line for a person."""
        return f"each layer's weights share {self.clusters} values"


@dataclass(frozen=True)
class QuantizeAware:
    """Quantization-aware training: fine-tuned with the rounding of int8 in the forward pass."""

    def __str__(self) -> str:
        return "qat"

    @property
    def meaning(self) -> str:
        """One line for a person."""
        return "fine-tuned with the rounding of int8 in the forward pass"


Step = Prune | PruneBlock | Cluster | QuantizeAware
Steps = tuple[Step, ...]

_ORDER = {Prune: 0, PruneBlock: 0, Cluster: 1, QuantizeAware: 2}
_GRAMMAR: tuple[tuple[re.Pattern[str], Callable[..., Step]], ...] = (
    (re.compile(r"prune([0-9]{1,9})of([0-9]{1,9})"), PruneBlock),
    (re.compile(r"prune([0-9]{1,9})x([0-9]{1,9})"), Prune),
    (re.compile(r"prune([0-9]{1,9})"), Prune),
    (re.compile(r"cluster([0-9]{1,9})"), Cluster),
    (re.compile(r"qat"), QuantizeAware),
)
_WORDS = ("prune70", "prune70x4", "prune2of4", "cluster16", "qat")


@dataclass(frozen=True)
class Recipe:
    """Steps in the order prune, cluster, qat (each at most once), then a format. Impossible ones can't be built."""

    steps: Steps
    format: Format

    def __post_init__(self) -> None:
        order = [_ORDER[type(step)] for step in self.steps]
        if order != sorted(set(order)):
            raise RecipeError(
                f"received '{self}'; expected each of prune, cluster and qat at most once and in this order:"
                " pruning first, because clustering can keep zeros and pruning can't keep clusters"
            )
        if QuantizeAware() in self.steps and self.format not in (Format.INT8, Format.UINT8):
            raise RecipeError(
                f"received '{self}'; expected qat to be followed by int8 or uint8: it trains the ranges of 8-bit activations,"
                f" which {self.format} doesn't use. Try '{Recipe(self.steps, Format.INT8)}', or leave out qat"
            )

    def __str__(self) -> str:
        return "-".join([*map(str, self.steps), self.format.value])

    @classmethod
    def parse(cls, name: str) -> "Recipe":
        """The recipe called `name`.

        Raises: RecipeError: a word is unknown (with "did you mean"), the format is missing, or the steps can't go together.
        """
        if not isinstance(name, str) or not name:
            raise RecipeError(f"received {name!r} as a recipe; expected a name such as 'prune70-int8'")
        *steps, last = name.split("-")
        if last not in list(Format):
            raise RecipeError(
                f"received '{name}': '{last}' is not a number format; expected a recipe that ends in one of"
                f" {', '.join(Format)}.{did_you_mean(last, Format)}"
            )
        return cls(tuple(_parse_step(word, name) for word in steps), Format(last))

    @property
    def quantizes_aware(self) -> bool:
        """Whether the recipe trains with quantization."""
        return QuantizeAware() in self.steps

    @property
    def meaning(self) -> str:
        """One line for a person who meets the name for the first time."""
        return "; then ".join([*(step.meaning for step in self.steps), self.format.meaning])


def _parse_step(word: str, name: str) -> Step:
    for pattern, build in _GRAMMAR:
        if match := pattern.fullmatch(word):
            return build(*map(int, match.groups()))
    raise RecipeError(
        f"received '{name}': '{word}' is not a step; expected prune<percent>, prune<percent>x<n>, prune<m>of<n>, cluster<n> or qat.{did_you_mean(word, _WORDS)}"
    )


def prefix_name(steps: Steps) -> str:
    """What the model after `steps` is called in task runs and logs: `prune70-cluster16`, or `baseline`."""
    return "-".join(map(str, steps)) or "baseline"


def prefixes(recipes: Iterable[Recipe]) -> tuple[Steps, ...]:
    """Every distinct chain of steps that `recipes` need, each after the one it extends: the tree of shared work.

    >>> [prefix_name(s) for s in prefixes([Recipe.parse("prune70-qat-int8"), Recipe.parse("prune70-int8")])]
    ['prune70', 'prune70-qat']
    """
    found: dict[Steps, None] = {}
    for recipe in recipes:
        for length in range(1, len(recipe.steps) + 1):
            found.setdefault(recipe.steps[:length])
    return tuple(sorted(found, key=len))


ALL = tuple(
    Recipe.parse(name)
    for name in (
        "float32",
        "float16",
        "dynamic",
        "int8",
        "uint8",
        "int16x8",
        "qat-int8",
        "prune70-int8",
        "prune2of4-int8",
        "cluster16-int8",
        "prune70-qat-int8",
        "cluster16-qat-int8",
        "prune70-cluster16-int8",
        "prune70-cluster16-qat-int8",
    )
)

NAMED_SETS = {
    "all": ALL,
    "formats": tuple(recipe for recipe in ALL if not recipe.steps),
}
