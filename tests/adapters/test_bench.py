"""A compiled variant on the bench: figures, proof and quality from files; what is missing is an answer."""

import numpy as np
import pytest

from emberflow.adapters.bench import Assignment, get_ready, run_on_chip
from emberflow.adapters.proof import Claim, prove
from emberflow.adapters.toolchain import Toolchain
from emberflow.evaluate import micro
from emberflow.evaluate.grading import Grading
from emberflow.firmware import folder
from emberflow.firmware.chip.program import product_program
from emberflow.stages.compile import compile_model, read_sources
from emberflow.standardization import Standardization
from emberflow.target import find_target
from emberflow.task import Task, TaskKind
from tests.adapters.a_network import CODES, network

SCALE = np.float32(0.05)  # of the network's input, whose zero point is 0


@pytest.fixture
def assignment(tmp_path, toolchain):
    """The network with its 120 inputs as reals, standardized; the labels are made up, and 16 of the samples are vectors."""
    model, x, y, raw, truth = (tmp_path / name for name in ("model.tflite", "x.npy", "y.npy", "raw.npy", "truth.npy"))
    model.write_bytes(network())
    standardized = CODES.astype(np.float32) * SCALE
    np.save(x, standardized)
    np.save(y, np.arange(120) % 3)
    np.save(raw, standardized[:16] * np.float32(2) + np.float32(1))
    np.save(truth, np.arange(16) % 3)
    compile_model(model, "net", tmp_path / "sources.zip", lambda _: None)
    return Assignment(
        name="net",
        sources=tmp_path / "sources.zip",
        model=model,
        x=x,
        y=y,
        vectors=(raw, truth),
        standardization=Standardization(mean=(1.0,) * 8, std=(2.0,) * 8),
        labels=("PEN", "ABD", "ROW"),
        grading=Grading(labels=3),
        target=find_target("stm32f103"),
        toolchain=toolchain.cache,
    )


def test_figures_proof_and_quality(assignment):
    """100 samples on the emulated Cortex-M3, all 120 scored."""
    said = []
    found = run_on_chip(assignment, said.append)

    assert found.on_chip.is_proven
    assert found.on_chip.emulated.parity.samples == 100
    assert (found.quality.runtime, found.quality.samples) == ("C on this machine", 120)
    assert 0 <= found.quality.scores["accuracy"] <= 1
    assert found.why_not == ""
    assert said[0].endswith(" instructions, equal to TFLM, self-test passed")


def test_tflm_need_not_run_again(assignment, tmp_path, monkeypatch):
    """With its outputs the proof is the same one; with one byte of them changed it is none."""
    outputs = micro.run(assignment.model.read_bytes(), np.load(assignment.x))
    found = run_on_chip(assignment, lambda _: None)
    monkeypatch.setattr("emberflow.adapters.proof.reference.outputs", lambda *_: pytest.fail("TFLM was run again"))
    known = assignment.model_copy(update={"expected": tmp_path / "outputs.npy"})
    np.save(known.expected, outputs)

    assert run_on_chip(known, lambda _: None) == found

    outputs[0, 0] ^= 1
    np.save(known.expected, outputs)
    parity = run_on_chip(known, lambda _: None).on_chip.emulated.parity
    assert (1, 1) == (parity.differing_samples, parity.differing_bytes)


def test_the_product_is_what_is_reported_and_tests_itself(assignment):
    """Standardization and decision are in it; with 16 vectors of (8 x 4 + 8 + 3 + 4) B and the test's own code it takes that much more."""
    found = run_on_chip(assignment, lambda _: None).on_chip
    model, sources = assignment.model.read_bytes(), read_sources(assignment.sources)
    smallest = prove(Claim(model, "net", sources, product_program("net")), (CODES,), assignment.target, Toolchain(assignment.toolchain)).figures

    assert (16, 0, True) == (found.self_test.samples, found.self_test.failures, found.self_test.passed)
    assert 300 < found.linked.flash_bytes - smallest.linked.flash_bytes < 2048
    assert smallest.linked.ram_bytes == found.linked.ram_bytes
    assert 16 * 47 < found.self_test.flash_bytes - found.linked.flash_bytes < 16 * 47 + 512
    assert smallest.emulated == found.emulated
    assert found.stack_bytes == max(found.emulated.stack_bytes, found.self_test.stack_bytes)


def test_a_product_that_decides_otherwise_on_the_chip_fails_its_test(assignment, monkeypatch):
    """The mean of one channel is another in its C than it was here: the model's bytes are right, and the product is refused."""
    real = folder.render
    monkeypatch.setattr(folder, "render", lambda *given, **more: {p: t.replace(b"net_mean[NET_CHANNELS] = {\n    1", b"net_mean[NET_CHANNELS] = {\n    9") for p, t in real(*given, **more).items()})  # fmt: skip  # noqa: E501
    said = []

    found = run_on_chip(assignment, said.append).on_chip

    assert (True, False) == (found.is_proven, found.self_test.passed)
    assert found.self_test.failures > 10
    assert said[0].endswith("equal to TFLM, self-test failed")


def test_vectors_leave_room_for_the_product(assignment):
    """Of a chip that has 250 B more than the product takes none fits: one is built in all the same, for a larger memory, and it is said."""
    taken = run_on_chip(assignment, lambda _: None).on_chip.linked.flash_bytes
    flash_bytes = (taken + 250) // 4 * 4
    regions = tuple(r.model_copy(update={"size_bytes": flash_bytes}) if r.name == "flash" else r for r in assignment.target.regions)
    small = assignment.target.model_copy(update={"regions": regions, "flash_bytes": flash_bytes})

    found = run_on_chip(assignment.model_copy(update={"target": small}), lambda _: None).on_chip

    assert {} == found.linked.missing_bytes
    assert (1, True) == (found.self_test.samples, found.self_test.passed)


def test_an_anomalys_input_is_kept_in_ram(assignment):
    """The autoencoder's 8 bytes beside the arena: an error of reconstruction needs them when the model has run."""
    assignment.model.write_bytes(network(outputs=8))
    compile_model(assignment.model, "net", assignment.sources, lambda _: None)
    np.save(assignment.y, np.arange(120) % 2)
    np.save(assignment.vectors[1], np.arange(16) % 2)
    task = Task(kind=TaskKind.ANOMALY, metric="f1")
    grading = Grading(task=task, labels=2, validation_x=assignment.x, validation_y=assignment.y)
    anomaly = assignment.model_copy(update={"grading": grading, "labels": ("normal", "anomaly")})

    found = run_on_chip(anomaly, lambda _: None).on_chip

    # the arena of 32 bytes lies at a multiple of 16, so 8 more take 16
    assert (32, 48) == (found.linked.arena_bytes, found.linked.variable_bytes)
    assert found.is_proven
    assert found.self_test.passed


def test_what_can_not_be_put_into_c_is_an_answer(assignment):
    """A channel that never changes can't be divided by."""
    np.save(assignment.vectors[0], np.ones((16, 8), np.float32))
    flat = assignment.model_copy(update={"standardization": Standardization(mean=(1.0,) * 8, std=(1e-39, *(2.0,) * 7))})

    assert run_on_chip(flat, lambda _: None).why_not.startswith("received a standard deviation of 1e-39; expected more than 0")


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
    monkeypatch.setattr("emberflow.adapters.bench.read_sources", lambda _: {"net.c": b"#include \"net.h\"\nvoid net_infer(const int8_t *i, int8_t *o) { (void)i; (void)o; __builtin_trap(); } int net_arena; int8_t *net_input(void) { return 0; } int8_t *net_output(void) { return 0; }", "net_kernels.h": b"", "net.h": b"#include <stdint.h>\n#define NET_ARENA_BYTES 4\n#define NET_INPUT_BYTES 8\n#define NET_OUTPUT_BYTES 3\nint8_t *net_input(void); int8_t *net_output(void); void net_infer(const int8_t *, int8_t *);"})  # fmt: skip  # noqa: E501
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
