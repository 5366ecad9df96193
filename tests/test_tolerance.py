"""What may be lost: how it is written, what it comes to, and what is refused."""

import re

import pytest
from pydantic import TypeAdapter, ValidationError

from emberflow.errors import ProjectError
from emberflow.measure import Measure
from emberflow.tolerance import AskedTolerance, Tolerance

ACCURACY = Measure(name="accuracy")
KELVIN = Measure(name="mae", higher_is_better=False, is_share=False, unit="K")


@pytest.mark.parametrize(
    ("said", "written", "of_accuracy", "of_kelvin"),
    [
        (0.3, "0.3", 0.3, 0.3),
        ("0.3", "0.3", 0.3, 0.3),
        (0, "0", 0.0, 0.0),
        ("5 %", "5 %", 0.045, 0.1),
        ("5%", "5 %", 0.045, 0.1),
        ("0.01 or 2.5 %", "0.01 or 2.5 %", 0.01, 0.05),
    ],
)
def test_what_may_be_lost_by_hand(said, written, of_accuracy, of_kelvin):
    """Of an accuracy of 0.9 and of an error of 2 K; a value below zero is as large as its absolute one."""
    tolerance = Tolerance.parse(said)

    assert written == str(tolerance)
    assert (pytest.approx(of_accuracy), pytest.approx(of_kelvin)) == (tolerance.of(ACCURACY, 0.9), tolerance.of(KELVIN, 2.0))
    assert tolerance.of(KELVIN, 2.0) == tolerance.of(KELVIN, -2.0)


def test_words_say_the_unit_and_what_a_share_is_of():
    """As a gate's report has them."""
    tolerance = Tolerance.parse("0.01 or 5 %")

    assert "0.01" == tolerance.words(ACCURACY, 0.9)
    assert "0.0925 K (5 % of 1.85 K)" == tolerance.words(KELVIN, 1.85)
    assert "0.3 K" == Tolerance.parse(0.3).words(KELVIN, 1.85)


@pytest.mark.parametrize("said", ["", "some", "-1", -0.01, "5 percent", "5 % or 0.01", "0.01 or 0.02", True, None, [1], float("nan"), "1e-3"])
def test_anything_else_is_refused(said):
    """With all three ways to say it."""
    with pytest.raises(
        ProjectError, match=r"as what may be lost; expected a number in the metric's own unit, .* such as '5 %', or both, '0.01 or 5 %'"
    ):
        Tolerance.parse(said)


@pytest.mark.parametrize("said", [{}, {"number": None, "percent": None}])
def test_neither_is_refused(said):
    """As keys of a project file, which leave both out."""
    with pytest.raises(
        ValidationError, match=r"received neither a number nor a percentage as what may be lost; expected a number in the metric's own unit"
    ):
        Tolerance.model_validate(said)


def test_it_travels_as_text_and_a_form_asks_for_text():
    """JSON, and the schema that Prefect draws a field from."""
    adapter = TypeAdapter(AskedTolerance)
    tolerance = Tolerance.parse("0.02 or 10 %")

    assert b'"0.02 or 10 %"' == adapter.dump_json(tolerance)
    assert tolerance == adapter.validate_json(adapter.dump_json(tolerance))
    asked = adapter.json_schema()
    assert "string" == asked["type"]
    assert [bool(re.search(asked["pattern"], said)) for said in ("0.02 or 10 %", "10%", "1", "ten")] == [True, True, True, False]
