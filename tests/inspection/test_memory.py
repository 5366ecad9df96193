"""Who is in RAM when."""

import tflite

from emberflow.compiler import compile_model
from emberflow.graph import read_graph
from emberflow.inspection.memory import Tenant, live_tensors, planned, unplanned


def view(models):
    """16 B in; RELU; a RESHAPE of its result; RELU of that."""
    tensors = tuple(models.TensorSpec(name, shape) for name, shape in (("x", (1, 16)), ("a", (1, 16)), ("b", (1, 4, 4)), ("y", (1, 4, 4))))
    operators = tflite.BuiltinOperator
    codes = (operators.RELU, operators.RESHAPE, operators.RELU)
    return read_graph(models.write_tflite(tensors, tuple(models.OperatorSpec(c, (i,), (i + 1,)) for i, c in enumerate(codes)), outputs=(3,)))


def test_the_plan_of_the_compiler_says_who_is_alive(models):
    """CONV_2D reads 6 x 6 x 2 = 72 B and writes 6 x 6 x 4 = 144 B, with scratch; FULLY_CONNECTED writes 3 B."""
    data = models.small_tflite()
    memory = planned(compile_model(data, "m"), read_graph(data))

    scratch = next(tenant for tenant in memory.alive[0] if not tenant.tensors)
    assert {Tenant((0,), 72), Tenant((3,), 144), scratch} == set(memory.alive[0])
    assert {Tenant((3,), 144), Tenant((5,), 3)} == {tenant for tenant in memory.alive[1] if tenant.tensors}
    assert 0 == memory.peak
    assert 72 + 144 + scratch.size_bytes == memory.bytes_at(0) <= memory.arena_bytes
    assert memory.bytes_at(1) == memory.peak_without(0, 0)
    assert 0 == memory.peak_without(0, 1)


def test_an_operator_that_became_no_code_runs_with_the_one_before(tiny_tflite):
    """The RESHAPE behind a Conv1D; every operator of the graph is there."""
    data = tiny_tflite("signal", "int8")
    graph, compiled = read_graph(data), compile_model(tiny_tflite("signal", "int8"), "m")
    memory = planned(compiled, graph)

    assert [o.index for o in graph.operators] == list(memory.alive)
    called = {call.operator.index for call in compiled.program.calls}
    silent = next(o.index for o in graph.operators if o.index not in called and o.index > min(called))
    assert memory.alive[silent - 1] == memory.alive[silent]


def test_without_a_plan_each_tensor_lives_from_its_writer_to_its_last_reader(models):
    """A view prolongs the life of its source and takes nothing itself."""
    graph = view(models)
    memory = unplanned(graph)

    assert {0: (0, 0), 1: (0, 2), 3: (2, 3)} == live_tensors(graph)
    assert [32, 16, 32] == [memory.bytes_at(index) for index in memory.alive]
    assert (None, 0) == (memory.arena_bytes, memory.peak)


def test_a_graph_without_operators_has_no_peak(models):
    """Nothing runs."""
    memory = unplanned(read_graph(models.write_tflite((models.TensorSpec(),), (), outputs=(0,))))

    assert (None, {}) == (memory.peak, dict(memory.alive))
