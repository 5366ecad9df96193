import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from emberflow.budget import Budget, Candidate, judge
from emberflow.evaluate.footprint import measured
from emberflow.measure import Measure
from emberflow.on_chip import Divergence, Emulated, Linked, OnChip, Parity, SelfTest
from emberflow.recipe import ALL, Format, Recipe
from emberflow.target import find_target
from emberflow.variant import Evaluation, Firmware, Footprint, Interval, MicroVerdict, Quality, ReasonKind, Size

CHIP = find_target("stm32f405")  # 1 MiB = 1,048,576 B of flash, 128 KiB = 131,072 B of RAM
LINUX = find_target("linux-arm64")
RUNS = MicroVerdict(runs=True, reason="")
NO_LOSS = Interval(estimate=0.0, low=-0.01, high=0.01)

ACCURACY = Measure(name="accuracy")


def candidate(recipe="int8", flash_bytes=27_096, ram_bytes=8_192, drop=NO_LOSS, micro=RUNS):
    size = Size(file_bytes=27_096, compressed_bytes=12_216, parameters=26_000, macs=1, peak_activation_bytes=1, sparsity=0.0, operators={}, layers=())
    quality = Quality(runtime="TFLM", samples=100, scores={"accuracy": 0.8}, confusion=())
    evaluation = Evaluation(size=size, quality=quality, drop=drop, agreement=1.0, micro=micro, parity=())
    return Candidate(Recipe.parse(recipe), evaluation, Footprint(flash_bytes=flash_bytes, ram_bytes=ram_bytes, basis="estimated"))


def reasons(some, target=CHIP, budget=Budget()):  # noqa: B008  # frozen
    return judge(some, target, budget, ACCURACY).reasons


def only(some, target=CHIP, budget=Budget()):  # noqa: B008  # frozen
    (reason,) = reasons(some, target, budget)
    return reason


def lost(estimate, low, high):
    return Interval(estimate=estimate, low=low, high=high)


def test_budget_reads_sizes():
    """Sizes are written as people write them."""

    budget = Budget.model_validate({"flash": "64 KiB", "ram": 4096})
    expected = (65_536, 4096, 0.02)
    assert expected == (budget.flash, budget.ram, budget.accuracy_drop)


def test_budget_refuses_what_is_no_size():
    """KB isn't used, and the message says what is."""

    with pytest.raises(ValidationError, match="received '64 KB' as a size"):
        Budget.model_validate({"flash": "64 KB"})


@pytest.mark.parametrize("wrong", [{"flash": -1}, {"instructions": 0}, {"time": 0}, {"accuracy_drop": -0.5}, {"flesh": 1}])
def test_budget_refuses_the_impossible(wrong):
    """Less than nothing, a loss above one, an unknown key."""

    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Budget.model_validate(wrong)


def test_what_is_small_and_good_fits():
    """No reason, and the footprint is handed on."""

    some = candidate()
    verdict = judge(some, CHIP, Budget(), ACCURACY)
    assert verdict.fits
    assert not verdict.reasons
    assert some.footprint == verdict.footprint


@pytest.mark.parametrize("recipe", ["float32", "int8", "uint8", "int16x8", "prune70-qat-int8"])
def test_chip_runs_full_integer_and_float32(recipe):
    """The formats that TensorFlow Lite for Microcontrollers runs give no reason."""

    assert judge(candidate(recipe), CHIP, Budget(), ACCURACY).fits


@pytest.mark.parametrize("recipe", ["float16", "dynamic", "float32", "int8", "uint8", "int16x8"])
def test_linux_runs_every_format(recipe):
    """And what TFLM says of the model is no reason there."""

    refused = MicroVerdict(runs=False, reason="Hybrid models are not supported")
    assert judge(candidate(recipe, micro=refused), LINUX, Budget(), ACCURACY).fits


def test_dynamic_on_a_chip():
    """Hybrid kernels don't run there; the same steps with int8 do."""

    reason = only(candidate("prune70-dynamic"))
    assert ReasonKind.FORMAT is reason.kind
    expected = "stm32f405 doesn't run dynamic: TensorFlow Lite for Microcontrollers refuses hybrid kernels (int8 weights, float activations)"
    assert expected == reason.message
    expected = "try 'prune70-int8'"
    assert expected == reason.advice
    assert reason.missing is None


def test_float16_on_a_chip():
    """The reason is that it gains nothing."""

    reason = only(candidate("float16"))
    assert ReasonKind.FORMAT is reason.kind
    assert reason.message.startswith("stm32f405 doesn't run float16: weights stored in 16 bits are expanded")
    expected = "try 'int8'"
    assert expected == reason.advice


def test_format_that_a_target_of_the_users_own_leaves_out():
    """Without a cause that we know, the message lists what runs; qat goes with the format that it needs."""

    narrow = CHIP.model_copy(update={"name": "narrow", "formats": (Format.FLOAT32,)})
    reason = only(candidate("prune70-qat-int8"), narrow)
    expected = ("narrow doesn't run int8; it runs float32", "try 'prune70-float32'")
    assert expected == (reason.message, reason.advice)


def test_model_that_tflm_refuses():
    """Its own words are handed on, without the full stop, since words follow."""

    reason = only(candidate(micro=MicroVerdict(runs=False, reason="Didn't find op for builtin opcode 'CUMSUM'.")))
    assert ReasonKind.RUNTIME is reason.kind
    expected = "TensorFlow Lite for Microcontrollers refused the model: Didn't find op for builtin opcode 'CUMSUM'"
    assert expected == reason.message
    assert "replace the layer" in reason.advice


def test_model_that_tflm_refuses_without_a_word():
    """An empty reason is said to be empty."""

    assert only(candidate(micro=MicroVerdict(runs=False, reason=" "))).message.endswith("refused the model: it gave no reason")


def test_refused_format_and_refused_model_are_two_reasons():
    """TFLM's refusal of a hybrid model follows from its format, and the advice says so."""

    kinds = {reason.kind: reason for reason in reasons(candidate("dynamic", micro=MicroVerdict(runs=False, reason="Hybrid")))}
    assert {ReasonKind.FORMAT, ReasonKind.RUNTIME} == set(kinds)
    assert kinds[ReasonKind.RUNTIME].advice.startswith("change the number format first")


def test_more_flash_than_the_chip_has():
    """1,048,576 + 4,196 = 1,052,772."""

    reason = only(candidate(flash_bytes=1_052_772))
    expected = (ReasonKind.FLASH, "needs 4,196 B more flash than stm32f405 has", 4196)
    assert expected == (reason.kind, reason.message, reason.missing)
    assert reason.advice.endswith("or a target with more flash")


def test_more_flash_than_the_budget_allows():
    """65,536 + 1,000 = 66,536; the chip itself has plenty, and the advice says so."""

    reason = only(candidate(flash_bytes=66_536), budget=Budget(flash=65_536))
    expected = ("needs 1,000 B more flash than the budget of 64 KiB allows", 1000)
    assert expected == (reason.message, reason.missing)
    assert reason.advice.endswith("or a larger budget: stm32f405 has 1 MiB")


@pytest.mark.parametrize(
    ("budget_bytes", "bound"),
    [
        (None, "stm32f405 has"),
        (2_000_000, "stm32f405 has"),
        (1_048_576, "stm32f405 has"),
        (1_000, "the budget of 1,000 B allows"),
        (0, "of 0 B allows"),
    ],
)
def test_the_smaller_of_chip_and_budget_bounds(budget_bytes, bound):
    """A budget above what the chip has gives nothing more, and is not what is blamed."""

    assert only(candidate(flash_bytes=1_048_577), budget=Budget(flash=budget_bytes)).message.endswith(bound)


def test_to_the_byte():
    """What takes exactly what there is fits; one byte more doesn't."""

    assert judge(candidate(flash_bytes=1_048_576, ram_bytes=131_072), CHIP, Budget(), ACCURACY).fits
    expected = [(ReasonKind.FLASH, 1), (ReasonKind.RAM, 1)]
    assert expected == [(reason.kind, reason.missing) for reason in reasons(candidate(flash_bytes=1_048_577, ram_bytes=131_073))]


@pytest.mark.parametrize(
    ("recipe", "advice"),
    [
        ("float32", "try 'int8', whose weights take a quarter of the flash"),
        ("prune70-float32", "try 'prune70-int8', whose weights take a quarter of the flash"),
        ("float16", "try 'int8', whose weights take half the flash"),
        ("dynamic", "try fewer channels or fewer layers (the weights are small already"),
        ("int8", "try fewer channels or fewer layers (the weights are small already"),
    ],
)
def test_advice_on_flash(recipe, advice):
    """Smaller numbers first, then a smaller model; what only shrinks the zip is never advised."""

    reason = only(candidate(recipe, flash_bytes=LINUX.flash_bytes + 1), LINUX)
    assert reason.advice.startswith(advice)


@pytest.mark.parametrize(
    ("recipe", "advice"),
    [
        ("float32", "try 'int8', whose activations take a quarter of the RAM, a shorter window (a smaller input) or fewer channels"),
        ("float16", "try 'int8', whose activations take a quarter of the RAM, a shorter window"),
        ("dynamic", "try 'int8', whose activations take a quarter of the RAM, a shorter window"),
        ("int16x8", "try 'int8', whose activations take half the RAM, a shorter window"),
        ("int8", "try a shorter window (a smaller input) or fewer channels, or a target with more RAM"),
    ],
)
def test_advice_on_ram(recipe, advice):
    """Smaller numbers first, then a smaller input."""

    reason = only(candidate(recipe, ram_bytes=LINUX.ram_bytes + 1), LINUX)
    assert ReasonKind.RAM is reason.kind
    assert reason.advice.startswith(advice)


def test_more_ram_than_the_budget_allows():
    """20,480 - 16,384 = 4,096."""

    reason = only(candidate(ram_bytes=20_480), budget=Budget(ram=16_384))
    expected = ("needs 4,096 B more RAM than the budget of 16 KiB allows", 4096)
    assert expected == (reason.message, reason.missing)
    assert reason.advice.endswith("or a larger budget: stm32f405 has 128 KiB")


def test_loss_that_is_certain():
    """The whole interval lies above the allowance: more samples wouldn't help. 0.05 - 0.02 = 0.03."""

    reason = only(candidate(drop=lost(0.05, 0.03, 0.07)))
    expected = (ReasonKind.ACCURACY, "loses 0.0500 of accuracy (95 % interval 0.0300 to 0.0700), more than the 0.0200 allowed")
    assert expected == (reason.kind, reason.message)
    assert pytest.approx(0.03) == reason.missing
    expected = "try 'qat-int8', which trains with the rounding of int8"
    assert expected == reason.advice


@pytest.mark.parametrize("low", [-0.01, 0.02])
def test_loss_that_may_be_chance(low):
    """The interval reaches down to the allowance: more samples would tell."""

    reason = only(candidate(drop=lost(0.05, low, 0.11)))
    assert reason.advice.startswith(f"the interval reaches down to {low:.4f}: more test samples would tell; or try 'qat-int8'")


def test_loss_as_large_as_allowed_fits():
    """The estimate decides, not the interval."""

    assert judge(candidate(drop=lost(0.02, 0.0, 0.9)), CHIP, Budget(), ACCURACY).fits
    assert judge(candidate(drop=lost(-0.1, -0.2, 0.0)), CHIP, Budget(accuracy_drop=0), ACCURACY).fits


def test_loss_is_told_in_the_projects_metric():
    """The metric's own name stands in the message."""

    (reason,) = judge(candidate(drop=lost(0.05, 0.03, 0.07)), CHIP, Budget(), Measure(name="macro_f1")).reasons
    assert "of macro_f1" in reason.message


@pytest.mark.parametrize(
    ("recipe", "advice"),
    [
        ("int8", "try 'qat-int8', which trains with the rounding of int8"),
        ("uint8", "try 'qat-uint8', which trains with the rounding of uint8"),
        ("prune70-cluster16-int8", "try 'prune70-cluster16-qat-int8', which trains with the rounding of int8"),
        ("prune70-cluster16-qat-int8", "try 'cluster16-qat-int8', or less pruning than prune70"),
        ("prune2of4-float32", "try 'float32', or less pruning than prune2of4"),
        ("cluster16-qat-int8", "try 'qat-int8', or more clusters than cluster16"),
        ("cluster16-int16x8", "try 'int16x8', or more clusters than cluster16"),
        ("qat-int8", "try 'int16x8', which computes in finer steps"),
        ("int16x8", "try 'float32', which computes in finer steps"),
        ("dynamic", "try 'float32', which computes in finer steps"),
        ("float32", "look for a mistake: the conversion itself should lose next to nothing here"),
    ],
)
def test_advice_on_accuracy(recipe, advice):
    """The mildest change that can help, from what the recipe did."""

    assert advice == only(candidate(recipe, drop=lost(0.05, 0.03, 0.07)), LINUX).advice


@pytest.mark.parametrize(
    ("recipe", "advice"),
    [
        ("int8", "try 'prune70-cluster16-int8', whose weights stay packed in flash, or fewer channels or layers"),
        ("prune70-uint8", "try 'prune70-cluster16-uint8', whose weights stay packed in flash, or fewer channels or layers"),
        ("prune70-cluster16-qat-int8", "try fewer channels or fewer layers (the weights are packed already)"),
    ],
)
def test_on_a_chip_packed_weights_are_advised_for_flash(recipe, advice):
    """There the firmware stores them packed; a .tflite does not."""
    reason = only(candidate(recipe, flash_bytes=CHIP.flash_bytes + 1))

    assert reason.advice == f"{advice}, or a target with more flash"


PARITY = Parity(runtime="firmware", samples=100, bytes=300, differing_bytes=12, differing_samples=9, largest_difference=1, distinct_outputs=80)
DIVERGENCE = Divergence(layer="operator 1 CONV_2D (conv_2d_1)", tensor="tensor 4 'y'", sample=7, differing_bytes=12, bytes=64)


SELF_TEST = SelfTest(core="cortex-m4f", samples=16, failures=3, flash_bytes=26_000, stack_bytes=240)


def on_chip(differing_bytes=0, **more):
    """Figures of a firmware: 220 B of stack and 812,345 instructions."""
    linked = Linked(flash_bytes=20_000, variable_bytes=4_000, arena_bytes=4_000, reserved_stack_bytes=1024, sections={}, missing_bytes={})
    emulated = Emulated(
        core="cortex-m4f",
        parity=PARITY.model_copy(update={"differing_bytes": differing_bytes}),
        first_difference=DIVERGENCE if differing_bytes else None,
        stack_bytes=220,
        instructions=812_345,
        least_instructions=812_345,
        most_instructions=812_345,
    )
    return OnChip(
        **({"target": "stm32f405", "linked": linked, "layers": (), "emulated": emulated, "on_host": None, "host_differing_bytes": 0} | more)
    )


def measured_candidate(figures, drop=NO_LOSS, recipe="int8", micro=RUNS):
    """A candidate whose firmware was linked and run."""
    some = candidate(recipe, drop=drop, micro=micro)
    return dataclasses.replace(some, footprint=measured(figures, CHIP), firmware=Firmware(sources=None, on_chip=figures))


def test_firmware_that_differs_from_tflm_never_fits():
    """The first layer that differs stands in the message."""
    reason = only(measured_candidate(on_chip(12)))

    assert reason.kind is ReasonKind.PARITY
    assert reason.message == (
        "the firmware is not equal to TFLM: 12 of 300 output bytes differ over 100 samples on the emulated cortex-m4f;"
        " operator 1 CONV_2D (conv_2d_1) is the first layer that differs, in 12 of 64 B of tensor 4 'y' (sample 7)"
    )
    assert reason.advice == "this is a mistake of Emberflow's compiler: report it with the .tflite, and build this variant with TFLM meanwhile"


def test_firmware_that_is_equal_fits_without_a_note():
    """Nothing is left to be said."""
    verdict = judge(measured_candidate(on_chip()), CHIP, Budget(stack=220, instructions=812_345, time=5000), ACCURACY)

    assert (True, ()) == (verdict.fits, verdict.notes)


@pytest.mark.parametrize(
    ("budget", "kind", "message", "missing"),
    [
        ({"stack": "128 B"}, ReasonKind.STACK, "needs 92 B more stack than the budget of 128 B allows", 92),
        (
            {"instructions": 800_000},
            ReasonKind.INSTRUCTIONS,
            "needs 12,345 instructions an inference more than the budget of 800,000 allows",
            12_345,
        ),
        # 812,345 / 168 MHz = 4,835.4 µs
        (
            {"time": "4 ms"},
            ReasonKind.TIME,
            "needs about 835 µs an inference more than the budget of 4 ms allows (an estimate: one instruction a cycle at 168 MHz)",
            pytest.approx(835.39, abs=0.01),
        ),
    ],
)
def test_what_the_core_showed_is_held_against_the_budget(budget, kind, message, missing):
    """Stack, instructions, and the time that follows from them."""
    reason = only(measured_candidate(on_chip()), budget=Budget.model_validate(budget))

    assert (kind, message, missing) == (reason.kind, reason.message, reason.missing)
    assert reason.advice.startswith("try ")


NO_COMPILER = Firmware(sources=None, why_not="the package ziglang is missing")
NO_CORE = Firmware(sources=None, on_chip=on_chip(emulated=None, unproven="the package unicorn is missing"))
MEND = "mend what this names (`emberflow doctor` looks for the tools) and run again, or leave stack and time out of the budget"


@pytest.mark.parametrize(
    ("recipe", "target", "firmware", "why", "advice"),
    [
        ("float32", CHIP, None, "no C is compiled for float32", "try 'int8', whose firmware is run, or leave stack and time out of the budget"),
        ("prune70-int16x8", CHIP, None, "no C is compiled for int16x8", "try 'prune70-int8', whose firmware is run, or leave stack and time out"),
        ("int8", CHIP, NO_COMPILER, "the package ziglang is missing", MEND),
        ("uint8", CHIP, NO_CORE, "the package unicorn is missing", MEND),
        ("int8", CHIP, None, "the firmware was not built", MEND),
        ("int8", LINUX, None, "on linux-arm64 nothing is emulated", "leave stack and time out of the budget"),
    ],
)
def test_a_bound_that_nothing_was_held_against_is_not_kept(recipe, target, firmware, why, advice):
    """Nobody knows whether the product can bear it; so it doesn't fit, and the way out is said."""
    reason = only(dataclasses.replace(candidate(recipe), firmware=firmware), target, Budget(stack=100, time=1))

    assert (ReasonKind.UNMEASURED, None) == (reason.kind, reason.missing)
    assert f"the budget bounds stack and time, and nothing was measured: {why}" == reason.message
    assert reason.advice.startswith(advice)


def test_a_product_that_fails_its_own_test_never_fits():
    """Though its model equals TFLM."""
    reason = only(measured_candidate(on_chip(self_test=SELF_TEST)))

    assert reason.kind is ReasonKind.SELF_TEST
    assert reason.message == "the product fails on the chip: the self-test passes 13 of 16 samples on the emulated cortex-m4f"
    assert reason.advice == "what stands around the model computes something else on the chip than here: report it with the bundle of this run"


def test_one_that_passes_fits():
    """Sixteen of sixteen."""
    passed = SELF_TEST.model_copy(update={"failures": 0})

    assert judge(measured_candidate(on_chip(self_test=passed)), CHIP, Budget(), ACCURACY).fits


def test_firmware_that_faults_is_not_measured_either():
    """The fault is the first reason."""
    figures = on_chip(emulated=None, fault="net_infer wrote to flash")
    first, second = reasons(measured_candidate(figures), budget=Budget(instructions=1))

    assert (ReasonKind.PARITY, ReasonKind.UNMEASURED) == (first.kind, second.kind)
    assert second.message == "the budget bounds instructions, and nothing was measured: the firmware did not run to its end"


def test_without_such_a_bound_nothing_needs_to_be_measured():
    """A float32 variant that is small enough serves."""
    assert judge(candidate("float32"), CHIP, Budget(flash=65_536), "accuracy").fits


@pytest.mark.parametrize(
    ("firmware", "note"),
    [
        (Firmware(sources=None, why_not="the package ziglang is missing"), "the chip's figures are missing: the package ziglang is missing"),
        (
            Firmware(sources=None, on_chip=on_chip(emulated=None, unproven="the package unicorn is missing")),
            "nothing is proven on the chip: the package unicorn is missing",
        ),
    ],
)
def test_what_is_missing_is_said_in_the_verdict(firmware, note):
    """The variant can serve all the same."""
    verdict = judge(dataclasses.replace(candidate(), firmware=firmware), CHIP, Budget(), ACCURACY)

    assert (True, (note,)) == (verdict.fits, verdict.notes)


def test_every_reason_is_given():
    """Ten things wrong are ten reasons, in the order in which one would mend them; what was measured is not unmeasured besides."""
    linked = on_chip().linked.model_copy(update={"flash_bytes": 1 << 30, "variable_bytes": 1 << 30})
    figures = on_chip(12, linked=linked, self_test=SELF_TEST)
    wrong = measured_candidate(figures, lost(0.5, 0.4, 0.6), "dynamic", MicroVerdict(runs=False, reason="Hybrid"))

    assert [kind for kind in ReasonKind if kind is not ReasonKind.UNMEASURED] == [
        reason.kind for reason in reasons(wrong, budget=Budget(stack=1, instructions=1, time=1))
    ]


@given(
    recipe=st.sampled_from(ALL),
    flash_bytes=st.integers(0, 1 << 22),
    ram_bytes=st.integers(0, 1 << 20),
    estimate=st.floats(-1, 1),
    limits=st.tuples(st.none() | st.integers(0, 1 << 22), st.none() | st.integers(0, 1 << 20)),
)
def test_missing_is_the_excess(recipe, flash_bytes, ram_bytes, estimate, limits):
    """What is missing is the excess over the smaller limit, and nothing is missing exactly when the variant fits."""

    some = candidate(str(recipe), flash_bytes, ram_bytes, lost(estimate, estimate, estimate))
    device = LINUX.model_copy(update={"flash_bytes": 1 << 21, "ram_bytes": 1 << 19})
    verdict = judge(some, device, Budget(flash=limits[0], ram=limits[1]), ACCURACY)
    missing = {reason.kind: reason.missing for reason in verdict.reasons}
    flash_limit, ram_limit = (have if limit is None else min(have, limit) for have, limit in zip((1 << 21, 1 << 19), limits, strict=True))
    assert verdict.fits == (not missing)
    assert missing.get(ReasonKind.FLASH, 0) == max(0, flash_bytes - flash_limit)
    assert missing.get(ReasonKind.RAM, 0) == max(0, ram_bytes - ram_limit)
    assert (ReasonKind.ACCURACY in missing) == (estimate > 0.02)


@pytest.mark.parametrize("recipe", [recipe for recipe in ALL if not recipe.steps], ids=str)
def test_pruning_and_clustering_are_never_advised_for_a_linux_device(recipe):
    """They shrink the zip, not the file."""

    advice = only(candidate(str(recipe), flash_bytes=LINUX.flash_bytes + 1), LINUX).advice
    assert "prune" not in advice
    assert "cluster16" not in advice


def test_more_of_an_error_is_a_loss_in_its_unit():
    """The words are those of the metric."""
    error = Measure(name="mae", higher_is_better=False, is_share=False, unit="K")

    (reason,) = judge(candidate(drop=lost(2.5, 2, 3)), CHIP, Budget(accuracy_drop=1), error).reasons

    assert reason.message == "has 2.50 K more mae (95 % interval 2.00 K to 3.00 K), more than the 1.00 K allowed"
    assert reason.missing == 1.5


def test_the_allowance_has_two_names():
    """Which can't both be given."""
    assert Budget.model_validate({"metric_drop": 0.5}).accuracy_drop == 0.5
    with pytest.raises(ValidationError, match="received accuracy_drop and metric_drop, which are the same; expected one of them"):
        Budget.model_validate({"metric_drop": 0.5, "accuracy_drop": 0.5})
