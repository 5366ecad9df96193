"""A compiled model is proven, or refuted with the layer that is to blame; what does not fit is measured all the same."""

import dataclasses
import re

import numpy as np
import pytest

from emberflow.adapters import emulator as emulator_module
from emberflow.adapters.proof import Claim, prove
from emberflow.compiler import compile_model
from emberflow.errors import DoesNotFit, GraphError, ToolchainError
from emberflow.firmware.chip.program import product_program
from emberflow.graph import read_graph
from emberflow.target import find_target
from tests.adapters.a_network import CODES, PAIRS, network, two_by_two
from tests.compiler.harness import activation
from tests.models import OperatorSpec, tflite, write_tflite

STM32F405 = find_target("stm32f405")


def claim(model=None, patch=None):
    """The network compiled; `patch` turns its C text into another."""
    model = model or network()
    compiled = compile_model(model, "net")
    sources = dict(compiled.files)
    if patch:
        changed = patch(sources["net.c"].decode())
        assert changed.encode() != sources["net.c"]
        sources["net.c"] = changed.encode()
    graph = read_graph(model)
    return Claim(model, compiled.name, sources, product_program(compiled.name, None, len(graph.inputs), len(graph.outputs)))


@pytest.fixture(scope="module")
def proof(toolchain):
    """Of the network as it was compiled."""
    return prove(claim(), (CODES,), STM32F405, toolchain)


def test_equal_firmware_is_proven(proof):
    """100 of the 120 samples on the emulated core, all of them on this machine; three bytes each."""
    figures = proof.figures

    assert (figures.is_proven, figures.is_refuted, figures.unproven, figures.fault) == (True, False, "", "")
    assert (100, 300, 0) == (figures.emulated.parity.samples, figures.emulated.parity.bytes, figures.emulated.parity.differing_bytes)
    assert (120, 360, 0) == (figures.on_host.samples, figures.on_host.bytes, figures.on_host.differing_bytes)
    assert figures.host_differing_bytes == 0
    assert figures.emulated.parity.distinct_outputs > 50
    assert figures.emulated.first_difference is None


def test_the_outputs_of_all_samples_are_handed_on(proof):
    """In the shape and type of the model's output."""
    assert [((120, 3), np.int8)] == [(each.shape, each.dtype) for each in proof.outputs]


def test_what_is_linked_is_told_in_all_and_by_layer(proof):
    """The weights are 4 x 8 and 3 x 4 bytes, plus biases and parameters; sections add up to the flash, up to their alignment to 4."""
    linked, layers = proof.figures.linked, proof.figures.layers

    assert ["fully_connected_0", "fully_connected_1"] == [layer.name for layer in layers]
    assert all(layer.constant_bytes >= weights for layer, weights in zip(layers, (32, 12), strict=True))
    assert 0 <= linked.flash_bytes - linked.sections[".text"] - linked.sections[".rodata"] < 4
    assert linked.variable_bytes >= linked.arena_bytes > 0
    assert linked.ram_bytes == linked.variable_bytes + 1024
    assert linked.missing_bytes == {}


def test_instructions_are_told_in_all_and_by_layer(proof):
    """The larger layer takes more; all layers together take what an inference takes, and a few more for the trace."""
    emulated, layers = proof.figures.emulated, proof.figures.layers

    assert emulated.least_instructions <= emulated.instructions <= emulated.most_instructions
    assert layers[0].instructions > layers[1].instructions > 0
    assert 0 <= sum(layer.instructions for layer in layers) - emulated.instructions < 40
    assert 0 < emulated.stack_bytes < 512


def test_a_wrong_weight_refutes_and_names_the_first_layer_that_differs(toolchain):
    """One weight of the second layer; the first is as it should be."""

    def patch(text):
        return re.sub(r"(fully_connected_1_weights\[\d+\] = \{\s*)(-?\d+)", lambda m: f"{m[1]}{-int(m[2])}", text, count=1)

    figures = prove(claim(patch=patch), (CODES,), STM32F405, toolchain).figures

    assert (False, True) == (figures.is_proven, figures.is_refuted)
    assert figures.emulated.parity.differing_bytes > 0
    assert figures.on_host.differing_bytes > 0
    assert re.match(
        r"operator 1 FULLY_CONNECTED \(fully_connected_1\) is the first layer that differs, in 1 of 3 B of tensor 4 'y' \(sample \d+\)$",
        str(figures.emulated.first_difference),
    )


def test_outputs_that_do_not_vary_prove_nothing(toolchain):
    """Every sample is the same."""
    figures = prove(claim(), (np.repeat(CODES[:1], 5, axis=0),), STM32F405, toolchain).figures

    assert (False, False) == (figures.is_proven, figures.is_refuted)
    assert figures.unproven == "5 samples gave 1 distinct output: a model whose outputs don't vary proves nothing"


def small(flash_bytes, ram_bytes):
    """An stm32f405 with less memory."""
    sizes = {"flash": flash_bytes, "sram": ram_bytes}
    regions = tuple(r.model_copy(update={"size_bytes": sizes[r.name]}) for r in STM32F405.regions if r.name in sizes)
    return STM32F405.model_copy(update={"name": "small", "regions": regions, "flash_bytes": flash_bytes, "ram_bytes": ram_bytes})


def test_a_target_too_small_is_told_by_how_much_and_measured_all_the_same(toolchain, proof):
    """512 B of flash and 1 KiB of RAM, all of which the stack takes; what is missing is what the firmware takes beyond that."""
    figures = prove(claim(), (CODES,), small(512, 1024), toolchain).figures
    linked = proof.figures.linked

    assert linked.flash_bytes == figures.linked.flash_bytes
    assert {"flash": linked.flash_bytes - 512, "sram": linked.ram_bytes - 1024} == figures.linked.missing_bytes
    assert figures.emulated.parity.differing_bytes == 0


def test_a_program_that_fits_into_no_memory_is_told(toolchain):
    """200 MiB of RAM, of which 128 KiB are there: the linker's words, and that nothing else is known."""
    huge = claim(patch=lambda text: text.replace("void net_infer", "char net_huge[200 << 20];\nvoid net_infer"))
    use = {"use.c": b"extern char net_huge[]; int ef_read_input(void *p) { return net_huge[*(char *)p]; }"}
    used = Claim(huge.model, huge.name, huge.sources | use, huge.program)

    with pytest.raises(
        DoesNotFit, match=r"^needs 209,5\d\d,\d{3} B more RAM than stm32f405 has; .* an imagined memory of at most 64 MiB has no room"
    ) as caught:
        prove(used, (CODES,), STM32F405, toolchain)
    assert {"sram"} == caught.value.missing_bytes.keys()


def test_several_samples_at_once_are_refused(toolchain):
    """Sources may be anybody's; a proof goes sample by sample."""
    tanh = OperatorSpec(tflite.BuiltinOperator.TANH, (0,), (1,))
    model = write_tflite((activation("x", (2, 4)), activation("y", (2, 4), 1 / 128)), (tanh,))

    with pytest.raises(
        GraphError, match=r"^tensor 0 'x' has shape \(2, 4\); expected one sample at a time: 1 in front; convert the model with batch 1$"
    ):
        prove(dataclasses.replace(claim(network()), model=model), (CODES,), STM32F405, toolchain)


def first_in_infer(statement):
    """A patch that puts `statement` where the inference begins."""
    return lambda text: re.sub(r"(void net_infer\(.*\) \{\n)", rf"\1{statement}\n", text)


def test_firmware_that_faults_is_refuted(toolchain):
    """It writes to where no memory is, though not on this machine."""
    proof = prove(claim(patch=first_in_infer("#ifdef __arm__\\n*(volatile int *)0x60000000 = 1;\\n#endif")), (CODES,), STM32F405, toolchain)

    assert proof.figures.is_refuted
    assert re.match(r"net_infer \(at 0x080000..\) wrote 4 B at 0x60000000, where there is no memory", proof.figures.fault)
    assert proof.outputs is not None


def test_c_that_crashes_on_this_machine_is_refuted(toolchain):
    """Before anything is run on the emulated core."""
    proof = prove(claim(patch=first_in_infer("__builtin_trap();")), (CODES,), STM32F405, toolchain)

    assert proof.figures.is_refuted
    assert proof.figures.fault.startswith("net_infer, built for this machine, ended with SIG")
    assert proof.outputs is None


def test_without_an_emulator_the_linked_figures_remain(toolchain, monkeypatch, proof):
    """And it is said why nothing is proven."""
    monkeypatch.setattr("emberflow.adapters.machine.find_spec", lambda _: None)

    figures = prove(claim(), (CODES,), STM32F405, toolchain).figures

    assert proof.figures.linked == figures.linked
    assert (None, False, False) == (figures.emulated, figures.is_proven, figures.is_refuted)
    assert figures.unproven == "found no emulated core: the package unicorn is missing; get it with pip install 'emberflow[chip]'"


def test_without_a_compiler_there_is_nothing(toolchain, monkeypatch):
    """The error says how to get it."""
    monkeypatch.setattr("emberflow.adapters.toolchain.find_spec", lambda _: None)

    with pytest.raises(ToolchainError, match=r"the package ziglang is missing; get it with pip install 'emberflow\[chip\]'"):
        prove(claim(), (CODES,), STM32F405, toolchain)


def test_several_inputs_and_outputs_are_proven(toolchain):
    """Two of each: seven bytes a sample, on the emulated core and on this machine."""
    proof = prove(claim(two_by_two()), PAIRS, STM32F405, toolchain)

    assert (True, "", "") == (proof.figures.is_proven, proof.figures.complaint, proof.figures.unproven)
    assert (100, 700, 0) == (
        proof.figures.emulated.parity.samples,
        proof.figures.emulated.parity.bytes,
        proof.figures.emulated.parity.differing_bytes,
    )
    assert (840, 0) == (proof.figures.on_host.bytes, proof.figures.host_differing_bytes)
    assert [((120, 4), np.int8), ((120, 3), np.uint8)] == [(each.shape, each.dtype) for each in proof.outputs]


def test_the_layer_behind_the_second_output_is_named(toolchain):
    """The first output is as it should be."""

    def patch(text):
        return re.sub(r"(fully_connected_2_weights\[\d+\] = \{\s*)(-?\d+)", lambda m: f"{m[1]}{-int(m[2])}", text, count=1)

    figures = prove(claim(two_by_two(), patch), PAIRS, STM32F405, toolchain).figures

    assert figures.is_refuted
    assert str(figures.emulated.first_difference).startswith(
        "operator 2 FULLY_CONNECTED (fully_connected_2) is the first layer that differs, in 1 of 3 B"
    )


def test_a_measuring_program_that_fails_is_refuted(toolchain, monkeypatch):
    """Status 72: it could not write."""
    real = emulator_module.Emulator.run
    monkeypatch.setattr(emulator_module.Emulator, "run", lambda *given: dataclasses.replace(real(*given), exit_status=72))

    assert prove(claim(), (CODES,), STM32F405, toolchain).figures.fault == "the measuring program ended with status 72; expected 0"
