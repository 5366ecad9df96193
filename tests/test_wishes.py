"""Wishes for single layers: which layers they mean, what they mean there, and when they can't be met."""

import pytest

from emberflow.errors import ProjectError
from emberflow.project import parse_project
from emberflow.recipe import Cluster, Prune, PruneBlock, QuantizeAware
from emberflow.target import find_target
from emberflow.wishes import NONE, LayerWish, Wishes

HEAD = "name: a\nbaseline: a:b\ndata: a:b\ntarget: linux-arm64\nlayers:\n"
STEPS = [Prune(70), PruneBlock(2, 4), Cluster(16), QuantizeAware()]


def wishes(**layers):
    return Wishes(layers={name: LayerWish(**wish) for name, wish in layers.items()})


def test_a_project_says_them_by_layer():
    """Names and patterns; keys that are left out leave it to the recipe."""
    said = parse_project(HEAD + "  first: {quantize: false, prune: false}\n  block_*: {prune: 30, qat: false, cluster: false}\n").wishes

    assert LayerWish(quantize=False, prune=False) == said.of("first")
    assert LayerWish(prune=30, qat=False, cluster=False) == said.of("block_7")
    assert LayerWish() == said.of("other") == NONE.of("other")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("dense: {quantise: false}", "layers.dense.quantise: unknown key. Did you mean 'quantize'?"),
        ("dense: {prune: 100}", "layers.dense.prune"),
        ("dense: {prune: 0}", "layers.dense.prune"),
        ("dense: {quantize: 8}", "layers.dense.quantize"),
        ("dense: false", "layers.dense"),
    ],
)
def test_what_can_t_be_wished_is_refused_by_its_key(line, told):
    """As everywhere in the project file."""
    with pytest.raises(ProjectError) as caught:
        parse_project(f"{HEAD}  {line}\n")
    assert told in str(caught.value)


def test_a_name_counts_before_patterns_and_a_later_pattern_before_an_earlier_one():
    """Key by key: what the name doesn't say, the patterns do."""
    said = Wishes(
        layers={
            "conv_3": LayerWish(prune=10),
            "conv_*": LayerWish(prune=20, cluster=False),
            "*_3": LayerWish(prune=30, qat=False),
        }
    )

    assert LayerWish(prune=10, cluster=False, qat=False) == said.of("conv_3")
    assert LayerWish(prune=20, cluster=False) == said.of("conv_4")
    assert LayerWish(prune=30, qat=False) == said.of("dense_3")


@pytest.mark.parametrize(
    ("wish", "refused"),
    [({"prune": False}, ["prune70", "prune2of4"]), ({"prune": 30}, []), ({"cluster": False}, ["cluster16"]), ({"qat": False}, ["qat"]), ({}, [])],
)
def test_each_key_is_about_its_steps(wish, refused):
    """A percentage is a way to be pruned, too."""
    assert refused == [str(step) for step in STEPS if LayerWish(**wish).refuses(step)]


def test_the_percentage_is_the_layers_own():
    """True and false are none."""
    assert [30, None, None] == [LayerWish(prune=prune).percent for prune in (30, True, False)]


def test_layers_that_stay_in_float_are_those_that_are_not_quantized():
    """By any pattern."""
    said = Wishes(layers={"d*": LayerWish(quantize=False), "conv": LayerWish(prune=False)})

    assert frozenset({"dense", "d"}) == said.in_float(["dense", "conv", "d"])
    assert [True, False, False] == [each.leave_some_in_float for each in (said, wishes(conv={"prune": False}), NONE)]


def test_a_layer_that_the_model_has_not_is_refused_with_a_hint():
    """A pattern as well; at most twenty names are listed."""
    wishes(dense={"prune": False}).check(["conv", "dense"])
    Wishes(layers={"c*": LayerWish()}).check(["conv", "dense"])

    with pytest.raises(ProjectError, match=r"layers: the model has no layer 'dens'; expected one of conv, dense\. Did you mean 'dense'\?"):
        wishes(dens={"prune": False}).check(["conv", "dense"])
    with pytest.raises(ProjectError, match=r"no layer 'x\*'; expected one of a0, .*, a19 and 5 more\."):
        Wishes(layers={"x*": LayerWish()}).check([f"a{i}" for i in range(25)])


def test_on_a_microcontroller_no_layer_stays_in_float():
    """It runs full-integer models; on a Linux-class target any may."""
    said = wishes(dense={"quantize": False}, conv={"prune": False})
    said.check_target(find_target("linux-arm64"))
    wishes(conv={"prune": False}).check_target(find_target("stm32f405"))

    with pytest.raises(ProjectError, match=r"layers: received 'quantize: false' for 'dense' with the target 'stm32f405'.*such as linux-arm64"):
        said.check_target(find_target("stm32f405"))


def test_a_cache_is_told_what_a_step_depends_on_and_nothing_else():
    """Each step its own key, a conversion the layers in float."""
    said = wishes(a={"prune": 30, "qat": False}, b={"cluster": False, "quantize": False})

    assert [wishes(a={"prune": 30})] * 2 == [said.about(step) for step in STEPS[:2]]
    assert [wishes(b={"cluster": False}), wishes(a={"qat": False})] == [said.about(step) for step in STEPS[2:]]
    assert wishes(b={"quantize": False}) == said.about_conversion
    assert NONE == wishes(a={"prune": 30}).about(QuantizeAware())
