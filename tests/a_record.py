"""A record of a smart-watch run, made by hand from figures of the project's own measurements; tests of what is written from a record share it."""

import numpy as np

from emberflow.artifact import Artifact, Kind, digest
from emberflow.budget import Budget
from emberflow.dataset import Part, Sampling, Splits
from emberflow.firmware.vectors import TestVectors
from emberflow.measure import Measure
from emberflow.on_chip import Emulated, LayerOnChip, Linked, OnChip, Packed, Parity, SelfTest
from emberflow.recipe import Format, Recipe
from emberflow.record import Baseline, Provenance, Record
from emberflow.standardization import Standardization
from emberflow.target import Region, Target, TargetKind
from emberflow.training import TrainingCurve
from emberflow.variant import (
    Choice,
    Evaluation,
    Failure,
    Firmware,
    Footprint,
    Interval,
    Latency,
    LayerWeights,
    MicroVerdict,
    Quality,
    Reason,
    ReasonKind,
    Size,
    Variant,
    Verdict,
)

LABELS = ("PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW")
PER_LABEL = 103
SAMPLES = PER_LABEL * len(LABELS)  # 721

# recipe, accuracy, drop [low, high], .tflite, zipped, flash and RAM in bytes, host latency in µs
FIGURES = (
    ("float32", 0.811, 0.000, -0.004, 0.004, 79_064, 72_911, 128_120, 41_216, 61.0),
    ("float16", 0.811, 0.000, -0.004, 0.004, 42_728, 37_240, 91_784, 41_216, 64.0),
    ("dynamic", 0.808, 0.003, -0.006, 0.011, 26_168, 21_775, 75_224, 41_216, 48.0),
    ("int8", 0.818, -0.007, -0.019, 0.005, 27_096, 21_902, 76_152, 12_304, 33.0),
    ("uint8", 0.818, -0.007, -0.019, 0.005, 27_352, 22_013, 76_408, 12_304, 34.0),
    ("int16x8", 0.812, -0.001, -0.006, 0.004, 29_224, 23_690, 80_328, 22_544, 88.0),
    ("qat-int8", 0.805, 0.006, -0.010, 0.022, 27_728, 22_310, 76_784, 12_304, 33.0),
    ("prune70-int8", 0.814, -0.003, -0.018, 0.013, 27_096, 12_216, 76_152, 12_304, 32.0),
    ("prune2of4-int8", 0.799, 0.012, -0.004, 0.028, 27_096, 15_480, 76_152, 12_304, 33.0),
    ("cluster16-int8", 0.809, 0.002, -0.012, 0.016, 27_096, 11_207, 76_152, 12_304, 33.0),
    ("prune70-qat-int8", 0.796, 0.015, -0.003, 0.033, 27_728, 12_905, 76_784, 12_304, 33.0),
    ("cluster16-qat-int8", 0.802, 0.009, -0.007, 0.025, 27_728, 11_730, 76_784, 12_304, 34.0),
    ("prune70-cluster16-int8", 0.780, 0.031, 0.011, 0.050, 27_096, 8_954, 76_152, 12_304, 32.0),
    ("prune70-cluster16-qat-int8", 0.773, 0.038, 0.017, 0.058, 27_728, 9_377, 76_784, 12_304, 33.0),
)

FLASH_BUDGET = 96 * 1024
RAM_BUDGET = 48 * 1024


def blob(name: str, size_bytes: int = 1024, kind: Kind = Kind.ARRAY) -> Artifact:
    """A blob whose content is its name."""
    return Artifact(sha256=digest(name.encode()), size_bytes=size_bytes, kind=kind)


def part(name: str, samples: int) -> Part:
    """One part of the data."""
    return Part(x=blob(f"{name}-x"), y=blob(f"{name}-y"), samples=samples)


def confusion(accuracy: float) -> tuple[tuple[int, ...], ...]:
    """Seven labels with 103 samples each; every label is taken for the two after it about as often as it must."""
    wrong = round(PER_LABEL * (1 - accuracy))
    near = wrong - wrong // 3
    return tuple(
        tuple({0: PER_LABEL - wrong, 1: near, 2: wrong // 3}.get((column - line) % len(LABELS), 0) for column in range(len(LABELS)))
        for line in range(len(LABELS))
    )


def quality(accuracy: float, runtime: str) -> Quality:
    """Scores and confusion of a classifier this good."""
    return Quality(
        runtime=runtime, samples=SAMPLES, scores={"accuracy": accuracy, "macro_f1": round(accuracy - 0.004, 3)}, confusion=confusion(accuracy)
    )


def layers(recipe: Recipe) -> tuple[LayerWeights, ...]:
    """Three of the network's layers, with the zeros and distinct values that `recipe` leaves."""
    words = str(recipe)
    sparsity = 0.7 if "prune70" in words else 0.5 if "prune2of4" in words else 0.01
    distinct = 16 if "cluster16" in words else 211
    dtype = "float32" if recipe.format is Format.FLOAT32 else "int8"
    return tuple(
        LayerWeights(
            name=name,
            operator=operator,
            shape=shape,
            dtype=dtype,
            parameters=parameters,
            sparsity=sparsity,
            distinct=distinct * 3,
            distinct_per_channel=distinct,
        )
        for name, operator, shape, parameters in (
            ("conv1d/kernel", "CONV_2D", (32, 1, 5, 6), 960),
            ("conv1d_1/kernel", "CONV_2D", (64, 1, 5, 32), 10_240),
            ("dense/kernel", "FULLY_CONNECTED", (7, 64), 448),
        )
    )


def size(recipe: Recipe, file_bytes: int, compressed_bytes: int) -> Size:
    """What the file weighs."""
    return Size(
        file_bytes=file_bytes,
        compressed_bytes=compressed_bytes,
        parameters=26_055,
        macs=1_104_320,
        peak_activation_bytes=8_192,
        sparsity=layers(recipe)[0].sparsity,
        operators={"CONV_2D": 3, "RESHAPE": 4, "MEAN": 1, "FULLY_CONNECTED": 2, "SOFTMAX": 1},
        layers=layers(recipe),
    )


def micro(recipe: Recipe, ram_bytes: int) -> MicroVerdict:
    """TFLM refuses hybrid and float16 models."""
    if recipe.format is Format.DYNAMIC:
        return MicroVerdict(runs=False, reason="Hybrid models are not supported on TFLite Micro. Node CONV_2D (number 1f) failed to prepare")
    if recipe.format is Format.FLOAT16:
        return MicroVerdict(runs=False, reason="DEQUANTIZE of float16 is not supported")
    return MicroVerdict(runs=True, reason="", arena_bytes=ram_bytes)


def parity(recipe: Recipe) -> tuple[Parity, ...]:
    """XNNPACK strays by up to three steps, the reference kernels by none; float models agree on no byte."""
    if not micro(recipe, 0).runs:
        return ()
    strays = (612, 200, 6e-7) if recipe.format is Format.FLOAT32 else (41, 23, 3)
    counts = {"default": strays, "reference": (0, 0, 0)}
    return tuple(
        Parity(runtime=name, samples=200, bytes=1400, differing_bytes=b, differing_samples=s, largest_difference=step, distinct_outputs=177)
        for name, (b, s, step) in counts.items()
    )


def reasons(recipe: Recipe, drop: float, flash_bytes: int) -> tuple[Reason, ...]:
    """Judged by hand: 96 KiB of flash, 0.02 of accuracy, no hybrid model and no float16 on the chip."""
    found = []
    if recipe.format in (Format.DYNAMIC, Format.FLOAT16):
        found.append(
            Reason(
                kind=ReasonKind.FORMAT,
                message=f"stm32f405 runs no {recipe.format} model: TFLM has no kernels for it",
                advice="use int8, which is smaller and faster there",
            )
        )
    if flash_bytes > FLASH_BUDGET:
        over = flash_bytes - FLASH_BUDGET
        found.append(
            Reason(
                kind=ReasonKind.FLASH,
                message=f"needs {over:,} B more flash than the budget of 96 KiB",
                missing=over,
                advice="try an int8 recipe, or a smaller model",
            )
        )
    if drop > 0.02:
        found.append(
            Reason(
                kind=ReasonKind.ACCURACY,
                message=f"loses {drop:.3f} of accuracy; the budget bears 0.020",
                missing=drop - 0.02,
                advice="prune less, or fine-tune for more epochs",
            )
        )
    return tuple(found)


def variant(line: tuple[str, float, float, float, float, int, int, int, int, float]) -> Variant:
    """One line of FIGURES as a Variant."""
    name, accuracy, drop, low, high, file_bytes, compressed_bytes, flash_bytes, ram_bytes, us = line
    recipe = Recipe.parse(name)
    runs = micro(recipe, ram_bytes).runs
    why_not = reasons(recipe, drop, flash_bytes)
    return Variant(
        recipe=name,
        model=blob(name, file_bytes, Kind.TFLITE),
        notes=("left dense_1 alone: fewer than 64 weights", "pruning saved nothing in the file") if "prune" in name else (),
        evaluation=Evaluation(
            size=size(recipe, file_bytes, compressed_bytes),
            quality=quality(accuracy, "TFLM" if runs else "LiteRT"),
            drop=Interval(estimate=drop, low=low, high=high),
            agreement=0.962,
            micro=micro(recipe, ram_bytes),
            parity=parity(recipe),
        ),
        latency=Latency(median_us=us, p95_us=us * 1.2, threads=1, runs=500),
        verdict=Verdict(
            fits=not why_not,
            reasons=why_not,
            footprint=Footprint(flash_bytes=flash_bytes, ram_bytes=ram_bytes, basis="estimated: file + TFLM's runtime and the kernels used"),
        ),
    )


TARGET = Target(
    name="stm32f405",
    title="STM32F405RG",
    kind=TargetKind.MICROCONTROLLER,
    core="cortex-m4f",
    fpu=True,
    dsp=True,
    clock_hz=168_000_000,
    flash_bytes=1024 * 1024,
    ram_bytes=128 * 1024,
    regions=(
        Region(name="flash", origin=0x0800_0000, size_bytes=1024 * 1024),
        Region(name="sram", origin=0x2000_0000, size_bytes=128 * 1024),
    ),
    formats=(Format.FLOAT32, Format.INT8, Format.UINT8, Format.INT16X8),
    sources={"flash_bytes": "STM32F405xx datasheet, DS8626, page 1"},
)

SPLITS = Splits(
    train=part("train", 2_513),
    validation=part("validation", 371),
    test=part("test", SAMPLES),
    calibration=part("calibration", 200),
    vectors=part("vectors", 32),
    input_shape=(128, 6),
    labels=LABELS,
    sampling=Sampling(rate_hz=50, channels=("ax", "ay", "az", "gx", "gy", "gz"), unit="g and rad/s"),
    standardization=Standardization(mean=(0.0,) * 6, std=(1.0,) * 6),
    warnings=("label 'TRAP' has 9 % of the training windows, 'PEN' has 19 %",),
)

RECORD = Record(
    project="smart-watch",
    measure=Measure(name="accuracy"),
    target=TARGET,
    budget=Budget(flash=FLASH_BUDGET, ram=RAM_BUDGET, accuracy_drop=0.02),
    splits=SPLITS,
    baseline=Baseline(
        model=blob("baseline", 342_118, Kind.KERAS),
        parameters=26_055,
        quality=quality(0.811, "Keras"),
        curve=TrainingCurve(
            loss=(1.52, 0.97, 0.71, 0.55, 0.44, 0.37, 0.32, 0.28),
            val_loss=(1.31, 0.99, 0.83, 0.76, 0.71, 0.69, 0.70, 0.72),
            score=(0.42, 0.66, 0.75, 0.81, 0.85, 0.87, 0.89, 0.91),
            val_score=(0.55, 0.66, 0.72, 0.76, 0.78, 0.80, 0.80, 0.81),
        ),
    ),
    variants=tuple(map(variant, FIGURES)),
    failures=(
        Failure(recipe="prune2of4-qat-int8", stage="quantize-aware", reason="tfmot has no prune-preserving scheme for 2of4 sparsity; leave out qat"),
    ),
    choice=Choice(
        champion="int8",
        nearest=None,
        pareto=("dynamic", "int8"),
        explanation=(
            "int8 is the most accurate of the 10 variants that fit. uint8 scores the same and takes 256 B more flash;"
            " prune70-int8 takes the same flash and scores 0.004 less."
        ),
    ),
    provenance=Provenance(
        run_id="20260412-083107-kqzt",
        started="2026-04-12T08:31:07Z",
        project_digest=digest(b"project"),
        data_digest=digest(b"data"),
        code_digest=digest(b"code"),
        versions={"python": "3.11.2", "tensorflow": "2.21.0", "tensorflow-model-optimization": "0.8.1", "tflite-micro": "0.dev20261023182759"},
    ),
)


def without_room(one: Variant) -> Variant:
    """The same variant, judged against 64 KiB of flash."""
    over = one.verdict.footprint.flash_bytes - 64 * 1024
    reason = Reason(
        kind=ReasonKind.FLASH,
        message=f"needs {over:,} B more flash than the budget of 64 KiB allows",
        missing=over,
        advice="take a chip with more flash, or a narrower network",
    )
    kept = tuple(reason for reason in one.verdict.reasons if reason.kind is not ReasonKind.FLASH)
    return one.model_copy(update={"verdict": one.verdict.model_copy(update={"fits": False, "reasons": (*kept, reason)})})


def nothing_fits() -> Record:
    """The same run under 64 KiB of flash: dynamic can't run anyway, so int8 comes nearest, 76,152 - 65,536 = 10,616 B over."""
    choice = Choice(
        champion=None,
        nearest="int8",
        pareto=("dynamic", "int8"),
        explanation="None of the 14 variants fits. int8 misses by the least: 10,616 B of flash.",
    )
    budget = Budget(flash=64 * 1024, ram=RAM_BUDGET)
    return RECORD.model_copy(update={"budget": budget, "variants": tuple(map(without_room, RECORD.variants)), "choice": choice})


def on_chip(**more: object) -> OnChip:
    """Figures of an int8 variant's firmware: two layers, 1,024 B of stack set aside of which 220 are used, equal to TFLM, self-test passed."""
    equal = Parity(runtime="firmware", samples=100, bytes=700, differing_bytes=0, differing_samples=0, largest_difference=0, distinct_outputs=97)
    sections = {".text": 6_000, ".rodata": 24_000, ".stack": 1024, ".bss": 8_200}
    linked = Linked(flash_bytes=30_040, variable_bytes=8_200, arena_bytes=8_192, reserved_stack_bytes=1024, sections=sections, missing_bytes={})
    layers = (
        LayerOnChip(name="conv_2d_1", constant_bytes=1_000, instructions=400_000),
        LayerOnChip(name="reshape_2", constant_bytes=0),
        LayerOnChip(name="conv_2d_3", constant_bytes=20_000, instructions=600_000),
    )
    emulated = Emulated(
        core="cortex-m4f",
        parity=equal,
        first_difference=None,
        stack_bytes=220,
        instructions=1_000_000,
        least_instructions=999_000,
        most_instructions=1_001_000,
    )
    test = SelfTest(core="cortex-m4f", samples=16, flash_bytes=42_440, stack_bytes=200)
    figures = OnChip(target="stm32f405", linked=linked, layers=layers, emulated=emulated, on_host=equal, host_differing_bytes=0, self_test=test)
    return figures.model_copy(update=more)


def compiled(one: Variant, stored_bytes: int = 11_200, instructions: int = 1_000_000, **more: object) -> Variant:
    """The same variant with firmware whose second layer's weights take `stored_bytes` instead of 10,240; 168 instructions take 1 µs."""
    figures = on_chip(**more)
    if figures.emulated:
        figures = figures.model_copy(update={"emulated": figures.emulated.model_copy(update={"instructions": instructions})})
    packing = (
        Packed(layer="conv_2d_1", encoding="plain", plain_bytes=960, stored_bytes=960, added_instructions=0),
        Packed(layer="conv_2d_3", encoding="table", plain_bytes=10_240, stored_bytes=stored_bytes - 960, added_instructions=20_000),
    )
    footprint = Footprint(
        flash_bytes=18_840 + stored_bytes,
        ram_bytes=9_224,
        stack_bytes=220 if figures.emulated else None,
        instructions=instructions if figures.emulated else None,
        latency_us=instructions / 168 if figures.emulated else None,
        is_measured=True,
        basis="measured from the linked firmware",
    )
    return one.model_copy(
        update={
            "firmware": Firmware(sources=blob("sources", kind=Kind.SOURCES), packing=packing, on_chip=figures, quality=one.evaluation.quality),
            "verdict": one.verdict.model_copy(update={"footprint": footprint}),
        }
    )


def with_firmware(**more: object) -> Record:
    """The same run with firmware of int8 and of prune70-int8, whose weights take 5,600 B instead of 11,200 and a tenth more instructions."""
    made = {"int8": compiled(RECORD.variant("int8"), **more), "prune70-int8": compiled(RECORD.variant("prune70-int8"), 5_600, 1_100_000, **more)}
    return RECORD.model_copy(update={"variants": tuple(made.get(one.recipe, one) for one in RECORD.variants)})


VECTORS = TestVectors(
    raw=np.full((3, 5, 6), 0.5, np.float32),
    inputs=np.full((3, 5, 6), 4, np.int8),
    outputs=np.eye(3, 7, dtype=np.int8),
    labels=np.arange(3, dtype=np.int64),
    input_scale=0.1,
    input_zero_point=4,
    output_scale=1 / 256,
    output_zero_point=-128,
)
"""Three windows of 5 samples and 6 channels; every code is the zero point."""
