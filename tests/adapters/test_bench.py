"""A compiled variant on the bench: figures, proof and quality from files; what is missing is an answer."""

import numpy as np
import pytest

from emberflow.adapters.bench import Assignment, get_ready, run_on_chip
from emberflow.adapters.proof import Claim, prove
from emberflow.adapters.toolchain import Toolchain
from emberflow.stages.compile import compile_model, read_sources
from emberflow.target import find_target
from tests.adapters.a_network import CODES, network

SCALE = np.float32(0.05)  # of the network's input, whose zero point is 0


@pytest.fixture
def assignment(tmp_path, toolchain):
    """The network with its 120 inputs as reals; the labels are made up."""
    model, x, y = (tmp_path / name for name in ("model.tflite", "x.npy", "y.npy"))
    model.write_bytes(network())
    np.save(x, CODES.astype(np.float32) * SCALE)
    np.save(y, np.arange(120) % 3)
    compile_model(model, "net", tmp_path / "sources.zip", lambda _: None)
    target = find_target("stm32f103")
    return Assignment(name="net", sources=tmp_path / "sources.zip", model=model, x=x, y=y, target=target, toolchain=toolchain.cache)


def test_figures_proof_and_quality(assignment):
    """100 samples on the emulated Cortex-M3, all 120 scored."""
    said = []
    found = run_on_chip(assignment, said.append)

    assert found.on_chip.is_proven
    assert found.on_chip.emulated.parity.samples == 100
    assert (found.quality.runtime, found.quality.samples) == ("C on this machine", 120)
    assert 0 <= found.quality.scores["accuracy"] <= 1
    assert found.why_not == ""
    assert said[0].endswith(" instructions, equal to TFLM")


def test_an_anomalys_input_is_kept_in_ram(assignment):
    """The network's 8 bytes beside the arena: an error of reconstruction needs them when the model has run."""
    model, name, sources = assignment.model.read_bytes(), assignment.name, read_sources(assignment.sources)
    codes = (CODES,)

    plain, kept = (
        prove(Claim(model, name, sources, keeps_input), codes, assignment.target, Toolchain(assignment.toolchain)) for keeps_input in (False, True)
    )

    # the arena of 32 bytes lies at a multiple of 16, so 8 more take 16
    assert (plain.figures.linked.variable_bytes, kept.figures.linked.variable_bytes) == (32, 48)
    assert kept.figures.linked.arena_bytes == plain.figures.linked.arena_bytes
    assert kept.figures.is_proven


def test_without_a_compiler_it_says_how_to_get_one(assignment, monkeypatch):
    """And nothing else is known."""
    monkeypatch.setattr("emberflow.adapters.toolchain.find_spec", lambda _: None)

    found = run_on_chip(assignment, lambda _: None)

    assert (found.on_chip, found.quality) == (None, None)
    assert found.why_not == "found no C compiler for chips: the package ziglang is missing; get it with pip install 'emberflow[chip]'"


def test_a_program_that_fits_into_no_memory_has_no_figures(assignment, monkeypatch):
    """200 MiB, which the linker refuses even in a memory that is imagined."""
    sources = read_sources(assignment.sources)
    huge = sources["net.c"].replace(b"void net_infer", b"__attribute__((used, retain)) char net_huge[200 << 20];\nvoid net_infer")
    monkeypatch.setattr("emberflow.adapters.bench.read_sources", lambda _: sources | {"net.c": huge})

    found = run_on_chip(assignment, lambda _: None)

    assert found.on_chip is None
    assert found.why_not.startswith("needs 209,")


def test_c_that_crashes_has_no_quality(assignment, monkeypatch):
    """It is refuted."""
    monkeypatch.setattr("emberflow.adapters.bench.read_sources", lambda _: {"net.c": b"void net_infer(const char *i, char *o) { (void)i; (void)o; __builtin_trap(); } int net_arena; char *net_input(void) { return 0; } char *net_output(void) { return 0; }", "net.h": b"#include <stdint.h>\n#define NET_INPUT_BYTES 8\n#define NET_OUTPUT_BYTES 3\nint8_t *net_input(void); int8_t *net_output(void); void net_infer(const int8_t *, int8_t *);"})  # fmt: skip  # noqa: E501
    said = []

    found = run_on_chip(assignment, said.append)

    assert found.quality is None
    assert found.on_chip.is_refuted
    assert said[0].endswith("not equal to TFLM")


def test_the_compiler_is_got_ready_or_not(toolchain, monkeypatch):
    """Both builds are done; without a compiler it is said, and nothing is raised."""
    said = []
    get_ready(find_target("stm32f405"), toolchain.cache, said.append)
    monkeypatch.setattr("emberflow.adapters.toolchain.find_spec", lambda _: None)
    get_ready(find_target("stm32f405"), toolchain.cache, said.append)

    assert said[0] == "ready for cortex-m4f"
    assert "the package ziglang is missing" in said[1]
