"""The record of a run, by recipe."""

import runpy
from pathlib import Path

import pytest
from pydantic import ValidationError

from emberflow.record import Record

RECORD = runpy.run_path(str(Path(__file__).with_name("a_record.py")))["RECORD"]


@pytest.mark.parametrize("recipe", [variant.recipe for variant in RECORD.variants])
def test_a_variant_is_found_by_its_recipe(recipe):
    """Each of the fourteen."""

    assert recipe == RECORD.variant(recipe).recipe


@pytest.mark.parametrize("recipe", ["int9", "", "prune2of4-qat-int8"])
def test_a_recipe_that_gave_no_variant_is_a_key_error(recipe):
    """A failed one too."""
    with pytest.raises(KeyError) as raised:
        RECORD.variant(recipe)

    assert (recipe,) == raised.value.args


def test_a_record_survives_json():
    """To the last digit."""

    assert Record.model_validate_json(RECORD.model_dump_json()) == RECORD


def test_a_record_of_another_shape_is_refused():
    """Unknown keys are a newer version's."""
    with pytest.raises(ValidationError, match="instructions\n  Extra inputs are not permitted"):
        Record.model_validate({**RECORD.model_dump(), "instructions": 3})


def test_the_origin_is_what_makes_two_versions_the_same():
    """Digests of model, data and code, and the target's name."""
    origin = RECORD.origin("int8")

    assert (RECORD.variant("int8").model.sha256, RECORD.provenance.data_digest) == (origin.model, origin.data)
    assert (RECORD.provenance.code_digest, RECORD.target.name) == (origin.code, origin.target)
