"""What a project wants of single layers: left in float, left alone by a step, or pruned by a percentage of their own. Values only; treat nothing."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from emberflow.errors import ProjectError, did_you_mean
from emberflow.recipe import Cluster, Prune, PruneBlock, QuantizeAware, Step
from emberflow.target import Target, TargetKind
from emberflow.values import Value

Percent = Annotated[int, Field(ge=1, le=99)]


class LayerWish(Value):
    """What one layer, or all whose names a pattern such as `block_?_*` matches, want; keys that are left out leave it to the recipe."""

    quantize: bool = Field(
        default=True, description="false: int8 and uint8 variants leave it in float32; for Linux-class targets, and not with `qat`"
    )
    qat: bool = Field(default=True, description="false: quantization-aware training leaves its weights alone; they are quantized afterwards")
    prune: bool | Percent = Field(default=True, description="false: pruning leaves it alone; 1 to 99: its own percentage in `prune<percent>` recipes")
    cluster: bool = Field(default=True, description="false: clustering leaves it alone")

    def refuses(self, step: Step) -> bool:
        """Whether `step` is to leave the layer alone."""
        match step:
            case Prune() | PruneBlock():
                return self.prune is False
            case Cluster():
                return not self.cluster
            case QuantizeAware():
                return not self.qat

    @property
    def percent(self) -> int | None:
        """The layer's own sparsity."""
        return None if isinstance(self.prune, bool) else self.prune


class Wishes(Value):
    """Every wish of a project, by the name of a layer or a pattern of `*`, `?` and `[...]`."""

    layers: dict[str, LayerWish] = Field(default={})

    def of(self, name: str) -> LayerWish:
        """What the layer called `name` wants: key by key, the last pattern that matches, and its own name before all patterns."""
        said = [wish for pattern, wish in self.layers.items() if pattern != name and fnmatchcase(name, pattern)]
        if name in self.layers:
            said.append(self.layers[name])
        return LayerWish(**{key: getattr(wish, key) for wish in said for key in wish.model_fields_set})

    def in_float(self, names: Iterable[str]) -> frozenset[str]:
        """Those of `names` that quantization is to leave in float."""
        return frozenset(name for name in names if not self.of(name).quantize)

    @property
    def leave_some_in_float(self) -> bool:
        """Whether any layer is to stay in float."""
        return any(not wish.quantize for wish in self.layers.values())

    def check(self, names: Iterable[str]) -> None:
        """Raises: ProjectError: a pattern matches none of `names`, the layers of the model; with "did you mean"."""
        known = list(names)
        for pattern in self.layers:
            if not any(fnmatchcase(name, pattern) for name in known):
                some = ", ".join(known[:_SHOWN]) + (f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else "")
                raise ProjectError(f"layers: the model has no layer '{pattern}'; expected one of {some}.{did_you_mean(pattern, known)}")

    def check_target(self, target: Target) -> None:
        """TensorFlow Lite for Microcontrollers and the compiler to C want integers from end to end.

        Raises: ProjectError: a layer is to stay in float on a microcontroller.
        """
        if self.leave_some_in_float and target.kind is TargetKind.MICROCONTROLLER:
            names = ", ".join(f"'{pattern}'" for pattern, wish in self.layers.items() if not wish.quantize)
            raise ProjectError(
                f"layers: received 'quantize: false' for {names} with the target '{target.name}', which runs full-integer models; expected a"
                " Linux-class target such as linux-arm64. Leave it out, or try int16x8"
            )

    def about(self, step: Step) -> "Wishes":
        """What decides the result of `step`, and nothing else: for a cache."""
        return self._about({Prune: "prune", PruneBlock: "prune", Cluster: "cluster", QuantizeAware: "qat"}[type(step)])

    @property
    def about_conversion(self) -> "Wishes":
        """The same of a conversion."""
        return self._about("quantize")

    def _about(self, *keys: str) -> "Wishes":
        said = {name: {key: getattr(wish, key) for key in keys if key in wish.model_fields_set} for name, wish in self.layers.items()}
        return Wishes(layers={name: LayerWish(**wanted) for name, wanted in said.items() if wanted})


NONE = Wishes()
"""Nothing out of the ordinary."""

_SHOWN = 20
