"""Figures on the terminal: each number in its place."""

import io

import pytest
from rich.console import Console

from emberflow.cli.chip_table import show_figures, summary
from emberflow.compiler import compile_model
from emberflow.on_chip import Emulated, LayerOnChip, Linked, OnChip, Parity, SelfTest
from emberflow.target import find_target

TARGET = find_target("stm32f405")
EQUAL = Parity(runtime="firmware", samples=100, bytes=300, differing_bytes=0, differing_samples=0, largest_difference=0, distinct_outputs=90)
LINKED = Linked(
    flash_bytes=12_345, variable_bytes=416, arena_bytes=400, reserved_stack_bytes=1024, sections={".text": 345, ".rodata": 12_000}, missing_bytes={}
)
EMULATED = Emulated(
    core="cortex-m4f", parity=EQUAL, first_difference=None, stack_bytes=264, instructions=400, least_instructions=400, most_instructions=400
)
LAYERS = (
    LayerOnChip(name="conv_2d_0", constant_bytes=1_200, instructions=300),
    LayerOnChip(name="fully_connected_1", constant_bytes=500, instructions=100),
)
ON_CHIP = OnChip(target="stm32f405", linked=LINKED, layers=LAYERS, emulated=EMULATED, on_host=EQUAL, host_differing_bytes=0)


@pytest.fixture
def lines(models):
    """What is printed, split into words."""
    console = Console(file=io.StringIO(), width=160)
    show_figures(ON_CHIP, compile_model(models.small_tflite(), "small").program, TARGET, console)
    return [line.split() for line in console.file.getvalue().splitlines()]


def test_each_layer_has_a_line(lines):
    """Constants, how its weights lie, instructions and their share."""
    assert ["conv_2d_0", "1,200", "plain", "300", "75.0%"] in lines
    assert ["fully_connected_1", "500", "plain", "100", "25.0%"] in lines


def test_the_whole_program_follows(lines):
    """Flash by section, RAM by use."""
    assert ["flash", "12,345", "B", "of", "1", "MiB", "(.text", "345,", ".rodata", "12,000)"] in lines
    assert ["RAM", "1,440", "B", "of", "128", "KiB", "(arena", "400,", "stack", "1,024)"] in lines
    assert ["stack", "264", "B", "used"] in lines
    assert ["instructions", "400", "an", "inference", "on", "cortex-m4f"] in lines
    assert ["compared", "100", "inputs", "on", "the", "emulated", "core:", "0", "of", "300", "B", "differ"] in lines


def test_the_product_s_own_test_follows():
    """What it takes with its vectors too."""
    test = SelfTest(core="cortex-m4f", samples=16, flash_bytes=20_345, stack_bytes=280)
    found = dict(summary(ON_CHIP.model_copy(update={"self_test": test}), TARGET))

    assert "the self-test passes 16 of 16 samples on the emulated cortex-m4f; with test and vectors flash is 20,345 B" == found["product"]
    assert "280 B used" == found["stack"]


def test_what_was_not_run_is_left_out():
    """Flash and RAM are known all the same."""
    assert ["flash", "RAM"] == [what for what, _ in summary(ON_CHIP.model_copy(update={"emulated": None}), TARGET)]


def test_a_spread_of_instructions_is_told():
    """Where inputs decide how many."""
    emulated = EMULATED.model_copy(update={"most_instructions": 500})

    assert "400 an inference on cortex-m4f, 400 to 500" == dict(summary(ON_CHIP.model_copy(update={"emulated": emulated}), TARGET))["instructions"]
