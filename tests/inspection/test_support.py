"""Who runs what, and why not."""

import tflite

from emberflow.graph import read_graph
from emberflow.inspection.apart import ask
from emberflow.inspection.support import COMPILER, LITERT, TFLM, examine


def asked(model):
    support = examine(model, read_graph(model), ask(model).refusal)
    return support.compiled, {runtime.name: runtime for runtime in support.runtimes}


def test_an_int8_model_runs_everywhere(models):
    """No refusal, and the program is there."""
    compiled, runtimes = asked(models.small_tflite())

    assert "model" == compiled.name
    assert [(COMPILER, "", {}), (TFLM, "", {}), (LITERT, "", {})] == [(r.name, r.refusal, r.operators) for r in runtimes.values()]


def test_the_operator_that_is_not_compiled_is_named(models):
    """A COS of int8 between two that are."""
    compiled, runtimes = asked(models.small_tflite(unknown=True))

    assert compiled is None
    assert [1] == list(runtimes[COMPILER].operators)
    assert "it has no kernel; expected one of ABS" in runtimes[COMPILER].operators[1]
    assert runtimes[COMPILER].refusal.startswith("operator 1 COS at position 1 of 3: it has no kernel")


def test_a_float_model_runs_in_two_of_three(tiny_tflite):
    """Each operator that computes is refused for itself, though the compiler stops at the first."""
    compiled, runtimes = asked(tiny_tflite("image", "float32"))

    assert compiled is None
    assert "is float32; expected int8" in runtimes[COMPILER].operators[1]
    assert ["", ""] == [runtimes[name].refusal for name in (TFLM, LITERT)]


def test_a_custom_operator_runs_nowhere(models):
    """Its name is a stranger's."""
    step = models.OperatorSpec(tflite.BuiltinOperator.CUSTOM, (0,), (1,), custom="Mine")
    _, runtimes = asked(models.write_tflite(tuple(models.TensorSpec(name, scales=(1.0,), zero_points=(0,)) for name in "xy"), (step,)))

    assert {0: "TFLM has no kernel for Mine"} == runtimes[TFLM].operators
    assert {0: "a custom operator, which LiteRT runs only with a library of its own"} == runtimes[LITERT].operators
    assert runtimes[LITERT].refusal.startswith("LiteRT refuses the model")
    assert "TFLM has no kernel for a custom operator; build the layer from built-in operators" == runtimes[TFLM].refusal


def two_inputs(models, **border):
    tensors = tuple(models.TensorSpec(name, **({"scales": (1.0,), "zero_points": (0,)} | border)) for name in "abc")
    step = models.OperatorSpec(tflite.BuiltinOperator.MAXIMUM, (0, 1), (2,), "MaximumMinimumOptions", {})
    return models.write_tflite(tensors, (step,), inputs=(0, 1), outputs=(2,))


def test_tflm_is_asked_with_several_inputs_too(models):
    """Whether it runs; not in what arena."""
    _, runtimes = asked(two_inputs(models))

    assert ("", None) == (runtimes[TFLM].refusal, runtimes[TFLM].arena_bytes)


def test_what_tflm_could_not_be_asked_is_told(models):
    """Integers without a scale: nobody knows what a sample means."""
    _, runtimes = asked(two_inputs(models, scales=(), zero_points=()))

    assert runtimes[TFLM].refusal.startswith("not tried: the model's input0 holds int8 without a scale; expected a quantized tensor")


def test_operators_are_shown_to_tflm_alone_where_it_refuses_the_whole(tiny_tflite):
    """Each kind once; one that it runs by itself isn't to blame."""
    model = tiny_tflite("image", "dynamic")
    _, runtimes = asked(model)
    names = {operator.index: operator.name for operator in read_graph(model).operators}

    assert "hybrid" in runtimes[TFLM].refusal
    assert "SOFTMAX" not in {names[index] for index in runtimes[TFLM].operators}
    assert all("hybrid" in why for why in runtimes[TFLM].operators.values())
