"""A model with a disease gets the advice for it, with the right layer and the number; a healthy one gets none."""

from dataclasses import replace

import pytest

from emberflow.inspection import AdviceKind, Subject, Trial, inspect_model
from emberflow.inspection.advice import LEAST_AT_THE_END
from emberflow.target import find_target


def inspected(case, target=None):
    return inspect_model(Subject("m", case.quantized, "int8", case.real), Trial.of(case.x, "x.npy"), target)


def of_kind(found, kind):
    return [advice for advice in found.advice if advice.kind is kind]


def test_a_healthy_model_gets_none(case):
    """Nor on a device that it fits."""
    assert () == inspected(case("healthy")).advice
    assert () == inspected(case("healthy"), find_target("stm32f405")).advice


def test_a_layer_that_drowns_its_signal_is_to_be_kept_in_16_bits(case):
    """The sum of two nearly opposite signals, and it alone."""
    found = inspected(case("cancelling"))

    (advice,) = found.advice
    own = next(noise.own_sqnr_db for noise in found.noise if noise.layer == "meet")
    assert (AdviceKind.SIXTEEN_BITS, "meet") == (advice.kind, advice.layer)
    assert advice.text.startswith(
        f"its signal is {own:.1f} dB above the noise that it adds itself, less than 20 dB: keep it in 16 bits (recipe int16x8)"
    )


def test_a_layer_whose_weights_are_too_coarse_is_told_that_16_bits_don_t_help(case):
    """They are 8 bits in int16x8 too."""
    found = inspected(case("lopsided"))

    (advice,) = [each for each in found.advice if each.layer == "blunt" and each.kind in (AdviceKind.WEIGHTS, AdviceKind.SIXTEEN_BITS)]
    noise = next(noise for noise in found.noise if noise.layer == "blunt")
    assert AdviceKind.WEIGHTS is advice.kind
    assert f"and 8-bit weights alone bring it to {noise.weights_sqnr_db:.1f} dB, so int16x8 won't help: try qat, or keep it in float" in advice.text
    assert noise.own_sqnr_db == pytest.approx(noise.weights_sqnr_db, abs=1)


def test_a_range_that_data_exceed_is_to_be_widened(case):
    """At the layer where it begins; those behind it are counted. More bits would not help, and are not advised."""
    found = inspected(case("peaking"))

    (advice,) = found.advice
    noise = next(noise for noise in found.noise if noise.layer == "listen")
    assert (AdviceKind.SATURATION, "listen") == (advice.kind, advice.layer)
    assert advice.text.startswith(
        f"widen its range: {noise.saturation:.1%} of its numbers are cut off at 0 or {noise.range_high:.4g}, and they reach"
    )
    assert advice.text.endswith("calibrate with data like these; 3 layers behind it are cut off too")


def test_an_input_that_exceeds_its_range_is_told_first(case):
    """Samples ten times as large as those that it was calibrated with."""
    healthy = case("healthy")
    found = inspected(replace(healthy, x=10 * healthy.x))

    (advice,) = of_kind(found, AdviceKind.SATURATION)
    assert "input" == advice.layer
    assert "% of its numbers are cut off at -4." in advice.text


def test_a_range_that_outliers_waste_is_to_be_narrowed(case):
    """One number in some thousands sets it."""
    found = inspected(case("spiky"))

    (advice,) = of_kind(found, AdviceKind.RANGE)
    noise = next(noise for noise in found.noise if noise.layer == "spikes")
    assert "spikes" == advice.layer
    assert f"outliers waste its range: 99.9 % of its codes lie in {noise.bulk:.0%} of 0 to {noise.range_high:.4g}; clip it" in advice.text


def test_a_range_that_data_don_t_fill_is_to_be_narrowed(case):
    """Samples a tenth as large; the layers of biases alone excepted."""
    healthy = case("healthy")
    advice = of_kind(inspected(replace(healthy, x=healthy.x / 10)), AdviceKind.RANGE)

    assert {"input", "one", "two", "three", "four"} <= {each.layer for each in advice}
    assert advice[0].text.startswith("narrow its range: its codes use ")
    assert advice[0].text.endswith("; calibrate with data like these")


def test_the_layer_that_holds_most_of_the_flash_is_named(case):
    """With its share of what weights take."""
    found = inspected(case("heavy"))

    (advice,) = of_kind(found, AdviceKind.FLASH)
    wide = next(operator for operator in found.operators if operator.layer == "wide")
    assert "wide" == advice.layer
    assert advice.text.startswith(f"holds {found.share(wide):.0%} of the flash that weights take: ")
    assert 0.5 < found.share(wide) < 0.9


def test_the_layer_that_sets_the_ram_peak_is_named(case):
    """With what would be enough without it."""
    found = inspected(case("heavy"))

    (advice,) = of_kind(found, AdviceKind.RAM)
    others = max(operator.alive_bytes for operator in found.operators if operator.index > 1)
    assert "tall" == advice.layer
    assert f"{found.memory.peak_bytes:,} B are alive while it runs, the output of tall (3,072 B) among them" in advice.text
    assert f"when that isn't kept, {others:,} B are enough" in advice.text


@pytest.mark.parametrize(("flash", "ram", "told"), [(100, 10**6, "B of flash before any code"), (10**6, 100, "B of RAM before any code")])
def test_what_a_target_lacks_is_told_in_bytes(case, flash, ram, told):
    """Before any firmware is linked."""
    target = find_target("stm32f405").model_copy(update={"flash_bytes": flash, "ram_bytes": ram})
    found = inspected(case("healthy"), target)

    (advice,) = found.advice
    needed = found.constant_bytes if flash == 100 else found.memory.arena_bytes
    assert (AdviceKind.FIT, "") == (advice.kind, advice.layer)
    assert f"needs {needed:,} {told}, and stm32f405 has 100 B: {needed - 100:,} B too few" == advice.text


def test_on_linux_the_file_counts(case):
    """LiteRT keeps it whole."""
    target = find_target("linux-arm64").model_copy(update={"flash_bytes": 100})
    healthy = case("healthy")

    assert f"needs {len(healthy.quantized):,} B of flash" in inspected(healthy, target).advice[0].text


def test_an_operator_that_is_not_compiled_for_the_target_is_told(models):
    """With the compiler's reason."""
    found = inspect_model(Subject("m", models.small_tflite(unknown=True), "int8"), target=find_target("stm32f405"))

    (advice,) = of_kind(found, AdviceKind.RUNTIME)
    assert "cos_1" == advice.layer
    assert advice.text.startswith("becomes COS, which isn't compiled for stm32f405: operator 1 COS")


def test_a_float_model_is_told_once_that_it_is_one(case):
    """And not for each operator."""
    found = inspect_model(Subject("m", case("healthy").real, "float32"), target=find_target("stm32f405"))

    (advice,) = found.advice
    assert "computes with floats, and C for stm32f405 is made of int8 models: convert it with full-integer quantization" == advice.text


def test_noise_that_adds_up_without_a_culprit_is_told(case):
    """When no operator alone is noisy: here those are taken out of the findings of a noisy model."""
    from emberflow.graph import read_graph
    from emberflow.inspection.advice import advise
    from emberflow.inspection.memory import unplanned

    cancelling = case("cancelling")
    found = inspected(cancelling)
    quiet = found.model_copy(update={"noise": tuple(noise.model_copy(update={"own_sqnr_db": 30.0}) for noise in found.noise)})
    graph = read_graph(cancelling.quantized)

    advice = [each for each in advise(quiet, graph, unplanned(graph), None) if each.kind is AdviceKind.SIXTEEN_BITS]
    assert [""] == [each.layer for each in advice]
    assert found.noise[0].sqnr_db < LEAST_AT_THE_END
    assert f"noise adds up from layer to layer to {found.noise[0].sqnr_db:.1f} dB at {found.noise[0].layer}, less than 10 dB" in advice[0].text
