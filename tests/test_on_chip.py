"""What follows from a variant's figures on the chip."""

import pytest

from emberflow.on_chip import Divergence, Emulated, Linked, OnChip, Parity, SelfTest

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


@pytest.mark.parametrize(
    ("found", "passed", "words"),
    [
        ({}, True, "the self-test passes 16 of 16 samples on the emulated cortex-m4f"),
        ({"failures": 2}, False, "the self-test passes 14 of 16 samples on the emulated cortex-m4f"),
        ({"fault": "main wrote to flash"}, False, "the self-test does not end on the emulated cortex-m4f: main wrote to flash"),
    ],
)
def test_a_self_test_in_words(found, passed, words):
    """One failure is enough."""
    test = SelfTest(**({"core": "cortex-m4f", "samples": 16, "flash_bytes": 5000} | found))

    assert (passed, words) == (test.passed, str(test))
    assert passed is not figures(self_test=test).fails_its_test


@pytest.mark.parametrize(("product", "deepest"), [(None, 212), (208, 212), (240, 240)])
def test_the_stack_is_that_of_whichever_program_took_more(product, deepest):
    """Of 212 B and what the product took; nothing where neither was run."""
    test = SelfTest(core="cortex-m4f", samples=16, flash_bytes=5000, stack_bytes=product)

    assert deepest == figures(self_test=test).stack_bytes
    assert figures(emulated=None).stack_bytes is None
