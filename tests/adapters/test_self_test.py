"""The product tests itself on the emulated core: it passes, and what is really wrong with it is found and refused by verdict and gate."""

import re
from dataclasses import replace

import pytest

from emberflow.adapters import emulator as emulator_module
from emberflow.adapters.self_test import run_self_test, with_self_test
from emberflow.budget import Budget, judge
from emberflow.budget import Candidate as Judged
from emberflow.errors import EmulatorError, ImageError
from emberflow.firmware.folder import render_firmware
from emberflow.firmware.shipped import Shipped, shipped
from emberflow.gate import Candidate, Outcome, decide
from emberflow.promotion import Rules
from emberflow.recipe import Recipe
from emberflow.variant import ReasonKind
from tests.a_record import RECORD, on_chip, with_firmware
from tests.firmware.conftest import product_maker


@pytest.fixture(scope="module")
def product(models):
    """Gives it for a target."""
    return product_maker(models)


@pytest.fixture(scope="module")
def program(product):
    """A model of 6 x 6 x 2 values to 3 classes, with 16 vectors, for a Cortex-M4F."""
    return shipped("small", render_firmware(product()))


def patched(program, file, old, new):
    """The program with another text in one of its files."""
    assert old in program.sources[file]
    return replace(program, sources={**program.sources, file: program.sources[file].replace(old, new, 1)})


def expecting_another(product):
    """The program, whose first vector expects another code of the first output."""
    vectors = product.app.vectors
    outputs = vectors.outputs.copy()
    outputs[0, 0] ^= 1
    return shipped("small", render_firmware(replace(product, app=replace(product.app, vectors=replace(vectors, outputs=outputs)))))


def test_what_ships_passes(program, product, toolchain):
    """All 16, and the stack that standardizing and deciding take is measured with it."""
    found = run_self_test(program, product().target, toolchain)

    assert (True, 16, 0, "", {}) == (found.passed, found.samples, found.failures, found.fault, found.missing_bytes)
    assert 0 < found.stack_bytes < 512
    assert "the self-test passes 16 of 16 samples on the emulated cortex-m4f" == str(found)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("standardization.h", b"small_std[SMALL_CHANNELS] = {\n    0.5", b"small_std[SMALL_CHANNELS] = {\n    0.6"),
        ("preprocess.c", b"return whole + 1;", b"return whole;"),
        ("postprocess.c", b"codes[i] > codes[best]", b"codes[i] < codes[best]"),
    ],
)
def test_a_mistake_around_the_model_is_found(program, product, toolchain, file, old, new):
    """Another deviation, another rounding, another decision."""
    found = run_self_test(patched(program, file, old, new), product().target, toolchain)

    assert not found.passed
    assert 0 < found.failures <= 16


def test_a_wrong_weight_is_found(program, product, toolchain):
    """The first of the second layer has another sign."""
    text = program.sources["small.c"]
    wrong = re.sub(rb"(fully_connected_1_weights\[\d+\] = \{\s*)(-?\d+)", lambda m: m[1] + str(-int(m[2])).encode(), text, count=1)
    assert wrong != text

    assert not run_self_test(replace(program, sources={**program.sources, "small.c": wrong}), product().target, toolchain).passed


def test_a_failure_is_refused_by_verdict_and_gate(product, toolchain):
    """A corrupted expectation: built, run, and told by both in the same words; nothing else is wrong with the variant."""
    test = run_self_test(expecting_another(product()), product().target, toolchain)
    variant = with_firmware(self_test=test).variant("int8")
    judged = Judged(Recipe.parse("int8"), variant.evaluation, variant.verdict.footprint, variant.firmware)

    verdict = judge(judged, RECORD.target, Budget(), RECORD.measure)
    decision = decide(Candidate(version=2, variant=variant, target=RECORD.target, champion=None), None, Rules())

    told = "fails on the chip: the self-test passes 15 of 16 samples on the emulated cortex-m4f"
    assert [(ReasonKind.SELF_TEST, f"the product {told}")] == [(reason.kind, reason.message) for reason in verdict.reasons]
    assert (Outcome.KEPT, f"promoted nothing: version 2 {told}") == (decision.outcome, decision.sentence)
    assert ["passes_self_test"] == [finding.rule for finding in decision.findings if not finding.holds]


def test_a_product_that_faults_is_told(program, product, toolchain):
    """By function and address."""
    wrong = patched(program, "preprocess.c", b"void small_preprocess(const float *raw, small_input_t *codes) {", b"void small_preprocess(const float *raw, small_input_t *codes) {\n  *(volatile int *)0x60000000 = 1;")  # fmt: skip  # noqa: E501
    found = run_self_test(wrong, product().target, toolchain)

    assert not found.passed
    assert "wrote 4 B at 0x60000000, where there is no memory" in found.fault
    assert str(found).startswith("the self-test does not end on the emulated cortex-m4f: ")


def test_a_program_that_ends_without_its_test_has_not_passed(program, product, toolchain):
    """Status 0 alone proves nothing."""
    wrong = patched(program, "main.c", b"const int failures = small_self_test();", b"if (ef_read_value((float *)0)) small_self_test();\n  const int failures = 0;")  # fmt: skip  # noqa: E501
    found = run_self_test(wrong, product().target, toolchain)

    assert "small_self_test returned 0 times, and the program ended with status 0; expected once, and 0 to 16" == found.fault


def test_a_program_without_a_self_test_is_refused(program, product, toolchain):
    """Nothing in it has its name."""
    with pytest.raises(ImageError, match=r"^received 'other_self_test' as a function to watch, which the program does not have"):
        run_self_test(Shipped("other", program.sources), product().target, toolchain)


def test_a_product_that_fits_only_without_its_test_is_tested_all_the_same(program, product, toolchain):
    """In a memory that is imagined: 16 vectors of 367 B are not in 8 KiB."""
    target = product().target
    regions = tuple(r.model_copy(update={"size_bytes": 8192}) if r.name == "flash" else r for r in target.regions)
    found = run_self_test(program, target.model_copy(update={"regions": regions, "flash_bytes": 8192}), toolchain)

    assert found.passed
    assert found.flash_bytes - 8192 == found.missing_bytes["flash"]


def test_figures_of_a_model_that_was_not_run_stay_as_they_are(program, product, toolchain):
    """Its fault is told already."""
    figures = on_chip(emulated=None, fault="wrote to flash", self_test=None)

    assert figures == with_self_test(figures, program, product().target, toolchain)


def test_an_emulator_that_can_not_run_it_is_told(program, product, toolchain, monkeypatch):
    """Here as if it had no room for so many blocks of code."""

    def refuse(*_):
        raise EmulatorError("received a program of more blocks")

    monkeypatch.setattr(emulator_module.Emulator, "run", refuse)
    figures = with_self_test(on_chip(self_test=None), program, product().target, toolchain)

    assert (None, "the self-test was not run: received a program of more blocks") == (figures.self_test, figures.unproven)
