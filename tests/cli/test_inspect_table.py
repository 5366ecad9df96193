"""What an inspection prints."""

from io import StringIO

from rich.console import Console

from emberflow.cli.inspect_table import show_inspection
from emberflow.inspection import Subject, Trial, inspect_model


def printed(found):
    console = Console(file=StringIO(), width=80)
    show_inspection(found, console)
    return console.file.getvalue()


def test_each_operator_is_a_line_and_the_peak_is_marked(case):
    """With its share of the flash and a bar of its RAM."""
    found = inspect_model(Subject("heavy.tflite", case("heavy").quantized, "int8"))
    lines = printed(found).splitlines()

    tall = next(line for line in lines if " tall " in line)
    wide = next(line for line in lines if " wide " in line)
    assert "██████████ peak" in tall
    assert f"{found.share(found.operators[4]):.0%}" in wide
    assert sum("peak" in line for line in lines[2 : 3 + len(found.operators)]) == 1
    assert any(line.startswith("runs it: compiled C: yes; TFLM: yes; LiteRT: yes") for line in lines)


def test_the_worst_eight_tensors_are_shown(case):
    """And how many more there are; here seven, so none."""
    healthy = case("healthy")
    text = printed(inspect_model(Subject("m", healthy.quantized, "int8", healthy.real), Trial(healthy.x, "x.npy")))

    assert "worst first" in text
    assert "64 samples of x.npy, taken as they are\n" in text
    assert "more on the page" not in text
    assert text.endswith("Advice: none; no figure is out of the ordinary\n")


def test_more_than_eight_tensors_are_counted(case):
    """The rest is on the page."""
    healthy = case("healthy")
    found = inspect_model(Subject("m", healthy.quantized, "int8", healthy.real), Trial(healthy.x, "x.npy"))
    text = printed(found.model_copy(update={"noise": found.noise * 2, "unmatched": ("a", "b")}))

    assert "taken as they are; 6 more on the page; 2 tensors have no counterpart in the float model" in " ".join(text.split())


def test_what_is_refused_stands_with_its_operator(models):
    """By the runtime's name."""
    text = printed(inspect_model(Subject("m", models.small_tflite(unknown=True), "int8")))

    assert next(line for line in text.splitlines() if " cos_1 " in line).endswith(" compiled C")
    assert "not run by" in text


def test_without_data_the_way_to_noise_is_told(case):
    """And with data for a float model, that there is nothing to compare."""
    healthy = case("healthy")

    assert "Advice: none; no figure is out of the ordinary (ranges and noise need --data)" in printed(
        inspect_model(Subject("m", healthy.quantized, ""))
    )
    assert "no quantized tensor: nothing to compare" in printed(inspect_model(Subject("m", healthy.real, ""), Trial(healthy.x, "x.npy")))


def test_advice_names_its_layer(case):
    """One line each, folded to the terminal."""
    text = printed(inspect_model(Subject("m", case("heavy").quantized, "int8")))

    assert "\nAdvice\n" in text
    assert "\n- wide holds " in text
    assert "\n- tall sets the RAM peak: " in text
