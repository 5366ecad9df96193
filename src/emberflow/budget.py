"""Budgets: does this footprint fit that chip? Pure arithmetic; knows nothing of files, Prefect or MLflow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import Field, model_validator

from emberflow.errors import ProjectError
from emberflow.measure import Measure
from emberflow.recipe import Cluster, Format, Prune, PruneBlock, QuantizeAware, Recipe, Step
from emberflow.target import Target, TargetKind
from emberflow.units import show_time
from emberflow.values import Bytes, Microseconds, Value
from emberflow.variant import Evaluation, Firmware, Footprint, Interval, Reason, ReasonKind, Verdict

WHY_REFUSED = {
    Format.DYNAMIC: "TensorFlow Lite for Microcontrollers refuses hybrid kernels (int8 weights, float activations)",
    Format.FLOAT16: "weights stored in 16 bits are expanded to 32-bit float before they are used, so float16 gains nothing there",
}
"""Why a microcontroller doesn't run a number format."""
_FASTER = "try fewer channels, a shorter input or strides instead of pooling, or a target with a faster clock or the DSP extension"
_INPUT = "a shorter window (a smaller input) or fewer channels"


class Budget(Value):
    """The most that the product can bear. What is left out is bounded by the target alone."""

    flash: Bytes | None = Field(default=None, description="flash for model and runtime, such as '256 KiB'; default: the target's")
    ram: Bytes | None = Field(default=None, description="RAM for arena, variables and stack, such as '64 KiB'; default: the target's")
    stack: Bytes | None = Field(
        default=None,
        description="the deepest that the stack may reach, such as '512 B'; a variant whose stack was not measured doesn't fit; default: any that fits into RAM",
    )
    instructions: int | None = Field(
        default=None, gt=0, description="the most instructions of one inference; a variant that was not run doesn't fit; default: any number"
    )
    time: Microseconds | None = Field(
        default=None,
        description="the longest inference, such as '10 ms', estimated at one instruction a clock cycle; a variant that was not run doesn't fit; default: any",
    )
    accuracy_drop: float = Field(
        default=0.02,
        ge=0,
        description="by how much the project's metric may get worse against the float baseline, in its own unit; `metric_drop` is the same key",
    )

    @model_validator(mode="before")
    @classmethod
    def _one_name(cls, given: object) -> object:
        """`metric_drop` says it better where the metric is no accuracy."""
        if not isinstance(given, Mapping) or "metric_drop" not in given:
            return given
        if "accuracy_drop" in given:
            raise ProjectError("received accuracy_drop and metric_drop, which are the same; expected one of them")
        return {"accuracy_drop" if key == "metric_drop" else key: value for key, value in given.items()}


@dataclass(frozen=True)
class Candidate:
    """A variant before its verdict: how it was made, what was measured, what it takes on the device, and what is known of its firmware."""

    recipe: Recipe
    evaluation: Evaluation
    footprint: Footprint
    firmware: Firmware | None = None


def judge(candidate: Candidate, target: Target, budget: Budget, measure: Measure) -> Verdict:
    """Whether `candidate` fits `target` and `budget`, with every reason why not.

    Args:
        measure: what `candidate.evaluation.drop` was measured in; for the words alone.
    """
    reasons = (
        *_judge_format(candidate.recipe, target),
        *_judge_runtime(candidate, target),
        *_judge_parity(candidate),
        *_judge_self_test(candidate),
        *_judge_flash(candidate, target, budget),
        *_judge_ram(candidate, target, budget),
        *_judge_stack(candidate, budget),
        *_judge_instructions(candidate, budget),
        *_judge_time(candidate, target, budget),
        *_judge_unmeasured(candidate, target, budget),
        *_judge_accuracy(candidate, target, budget, measure),
    )
    return Verdict(fits=not reasons, reasons=reasons, footprint=candidate.footprint, notes=tuple(_note_firmware(candidate)))


def _judge_format(recipe: Recipe, target: Target) -> Iterator[Reason]:
    if recipe.format in target.formats:
        return
    why = WHY_REFUSED.get(recipe.format) if target.kind is TargetKind.MICROCONTROLLER else None
    message = f"{target.name} doesn't run {recipe.format}" + (f": {why}" if why else f"; it runs {', '.join(target.formats)}")
    yield Reason(kind=ReasonKind.FORMAT, message=message, advice=_advise_format(recipe, target))


def _advise_format(recipe: Recipe, target: Target) -> str:
    best = next((each for each in (Format.INT8, *target.formats) if each in target.formats), Format.INT8)
    return f"try {_with_format(recipe, best)}"


def _judge_runtime(candidate: Candidate, target: Target) -> Iterator[Reason]:
    micro = candidate.evaluation.micro
    if target.kind is not TargetKind.MICROCONTROLLER or micro.runs:
        return
    message = f"TensorFlow Lite for Microcontrollers refused the model: {micro.reason.strip().rstrip('.') or 'it gave no reason'}"
    if candidate.recipe.format in target.formats:
        advice = "replace the layer that this names by one that TensorFlow Lite for Microcontrollers runs, or choose a Linux-class target"
    else:
        advice = f"change the number format first: {candidate.recipe.format} may be all that it refuses"
    yield Reason(kind=ReasonKind.RUNTIME, message=message, advice=advice)


def _judge_parity(candidate: Candidate) -> Iterator[Reason]:
    """Firmware that was shown to compute something else than TFLM, or not to run, never serves."""
    on_chip = candidate.firmware.on_chip if candidate.firmware else None
    if on_chip is None or not on_chip.is_refuted:
        return
    advice = "this is a mistake of Emberflow's compiler: report it with the .tflite, and build this variant with TFLM meanwhile"
    yield Reason(kind=ReasonKind.PARITY, message=f"the firmware is not equal to TFLM: {on_chip.complaint}", advice=advice)


def _judge_self_test(candidate: Candidate) -> Iterator[Reason]:
    """A product that fails its own test never serves, however right its model is."""
    on_chip = candidate.firmware.on_chip if candidate.firmware else None
    if on_chip is None or on_chip.self_test is None or on_chip.self_test.passed:
        return
    advice = "what stands around the model computes something else on the chip than here: report it with the bundle of this run"
    yield Reason(kind=ReasonKind.SELF_TEST, message=f"the product fails on the chip: {on_chip.self_test}", advice=advice)


def _judge_flash(candidate: Candidate, target: Target, budget: Budget) -> Iterator[Reason]:
    limit = _Limit("flash", target.flash_bytes, budget.flash)
    missing = candidate.footprint.flash_bytes - limit.bytes
    if missing > 0:
        advice = f"{_advise_flash(candidate.recipe, target)}, {limit.way_out(target)}"
        yield Reason(kind=ReasonKind.FLASH, message=limit.complain(missing, target), missing=missing, advice=advice)


def _advise_flash(recipe: Recipe, target: Target) -> str:
    match recipe.format:
        case Format.FLOAT32:
            return f"try {_with_format(recipe, Format.INT8)}, whose weights take a quarter of the flash"
        case Format.FLOAT16:
            return f"try {_with_format(recipe, Format.INT8)}, whose weights take half the flash"
    if target.kind is TargetKind.LINUX or recipe.format not in (Format.INT8, Format.UINT8):
        return "try fewer channels or fewer layers (the weights are small already, and neither zeros nor clusters shrink the file)"
    steps = tuple(step for step in recipe.steps if isinstance(step, Prune | PruneBlock | Cluster))
    if len(steps) > 1:
        return "try fewer channels or fewer layers (the weights are packed already)"
    return f"try '{Recipe((Prune(70), Cluster(16)), recipe.format)}', whose weights stay packed in flash, or fewer channels or layers"


def _judge_ram(candidate: Candidate, target: Target, budget: Budget) -> Iterator[Reason]:
    limit = _Limit("RAM", target.ram_bytes, budget.ram)
    missing = candidate.footprint.ram_bytes - limit.bytes
    if missing > 0:
        advice = f"{_advise_ram(candidate.recipe)}, {limit.way_out(target)}"
        yield Reason(kind=ReasonKind.RAM, message=limit.complain(missing, target), missing=missing, advice=advice)


def _advise_ram(recipe: Recipe) -> str:
    match recipe.format:
        case Format.FLOAT32 | Format.FLOAT16 | Format.DYNAMIC:
            return f"try {_with_format(recipe, Format.INT8)}, whose activations take a quarter of the RAM, {_INPUT}"
        case Format.INT16X8:
            return f"try {_with_format(recipe, Format.INT8)}, whose activations take half the RAM, {_INPUT}"
    return f"try {_INPUT}"


def _judge_stack(candidate: Candidate, budget: Budget) -> Iterator[Reason]:
    taken = candidate.footprint.stack_bytes
    if taken is not None and budget.stack is not None and taken > budget.stack:
        message = f"needs {taken - budget.stack:,} B more stack than the budget of {_exact(budget.stack)} allows"
        yield Reason(
            kind=ReasonKind.STACK, message=message, missing=taken - budget.stack, advice="try a larger budget: a model's size hardly matters here"
        )


def _judge_instructions(candidate: Candidate, budget: Budget) -> Iterator[Reason]:
    taken, limit = candidate.footprint.instructions, budget.instructions
    if taken is not None and limit is not None and taken > limit:
        message = f"needs {taken - limit:,} instructions an inference more than the budget of {limit:,} allows"
        yield Reason(kind=ReasonKind.INSTRUCTIONS, message=message, missing=taken - limit, advice=_FASTER)


def _judge_time(candidate: Candidate, target: Target, budget: Budget) -> Iterator[Reason]:
    taken, limit = candidate.footprint.latency_us, budget.time
    if taken is not None and limit is not None and taken > limit:
        basis = f"an estimate: one instruction a cycle at {target.clock_hz / 1e6:g} MHz"
        message = f"needs about {show_time(taken - limit)} an inference more than the budget of {show_time(limit)} allows ({basis})"
        yield Reason(kind=ReasonKind.TIME, message=message, missing=taken - limit, advice=_FASTER)


def _judge_unmeasured(candidate: Candidate, target: Target, budget: Budget) -> Iterator[Reason]:
    """What a product can't bear must be known: a bound that nothing was held against is not kept."""
    limits = {"stack": budget.stack, "instructions": budget.instructions, "time": budget.time}
    asked = [name for name, limit in limits.items() if limit is not None]
    if not asked or candidate.footprint.instructions is not None:
        return
    told, is_compiled = " and ".join(asked), candidate.recipe.format in (Format.INT8, Format.UINT8)
    if target.kind is TargetKind.LINUX:
        why, advice = f"on {target.name} nothing is emulated", ""
    elif not is_compiled:
        why, advice = (
            f"no C is compiled for {candidate.recipe.format}",
            f"try {_with_format(candidate.recipe, Format.INT8)}, whose firmware is run, or ",
        )
    else:
        why, advice = _why_not_run(candidate.firmware), "mend what this names (`emberflow doctor` looks for the tools) and run again, or "
    message = f"the budget bounds {told}, and nothing was measured: {why}"
    yield Reason(kind=ReasonKind.UNMEASURED, message=message, advice=f"{advice}leave {told} out of the budget")


def _why_not_run(firmware: Firmware | None) -> str:
    if firmware is None:
        return "the firmware was not built"
    on_chip = firmware.on_chip
    return firmware.why_not or (on_chip.unproven if on_chip else "") or "the firmware did not run to its end"


def _note_firmware(candidate: Candidate) -> Iterator[str]:
    """That figures of the chip are missing, or prove nothing, and why."""
    firmware = candidate.firmware
    if firmware and firmware.why_not:
        yield f"the chip's figures are missing: {firmware.why_not}"
    if firmware and firmware.on_chip and firmware.on_chip.unproven:
        yield f"nothing is proven on the chip: {firmware.on_chip.unproven}"


def _judge_accuracy(candidate: Candidate, target: Target, budget: Budget, measure: Measure) -> Iterator[Reason]:
    drop, allowed = candidate.evaluation.drop, budget.accuracy_drop
    if drop.estimate <= allowed:
        return
    interval = f"95 % interval {measure.show(drop.low)} to {measure.show(drop.high)}"
    lost = measure.show(drop.estimate)
    loses = f"loses {lost} of {measure.name}" if measure.higher_is_better else f"has {lost} more {measure.name}"
    message = f"{loses} ({interval}), more than the {measure.show(allowed)} allowed"
    advice = _advise_accuracy(candidate.recipe, target)
    if _may_be_chance(drop, allowed):
        advice = f"the interval reaches down to {measure.show(drop.low)}: more test samples would tell; or {advice}"
    yield Reason(kind=ReasonKind.ACCURACY, message=message, missing=drop.estimate - allowed, advice=advice)


def _may_be_chance(drop: Interval, allowed: float) -> bool:
    return drop.low <= allowed


def _advise_accuracy(recipe: Recipe, target: Target) -> str:
    if recipe.format in (Format.INT8, Format.UINT8) and not recipe.quantizes_aware:
        return f"try '{Recipe((*recipe.steps, QuantizeAware()), recipe.format)}', which trains with the rounding of {recipe.format}"
    for step in recipe.steps:
        if isinstance(step, Prune | PruneBlock | Cluster):
            milder = "more clusters" if isinstance(step, Cluster) else "less pruning"
            return f"try '{_without(recipe, step)}', or {milder} than {step}"
    finer = Format.INT16X8 if recipe.format in (Format.INT8, Format.UINT8) else Format.FLOAT32
    if finer in target.formats and finer is not recipe.format:
        return f"try '{finer}', which computes in finer steps"
    return "look for a mistake: the conversion itself should lose next to nothing here"


def _without(recipe: Recipe, left_out: Step) -> Recipe:
    return Recipe(tuple(step for step in recipe.steps if step != left_out), recipe.format)


def _with_format(recipe: Recipe, number_format: Format) -> str:
    steps = tuple(step for step in recipe.steps if number_format in (Format.INT8, Format.UINT8) or not isinstance(step, QuantizeAware))
    return f"'{Recipe(steps, number_format)}'"


@dataclass(frozen=True)
class _Limit:
    """The smaller of what the target has and the budget allows."""

    memory: str
    target_bytes: int
    budget_bytes: int | None

    @property
    def is_budget(self) -> bool:
        return self.budget_bytes is not None and self.budget_bytes < self.target_bytes

    @property
    def bytes(self) -> int:
        return self.target_bytes if self.budget_bytes is None else min(self.target_bytes, self.budget_bytes)

    def complain(self, missing_bytes: int, target: Target) -> str:
        bound = f"the budget of {_exact(self.bytes)} allows" if self.is_budget else f"{target.name} has"
        return f"needs {missing_bytes:,} B more {self.memory} than {bound}"

    def way_out(self, target: Target) -> str:
        return f"or a larger budget: {target.name} has {_exact(self.target_bytes)}" if self.is_budget else f"or a target with more {self.memory}"


def _exact(count: int) -> str:
    for unit, name in ((1024**2, "MiB"), (1024, "KiB")):
        if count and count % unit == 0:
            return f"{count // unit:,} {name}"
    return f"{count:,} B"
