"""What follows from a variant's figures on the chip."""

import pytest

from emberflow.on_chip import Divergence, Emulated, Linked, OnChip, Parity

LINKED = Linked(flash_bytes=4028, variable_bytes=224, arena_bytes=200, reserved_stack_bytes=1024, sections={".text": 4028}, missing_bytes={})


def parity(differing=0):
    return Parity(
        runtime="firmware", samples=100, bytes=300, differing_bytes=differing, differing_samples=differing, largest_difference=1, distinct_outputs=95
    )


def emulated(differing=0):
    return Emulated(
        core="cortex-m4f", parity=parity(differing), first_difference=None, stack_bytes=212, instructions=9, least_instructions=9, most_instructions=9
    )


def figures(**more):
    return OnChip(**({"target": "t", "linked": LINKED, "layers": (), "emulated": emulated(), "on_host": parity(), "host_differing_bytes": 0} | more))


def test_the_linker_takes_variables_and_stack():
    """224 + 1,024."""
    assert LINKED.ram_bytes == 1248


@pytest.mark.parametrize(
    ("more", "proven", "refuted"),
    [
        ({}, True, False),
        ({"emulated": emulated(3)}, False, True),
        ({"on_host": parity(3)}, False, True),
        ({"host_differing_bytes": 1}, False, True),
        ({"fault": "wrote where there is no memory", "emulated": None}, False, True),
        ({"unproven": "outputs don't vary"}, False, False),
        ({"unproven": "no emulator", "emulated": None, "host_differing_bytes": None}, False, False),
    ],
)
def test_proven_refuted_or_neither(more, proven, refuted):
    """Any difference refutes; what is missing proves nothing."""
    assert (proven, refuted) == (figures(**more).is_proven, figures(**more).is_refuted)


def test_a_divergence_in_words():
    """Layer, bytes, tensor, sample."""
    found = Divergence(layer="operator 1 CONV_2D (conv_2d_1)", tensor="tensor 4 'y'", sample=7, differing_bytes=12, bytes=1024)

    assert str(found) == "operator 1 CONV_2D (conv_2d_1) is the first layer that differs, in 12 of 1,024 B of tensor 4 'y' (sample 7)"
