"""What `compile` and `verify` share: targets, and the words for what is not proven."""

import numpy as np
import pytest

from emberflow.adapters.proof import Claim
from emberflow.cli.chip import chosen_target, reference_outputs, refuse_what_is_too_large, try_to_prove
from emberflow.cli.compile import making_of
from emberflow.compiler import Parity, compile_model
from emberflow.errors import DoesNotFit, GraphError, TargetError
from emberflow.evaluate.litert import read_borders
from emberflow.firmware.chip.program import product_program
from emberflow.samples import random_samples
from emberflow.target import find_target


def test_a_target_is_a_name_or_a_file(tiny):
    """Which is the user's own."""
    assert "stm32f405" == chosen_target("stm32f405").name
    assert "tiny" == chosen_target(tiny.target).name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("stm32f40", r"received 'stm32f40' as a target; .* Did you mean 'stm32f405'\?"),
        ("linux-arm64", r"received 'linux-arm64', which runs the \.tflite itself; expected a microcontroller"),
        ("none.toml", r"received 'none\.toml' as a target file, which can't be read"),
    ],
)
def test_other_targets_are_refused(name, told):
    """With what is expected."""
    with pytest.raises(TargetError, match=told):
        chosen_target(name)


def test_what_is_too_large_is_told_by_region():
    """A region of another name keeps it."""
    with pytest.raises(DoesNotFit, match=r"^needs 1,000 B more flash and 24 B more RAM than stm32f405 has; try a smaller model, or another target"):
        refuse_what_is_too_large({"flash": 1000, "sram": 24}, find_target("stm32f405"))
    refuse_what_is_too_large({}, find_target("stm32f405"))


@pytest.mark.parametrize("parity", Parity)
def test_each_reference_gives_outputs(models, parity):
    """Of the same shape; here they are the same."""
    model = models.small_tflite()
    samples = random_samples((read_borders(model).input,), 5)

    assert np.array_equal(reference_outputs(model, samples, Parity.TFLM)[0], reference_outputs(model, samples, parity)[0])


def test_a_difference_is_told_with_its_layer(models):
    """Sources of another model than the one that is claimed: one weight is other."""
    model = models.small_tflite()
    compiled = compile_model(model, "small")
    begin = compiled.files["small.c"].index(b"fully_connected_1_weights")
    place = compiled.files["small.c"].index(b"{", begin) + 6
    sources = compiled.files | {"small.c": compiled.files["small.c"][:place] + b"1" + compiled.files["small.c"][place:]}
    samples = random_samples((read_borders(model).input,), 20)
    expected = reference_outputs(model, samples, Parity.TFLM)

    claim = Claim(model, "small", sources, product_program("small"))
    on_chip, doubt = try_to_prove(claim, samples.codes, expected, find_target("stm32f103"), making_of("tflm", "smallest", "zig"))

    assert not on_chip.is_proven
    assert " of 60 B differ from TensorFlow Lite for Microcontrollers: operator 1 FULLY_CONNECTED (fully_connected_1) is the first layer" in doubt


def test_a_model_that_the_reference_does_not_run_is_told(models):
    """By the reference."""
    samples = random_samples((read_borders(models.small_tflite()).input,), 2)

    with pytest.raises(GraphError, match="TFLM was asked to run a model that it can't run"):
        reference_outputs(models.tiny_tflite("image", "dynamic"), samples, Parity.TFLM)
