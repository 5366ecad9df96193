"""What an inspection prints."""

from io import StringIO

from rich.console import Console

from emberflow.cli.inspect_table import show_inspection, where, where_whole
from emberflow.inspection import Subject, Trial, inspect_model
from emberflow.target import find_target


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
    text = printed(inspect_model(Subject("m", healthy.quantized, "int8", healthy.real), Trial.of(healthy.x, "x.npy")))

    assert "worst first" in text
    assert "64 samples of x.npy, taken as they are\n" in text
    assert "more on the page" not in text
    assert text.endswith("Advice: none; no figure is out of the ordinary\n")


def test_more_than_eight_tensors_are_counted(case):
    """The rest is on the page."""
    healthy = case("healthy")
    found = inspect_model(Subject("m", healthy.quantized, "int8", healthy.real), Trial.of(healthy.x, "x.npy"))
    text = printed(found.model_copy(update={"noise": found.noise * 2, "unmatched": ("a", "b")}))

    assert "taken as they are; 6 more on the page; 2 tensors have no counterpart in the float model" in " ".join(text.split())


def test_what_is_refused_stands_with_its_operator(models):
    """By the runtime's name."""
    text = printed(inspect_model(Subject("m", models.small_tflite(unknown=True), "int8")))

    assert next(line for line in text.splitlines() if " cos_1 " in line).endswith(" linux-arm64  compiled C, TFLM")
    assert "not run by" in text


def test_without_data_the_way_to_noise_is_told(case):
    """And with data for a float model, that there is nothing to compare."""
    healthy = case("healthy")

    assert "Advice: none; no figure is out of the ordinary (ranges and noise need --data)" in printed(
        inspect_model(Subject("m", healthy.quantized, ""))
    )
    assert "no quantized tensor: nothing to compare" in printed(inspect_model(Subject("m", healthy.real, ""), Trial.of(healthy.x, "x.npy")))


def test_advice_names_its_layer(case):
    """One line each, folded to the terminal."""
    text = printed(inspect_model(Subject("m", case("heavy").quantized, "int8")))

    assert "\nAdvice\n" in text
    assert "\n- wide holds " in text
    assert "\n- tall sets the RAM peak: " in text


def test_where_operators_and_the_whole_run_is_told(case):
    """In a column, and by runtime with what it needs."""
    text = printed(inspect_model(Subject("m", case("healthy").quantized, "int8")))

    assert all(line.rstrip().endswith("all 9") for line in text.splitlines() if " CONV_2D " in line)
    assert "\nruns on all 9: compiled C on 8 chips, about " in text
    assert "; LiteRT on linux-arm64, about " in " ".join(text.split())


def test_devices_that_are_too_small_or_refuse_are_told_with_the_reason(case, tiny_tflite):
    """Those of one reason together."""
    small = find_target("stm32f103").model_copy(update={"name": "mini", "flash_bytes": 8 << 10, "ram_bytes": 2100})
    found = inspect_model(Subject("m", case("heavy").quantized, "int8"), target=small)
    dynamic = " ".join(printed(inspect_model(Subject("m", tiny_tflite("image", "dynamic"), "dynamic"))).split())

    assert ["9 of 10", "9 of 10", "all 10"] == [where(found, index) for index in (0, 1, 2)]
    assert "not on mini: " in where_whole(found)[-1]
    assert where_whole(found)[-1].endswith(" B of flash too few; 2,588 B of RAM too few")
    assert "runs on linux-arm64: LiteRT, about" in dynamic
    assert "not on 8 chips: dynamic: TensorFlow Lite for Microcontrollers refuses hybrid kernels (int8 weights, float activations)" in dynamic
