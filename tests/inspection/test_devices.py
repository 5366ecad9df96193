"""Which devices run which operator, and the whole, in their flash and RAM."""

import pytest

from emberflow.draft import CODE_BYTES, STACK_BYTES
from emberflow.inspection import Subject, inspect_model
from emberflow.target import find_target, load_targets

CHIPS = [name for name, target in load_targets().items() if target.kind == "microcontroller"]


def devices(model, target=None):
    """By name."""
    return {device.name: device for device in inspect_model(Subject("m.tflite", model, ""), target=target).devices}


def test_an_int8_model_is_compiled_for_every_chip(case):
    """What it needs is its weights and its arena, and what code and stack usually take; on Linux LiteRT runs the file."""
    model = case("healthy").quantized
    found, whole = devices(model), inspect_model(Subject("m.tflite", model, ""))

    assert list(load_targets()) == list(found)
    assert {"compiled C"} == {found[name].runtime for name in CHIPS}
    assert "LiteRT" == found["linux-arm64"].runtime
    assert (whole.constant_bytes + CODE_BYTES, whole.memory.arena_bytes + STACK_BYTES) == (found["rp2040"].flash_bytes, found["rp2040"].ram_bytes)
    assert len(model) == found["linux-arm64"].flash_bytes
    assert all(device.fits and not device.refusals and len(device.runs) == len(whole.operators) for device in found.values())


def test_a_float_model_is_run_by_tflm_where_there_is_room(case):
    """40 KiB of runtime come on top of the file; a chip of 32 KiB has not enough."""
    target = find_target("stm32f103").model_copy(update={"name": "small", "flash_bytes": 32 << 10, "ram_bytes": 2048})
    found = devices(case("healthy").real, target)

    assert "TFLM" == found["stm32f405"].runtime
    assert ["conv", "TFLM"] == ["conv", found["stm32f405"].runs[0]]
    assert not found["small"].fits
    flash, ram = found["small"].why_not
    assert f"{found['small'].flash_bytes - (32 << 10):,} B of flash too few" == flash
    assert f"{found['small'].ram_bytes - 2048:,} B of RAM too few" == ram
    assert "2,048 B of RAM alive, and it has" not in found["stm32f405"].refusals.values()


def test_an_operator_that_needs_more_ram_than_a_chip_has_is_named(case):
    """The one that sets the peak; those after it would do."""
    target = find_target("stm32f103").model_copy(update={"name": "small", "ram_bytes": 1024})
    small = devices(case("heavy").quantized, target)["small"]

    assert [0, 1] == list(small.refusals)
    assert "3,652 B of RAM alive, and it has 1,024 B" == small.refusals[0]
    assert {2: "compiled C", 3: "compiled C", 4: "compiled C", 5: "compiled C"} == small.runs


@pytest.mark.parametrize(("number_format", "why"), [("dynamic", "refuses hybrid kernels"), ("float16", "float16 gains nothing there")])
def test_a_format_that_chips_don_t_run_is_for_linux_alone(tiny_tflite, number_format, why):
    """With the reason."""
    found = devices(tiny_tflite("image", number_format))

    assert ["linux-arm64"] == [name for name, device in found.items() if device.fits]
    assert all(why in found[name].why_not[0] and found[name].why_not[0].startswith(number_format) for name in CHIPS)
    assert "" == found["rp2040"].runtime


def test_a_hybrid_operator_is_told_from_the_others(tiny_tflite):
    """TFLM is shown each by itself: a dense layer of int8 weights between floats it refuses, softmax it runs."""
    model = tiny_tflite("image", "dynamic")
    found = inspect_model(Subject("m.tflite", model, ""))
    chip = next(device for device in found.devices if device.name == "rp2040")

    names = {operator.index: operator.name for operator in found.operators}
    assert "SOFTMAX" in {names[index] for index in chip.runs}
    assert {"hybrid"} == {"hybrid" if "hybrid" in why else why for index, why in chip.refusals.items() if names[index] == "FULLY_CONNECTED"}


def test_an_operator_that_no_chip_runs_is_told_with_both_reasons(models):
    """COS of int8: neither compiled nor in TFLM."""
    chip = devices(models.small_tflite(unknown=True))["stm32f405"]

    assert [1] == list(chip.refusals)
    assert "TFLM: " in chip.refusals[1]
    assert "compiled C: operator 1 COS" in chip.refusals[1]
    assert chip.why_not[0].startswith("TFLM: ")
