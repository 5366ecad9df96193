"""What is made with the user's own classes is made anew when their source changes, and for no other reason."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emberflow.convert import Conversion
from emberflow.recipe import Recipe
from emberflow.training import FineTuning, Training
from emberflow.trust import OwnClasses
from tasks import compress, convert

PART = SimpleNamespace(train="t", validation="v", standardization=None, target=None)


def facts(stage: Any, own: OwnClasses | None) -> str:
    steps = Recipe.parse("prune50-int8").steps
    if stage is compress:
        plan = compress.Plan(training=Training(), fine_tuning=FineTuning(), folder=Path(), own=own)
        return compress._facts({"plan": plan, "splits": PART, "before": SimpleNamespace(model="m", notes=()), "steps": steps})
    before = SimpleNamespace(model="m", notes=())
    return convert._facts({"recipe": Recipe.parse("int8"), "before": before, "calibration": "c", "how": Conversion(own=own)})


@pytest.mark.parametrize("stage", [compress, convert])
def test_the_source_of_own_classes_is_a_fact_of_its_stages(stage: Any, tmp_path: Path) -> None:
    """Not where the project lies."""
    told = []
    for folder, source in (("a", "OBJECTS = {'A': print}"), ("b", "OBJECTS = {'A': print}"), ("a", "OBJECTS = {'A': repr}")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "own_of_the_tasks.py").write_text(source)
        told.append(facts(stage, OwnClasses.at("own_of_the_tasks:OBJECTS", tmp_path / folder)))

    assert told[0] == told[1]
    assert 3 == len({told[0], told[2], facts(stage, None)})
