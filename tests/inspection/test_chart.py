"""RAM over time, drawn."""

from emberflow.canvas import MISSES
from emberflow.inspection import Subject, inspect_model
from emberflow.inspection.chart import ram_over_time


def test_every_operator_has_a_bar_and_the_peak_a_name(case):
    """In the colour that misses have."""
    found = inspect_model(Subject("m", case("heavy").quantized, "int8"))
    svg = ram_over_time(found).svg()

    for layer in ("tall", "shrink", "small", "wide", "decide"):
        assert f">{layer}<" in svg
    assert ">peak: 3.6 KiB, tall<" in svg
    assert ">arena " in svg
    assert 1 <= svg.count(f"fill: {MISSES}")


def test_a_model_without_operators_is_drawn_too(models):
    """Empty, but drawn."""
    found = inspect_model(Subject("m", models.write_tflite((models.TensorSpec(),), (), outputs=(0,)), "nothing"))

    assert ram_over_time(found).svg().startswith("<svg")


def test_long_names_are_cut(case):
    """They would push the bars out of the drawing."""
    found = inspect_model(Subject("m", case("heavy").quantized, "int8"))
    renamed = tuple(operator.model_copy(update={"layers": ("a" * 40,)}) for operator in found.operators)

    assert f">{'a' * 21}…<" in ram_over_time(found.model_copy(update={"operators": renamed})).svg()
