"""Wishes for single layers, as a run takes them up."""

import pytest

from emberflow.errors import ProjectError
from flows.settings import RunConfig, set_up

IN_FLOAT = {"dense": {"quantize": False}, "conv*": {"prune": 30}}


def test_a_layer_in_float_is_refused_on_a_microcontroller(write_project, tmp_path):
    """At once, also when the target is named on the command line."""
    path = write_project(layers=IN_FLOAT, target="linux-arm64")

    with pytest.raises(ProjectError, match="layers: received 'quantize: false' for 'dense' with the target 'stm32f405'"):
        set_up(RunConfig(project=str(path), home=str(tmp_path), target="stm32f405"))


def test_wishes_reach_the_stages_and_qat_is_skipped(write_project, tmp_path):
    """Those that compress, and the one that converts."""
    path = write_project(layers=IN_FLOAT, target="linux-arm64", recipes=["int8", "prune50-int8", "qat-int8"])
    setting = set_up(RunConfig(project=str(path), home=str(tmp_path)))

    assert setting.project.wishes == setting.plan.wishes == setting.conversion.wishes
    assert 30 == setting.plan.wishes.of("conv1d").percent
    assert ["int8", "prune50-int8"] == [str(recipe) for recipe in setting.project.recipes]
    assert ["qat-int8"] == [each.recipe for each in setting.skipped]
