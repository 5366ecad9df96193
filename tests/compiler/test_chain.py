"""Which operators lead codes to codes, element by element."""

import numpy as np
import pytest
import tflite

from emberflow.compiler import compile_model
from emberflow.compiler.chain import TABLED, find_chains, find_links
from emberflow.compiler.lower import LOWERINGS
from emberflow.errors import UnsupportedOperator
from emberflow.evaluate.codes import all_codes, ask
from emberflow.graph import read_graph
from tests.compiler.harness import Native, OperatorSpec, TensorSpec, activation, one_operator, run_tflm, write_tflite
from tests.compiler.ledger import TFLM_LACKS, TFLM_REFUSES

FLOAT = tflite.TensorType.FLOAT32


def island(*names, outputs=None, more=()):
    """A model of codes, DEQUANTIZE, operators of floats called `names`, QUANTIZE; `more` operators are (code, input, output)."""
    shape, middle = (1, 256), range(1, len(names) + 2)
    tensors = (activation("x", shape, 0.05, 7), *(TensorSpec(f"f{i}", shape, FLOAT) for i in middle), activation("y", shape, 0.07, -3))
    codes = [getattr(tflite.BuiltinOperator, name) for name in ("DEQUANTIZE", *names, "QUANTIZE")]
    operators = [OperatorSpec(code, (i,), (i + 1,)) for i, code in enumerate(codes)]
    operators += [OperatorSpec(code, (source,), (len(tensors) + i,)) for i, (code, source, _) in enumerate(more)]
    tensors += tuple(output for _, _, output in more)
    return write_tflite(tensors, tuple(operators), outputs=outputs or (len(names) + 2,))


def lengths(model):
    """How many operators each chain has, by its last, and which need not run."""
    graph = read_graph(model)
    chains = find_chains(graph)
    return {index: len(chain.operators) for index, chain in chains.items()}, set(find_links(graph, chains))


def test_an_operator_of_codes_is_a_chain_of_one():
    """Nothing is left out."""
    assert ({0: 1}, set()) == lengths(one_operator("TANH", [activation("x", (1, 4))], [activation("y", (1, 4), 1 / 128)]))


def test_what_goes_by_way_of_floats_is_one_chain():
    """Of which only the last need stand."""
    assert ({2: 3}, {0, 1}) == lengths(island("ELU"))
    assert ({4: 5}, {0, 1, 2, 3}) == lengths(island("ABS", "SQRT", "NEG"))
    assert ({1: 2}, {0}) == lengths(island())


def test_floats_that_are_wanted_elsewhere_are_computed():
    """The first operator's output leaves the graph, or something else reads it."""
    other = TensorSpec("other", (1, 256), FLOAT)

    assert ({2: 3}, {1}) == lengths(island("ELU", outputs=(1, 3)))
    assert ({2: 3}, {1}) == lengths(island("ELU", more=[(tflite.BuiltinOperator.SIN, 1, other)]))


@pytest.mark.parametrize("name", ["POW", "SOFTMAX"])
def test_what_is_no_function_of_one_element_ends_a_chain(name):
    """Its QUANTIZE starts from floats."""
    assert ({}, set()) == lengths(island(name))


def test_floats_from_outside_are_no_chain():
    """There are no codes to ask for."""
    model = one_operator("QUANTIZE", [activation("x", (1, 4), dtype="float32")], [activation("y", (1, 4))])

    assert ({}, set()) == lengths(model)


def test_an_operator_with_more_inputs_than_it_has_is_asked_for_its_first():
    """In a stranger's file."""
    model = one_operator("TANH", [activation("x", (1, 4)), activation("z", (1, 4))], [activation("y", (1, 4), 1 / 128)])

    assert (0,) == find_chains(read_graph(model))[0].operators[0].inputs
    assert "ef_look_up" == compile_model(model, "m").program.calls[0].function


@pytest.mark.parametrize("names", [("ELU",), ("ABS", "SQRT", "NEG"), ("SQUARE", "SIN"), ()])
def test_a_chain_equals_tflm(names):
    """All codes; in one look-up, without a float on the chip."""
    model, codes = island(*names), [all_codes("int8")[np.newaxis]]
    compiled = compile_model(model, "m")

    assert ["ef_look_up"] == [call.function for call in compiled.program.calls]
    assert run_tflm(model, codes)[0].tolist() == Native(compiled).run(codes)[0].tolist()


def test_floats_that_stay_are_refused_by_name():
    """SIN leads to floats that leave the graph."""
    other = TensorSpec("other", (1, 256), FLOAT)

    with pytest.raises(UnsupportedOperator, match="operator 3 SIN at position 3 of 4: it has no kernel"):
        compile_model(island("ELU", more=[(tflite.BuiltinOperator.SIN, 1, other)], outputs=(3, 4)), "m")


OUTPUTS = {
    "LOGISTIC": (1 / 256, -128),
    "LOG_SOFTMAX": (1 / 16, 127),
    "L2_NORMALIZATION": (1 / 128, 0),
    "SOFTMAX": (1 / 256, -128),
    "TANH": (1 / 128, 0),
}
"""Scales and zero points that TFLM asks of an output."""

OPTIONS = {"L2_NORMALIZATION": ("L2NormOptions", {}), "LEAKY_RELU": ("LeakyReluOptions", {}), "SOFTMAX": ("SoftmaxOptions", {"Beta": 1.0})}
"""Without which TFLM reads what was in memory."""

OTHERS = {
    "AVERAGE_POOL_2D",
    "CAST",
    "CONCATENATION",
    "L2_NORMALIZATION",
    "LOG_SOFTMAX",
    "MAX_POOL_2D",
    "PACK",
    "RESHAPE",
    "SOFTMAX",
    "UNPACK",
    "ZEROS_LIKE",
}
"""Compiled, and not element by element; TFLM runs some of them over shapes that make no sense."""


def unary(name):
    """A model of one operator over 256 codes, none of them below zero, and the type of its input."""
    kind, options = OPTIONS.get(name, ("", {}))
    shape = (1, 16, 16, 1) if name == "L2_POOL_2D" else (1, 256)  # it looks at the rank first
    borders = [activation("x", shape, 0.05, -128)], [activation("y", shape, *OUTPUTS.get(name, (0.05, -128)))]
    return one_operator(name, *borders, kind, **options), "int8"


def test_every_unary_operator_that_tflm_has_in_int8_is_compiled():
    """Each of the schema's operators is given to TFLM."""
    names = sorted(name for name in vars(tflite.BuiltinOperator) if name.isupper())
    answered = {name for name, answers in zip(names, ask(tuple(map(unary, names))), strict=True) if not answers.reason}

    assert TABLED | OTHERS == answered
    assert answered <= LOWERINGS.keys()


def test_what_tflm_has_in_another_type_alone_is_told_in_its_words():
    """On the page of operators."""
    told = {name: answers.reason for name, answers in zip(TFLM_REFUSES, ask(tuple(map(unary, TFLM_REFUSES))), strict=True)}

    assert {} == {
        name: reason for name, reason in told.items() if not reason.endswith(TFLM_REFUSES[name]) or "TFLM refuses the model: " not in reason
    }


def test_what_tflm_has_not_at_all_is_told():
    """On the same page."""
    reasons = [answers.reason for answers in ask(tuple(map(unary, TFLM_LACKS)))]

    assert [f"TFLM has no kernel for {name}; replace the layer that becomes it" for name in TFLM_LACKS] == reasons
