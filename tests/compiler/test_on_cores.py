"""A sample of every operator on every emulated core, byte for byte with TFLM; other tests run random ones on this machine."""

from collections import Counter
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import Parity, compile_model
from emberflow.compiler.lower import LOWERINGS
from emberflow.target import find_target
from tests.compiler.cores import TARGETS, Bench
from tests.compiler.harness import TYPES, Native, random_codes, run_tflm, several_operators
from tests.compiler.ledger import LEDGER, is_border
from tests.compiler.lower.test_conv import conv, depthwise, windows
from tests.compiler.lower.test_cut import ANY as CUTS
from tests.compiler.lower.test_join import concatenations, packs
from tests.compiler.lower.test_pad import mirrors, pads
from tests.compiler.lower.test_pick import gathers
from tests.compiler.lower.test_pool import pools
from tests.compiler.lower.test_reduce import reductions
from tests.compiler.lower.test_resize import RESIZES
from tests.compiler.lower.test_transpose_conv import convolutions
from tests.compiler.lower.test_turn import ANY as TURNS
from tests.compiler.samples import PARTS, batches
from tests.fuzz import fence

pytest.importorskip("unicorn")

SAMPLES = 16


def compiled_batches():
    """Each model of the samples, compiled, with inputs and TFLM's outputs."""
    for seed, model in enumerate(batches()):
        compiled, generator = compile_model(model, "m"), np.random.default_rng(seed)
        inputs = [random_codes(generator, tensor, SAMPLES) for tensor in borders(compiled, "inputs")]
        yield compiled, inputs, run_tflm(model, inputs)


@pytest.fixture(scope="module")
def ready():
    """They serve every core."""
    return tuple(compiled_batches())


def borders(compiled, role):
    graph = compiled.program.graph
    return [graph.tensors[index] for index in getattr(graph, role)]


@pytest.fixture(scope="module")
def on_core(toolchain, emulator):
    """Outputs of a compiled model on a target's core: for each output of the graph (n, bytes)."""

    bench = Bench(toolchain, emulator)

    def run(compiled, inputs, target):
        written = np.frombuffer(bench.run(compiled, inputs, target), np.uint8).reshape(len(inputs[0]), -1)
        return np.split(written, np.cumsum([tensor.size_bytes for tensor in borders(compiled, "outputs")])[:-1], axis=1)

    return run


def differing_by_operator(compiled, actual, expected):
    """How many bytes of its outputs differ."""
    graph, counts = compiled.program.graph, Counter()
    for index, ours, theirs in zip(graph.outputs, actual, expected, strict=True):
        last = graph.producers[index]
        last = graph.producers[last.inputs[0]] if is_border(graph, last) else last
        counts[last.name] += int((ours != theirs.reshape(len(theirs), -1).view(np.uint8)).sum())
    return counts


def note_on_core(compiled, core, differing):
    """Put into the ledger what was compared."""
    graph = compiled.program.graph
    for operator in (each for each in graph.operators if not is_border(graph, each)):
        LEDGER[operator.name].on_cores[core] += SAMPLES
    for name, count in differing.items():
        LEDGER[name].differing += count


@pytest.mark.parametrize("name", TARGETS)
def test_every_operator_equals_tflm_on_the_core(name, ready, on_core):
    """All that the compiler has, in the sizes and forms of `samples.PARTS`."""
    target, told = find_target(name), {}
    for compiled, inputs, expected in ready:
        differing = differing_by_operator(compiled, on_core(compiled, inputs, target), expected)
        note_on_core(compiled, target.core, differing)
        told |= {operator: told.get(operator, 0) + count for operator, count in differing.items()}

    assert dict.fromkeys(LOWERINGS, 0) == told


PART = st.one_of(
    CUTS, TURNS, RESIZES, concatenations(), convolutions(), gathers(), mirrors(), packs(), pads(), pools(), reductions(),
    st.builds(conv, windows(3), st.integers(1, 9), st.integers(1, 9)), st.builds(depthwise, windows(3), st.integers(1, 9)),
)  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(TARGETS), st.lists(PART, min_size=6, max_size=6), st.integers(0, 10**6))
def test_random_operators_equal_tflm_on_a_core(on_core, name, parts, seed):
    """Any shapes, strides, paddings and scales; six operators in a model."""
    model = several_operators(*parts)
    compiled, generator = compile_model(model, "m"), np.random.default_rng(seed)
    inputs = [random_codes(generator, tensor, 4) for tensor in borders(compiled, "inputs")]

    assert 0 == differing_by_operator(compiled, on_core(compiled, inputs, find_target(name)), run_tflm(model, inputs)).total()


ONLY_TFLM = {"ARG_MAX", "ARG_MIN", "BROADCAST_TO", "ELU", "ZEROS_LIKE"}
"""Operators that LiteRT's reference kernels refuse in the form that TFLM has, version 1."""

REFUSED = {"LOG_SOFTMAX", "SUM"}
"""Operators that LiteRT's reference computes in floats: they are refused for its parity, as tests of their lowerings say."""


def litert_takes(part):
    """Whether LiteRT's reference runs a sample, and ours is compiled for it; its PRELU doesn't repeat the input, its CAST has another NaN."""
    code, inputs, (output, *_), *_ = part
    is_same = {"PRELU": inputs[0].shape == output.shape, "CAST": inputs[0].type != TYPES["float32"]}
    return code not in ONLY_TFLM | REFUSED and is_same.get(code, True)


def test_the_other_parity_equals_litert():
    """Every operator that both have, on this machine, compiled to give the bytes of LiteRT's reference kernels."""
    parts = [part for part in PARTS if litert_takes(part)]
    for seed, model in enumerate(batches(parts)):
        compiled, generator = compile_model(model, "m", Parity.LITERT_REFERENCE), np.random.default_rng(seed)
        inputs = [random_codes(generator, tensor, SAMPLES) for tensor in borders(compiled, "inputs")]
        outputs = Native(compiled).run(inputs)
        expected = fence.ask_litert(model, inputs, len(outputs))

        is_equal = expected == b"".join(each[n].tobytes() for n in range(SAMPLES) for each in outputs)
        assert is_equal, [operator.name for operator in compiled.program.graph.operators]
    assert LOWERINGS.keys() - ONLY_TFLM - REFUSED == {code for code, *_ in parts}


def test_outputs_of_the_samples_vary(ready):
    """What is the same for every input proves nothing, but of ZEROS_LIKE."""
    same = [
        compiled.program.graph.producers[tensor.index].name
        for compiled, _, expected in ready
        for tensor, outputs in zip(borders(compiled, "outputs"), expected, strict=True)
        if len(np.unique(outputs.reshape(SAMPLES, -1), axis=0)) < SAMPLES // 2
    ]

    assert ["ZEROS_LIKE"] == same


def test_every_operator_has_a_sample():
    """One that is new to the compiler needs one here."""
    assert sorted(LOWERINGS) == sorted({code for code, *_ in PARTS})


def test_every_kernel_has_a_sample(ready):
    """Each file of kernels that a model can ask for is asked for."""
    texts = {path.name.removesuffix(".h"): path.read_text() for path in (files("emberflow.compiler") / "kernels").iterdir()}
    included = {name for name in texts if any(f'#include "{name}.h"' in text for text in texts.values())}

    called = {call.kernel for compiled, *_ in ready for call in compiled.program.calls}
    assert [] == sorted(texts.keys() - included - called)


def test_a_kernel_that_computes_something_else_is_found(ready, on_core):
    """On the core, a maximum is the lesser code: both its forms are blamed, and no other operator."""
    compiled, inputs, expected = next(each for each in ready if b"ef_maximum_any" in each[0].files["m_kernels.h"])
    right, wrong = b"*run.a > *run.b ? *run.a : *run.b", b"*run.a > *run.b ? *run.b : *run.a"
    assert 1 == compiled.files["m_kernels.h"].count(right)
    faulty = replace(compiled, files=compiled.files | {"m_kernels.h": compiled.files["m_kernels.h"].replace(right, wrong)})

    differing = differing_by_operator(compiled, on_core(faulty, inputs, find_target("stm32f405")), expected)
    assert ["MAXIMUM"] == [name for name, count in differing.items() if count]
