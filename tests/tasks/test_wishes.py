"""A wish for a layer carries out again the stages that it is about, and no others."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from emberflow.convert import Conversion
from emberflow.recipe import Cluster, Prune, QuantizeAware, Recipe
from emberflow.training import FineTuning, Training
from emberflow.wishes import NONE, LayerWish, Wishes
from tasks import compress, convert

STEPS = {"prune": (Prune(70),), "cluster": (Prune(70), Cluster(16)), "qat": (QuantizeAware(),)}
SPLITS = SimpleNamespace(train="t", validation="v", standardization=None, target=None)


def compression(steps, wishes):
    plan = compress.Plan(training=Training(), fine_tuning=FineTuning(), folder=Path(), wishes=wishes)
    return compress._facts({"plan": plan, "splits": SPLITS, "before": SimpleNamespace(model="m", notes=()), "steps": steps})


def conversion(recipe, wishes):
    before = SimpleNamespace(model="m", notes=())
    return convert._facts({"recipe": Recipe.parse(recipe), "before": before, "calibration": "c", "how": Conversion(wishes=wishes)})


@pytest.mark.parametrize(
    ("wish", "steps", "recipes"),
    [
        ({"prune": False}, ["prune"], []),
        ({"prune": 30}, ["prune"], []),
        ({"cluster": False}, ["cluster"], []),
        ({"qat": False}, ["qat"], []),
        ({"quantize": False}, [], ["int8", "uint8", "dynamic"]),
        ({}, [], []),
    ],
)
def test_each_wish_changes_the_facts_of_its_stages(wish, steps, recipes):
    """Pruning, clustering and quantization-aware training each by its own key; the conversion by the layers in float, but not to float32."""
    wishes = Wishes(layers={"dense": LayerWish(**wish)})

    assert steps == [name for name, each in STEPS.items() if compression(each, wishes) != compression(each, NONE)]
    assert recipes == [each for each in ("float32", "int8", "uint8", "dynamic") if conversion(each, wishes) != conversion(each, NONE)]
