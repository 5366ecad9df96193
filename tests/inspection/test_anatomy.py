"""Operators with what they cost."""

from emberflow.compiler import compile_model
from emberflow.graph import read_graph
from emberflow.inspection.anatomy import constants_in_c, constants_in_file, describe_memory, name_tenant, take_apart
from emberflow.inspection.memory import Tenant, planned, unplanned
from emberflow.inspection.support import COMPILER, TFLM, examine


def apart(model):
    graph = read_graph(model)
    support = examine(model, graph)
    return take_apart(graph, support, planned(support.compiled, graph) if support.compiled else unplanned(graph))


def test_each_operator_is_counted(models):
    """CONV_2D of 4 x 3 x 3 x 2 weights and 4 biases on 6 x 6; FULLY_CONNECTED of 3 x 144 without biases."""
    conv, dense = apart(models.small_tflite())

    assert ("CONV_2D", (1, 6, 6, 4), "int8", 72, 6 * 6 * 4 * 18, {}) == (conv.name, conv.shape, conv.dtype, conv.parameters, conv.macs, conv.refusals)
    assert ("FULLY_CONNECTED", 432, 432) == (dense.name, dense.parameters, dense.macs)
    assert (("conv_2d_0",), ("fully_connected_1",)) == (conv.layers, dense.layers)


def test_flash_is_of_the_compiled_c_where_there_is_some(models):
    """Weights, with each row filled up to 4, folded biases, multipliers: more than the file's, and those that the program has."""
    data = models.small_tflite()
    compiled = compile_model(data, "m")
    rows = apart(data)

    assert {row.index: row.constant_bytes for row in rows} == constants_in_c(compiled)
    named = {constant.name: constant.values.nbytes for call in compiled.program.calls for constant in call.constants}
    assert sum(named.values()) == sum(row.constant_bytes for row in rows)
    assert {0: 72 + 16, 1: 432} == constants_in_file(read_graph(data))


def test_a_refusal_stands_with_its_operator(models):
    """And flash is then of the file."""
    rows = apart(models.small_tflite(unknown=True))

    assert [[], [COMPILER, TFLM], []] == [list(row.refusals) for row in rows]
    assert [88, 0, 432] == [row.constant_bytes for row in rows]


def test_the_peak_says_who_is_in_ram(case):
    """The largest first."""
    graph, compiled = read_graph(case("heavy").quantized), compile_model(case("heavy").quantized, "m")
    found = describe_memory(graph, planned(compiled, graph))

    assert ("output of tall", 8 * 8 * 48) == (found.occupants[0].what, found.occupants[0].size_bytes)
    assert {"input", "scratch"} >= {occupant.what for occupant in found.occupants[1:]}
    assert sum(occupant.size_bytes for occupant in found.occupants) == found.peak_bytes
    assert 0 == found.peak_index


def test_tenants_are_named_by_who_writes_them(models):
    """Two writers where one tensor lies over the other."""
    graph = read_graph(models.small_tflite())
    layers = {0: ("conv", "relu"), 1: ("dense",)}

    assert ["input", "output of conv", "outputs of conv, dense", "scratch", "state"] == [
        name_tenant(graph, layers, Tenant(tensors, 1)) for tensors in ((0,), (3,), (5, 3), (), (1,))
    ]
