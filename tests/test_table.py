"""The table of variants in every form it takes."""

import io
import runpy
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from emberflow.measure import Measure
from emberflow.table import LEGEND, columns, equals_tflm, firmware_equals_tflm, in_few_words, markdown, render, rows, show_count, show_kib, show_us
from emberflow.target import TargetKind
from emberflow.variant import Failure, Firmware, Interval, Reason, ReasonKind, Skipped

MADE = runpy.run_path(str(Path(__file__).with_name("a_record.py")))
RECORD = MADE["RECORD"]


def printed(record, width=100, encoding="utf-8"):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    render(record, Console(file=file, width=width, color_system=None))
    file.seek(0)
    return file.read().splitlines()


def test_the_champion_stands_first_then_what_fits_then_what_does_not_each_by_flash():
    """Ties in flash go by score: four variants take 76,152 B."""

    assert [row.recipe for row in rows(RECORD)] == [
        "int8",
        "prune70-int8",
        "cluster16-int8",
        "prune2of4-int8",
        "uint8",
        "qat-int8",
        "cluster16-qat-int8",
        "prune70-qat-int8",
        "int16x8",
        "dynamic",
        "prune70-cluster16-int8",
        "prune70-cluster16-qat-int8",
        "float16",
        "float32",
    ]


def test_the_champion_stands_first_even_where_another_is_smaller():
    """A reader looks for it there."""
    choice = RECORD.choice.model_copy(update={"champion": "int16x8"})

    assert [row.recipe for row in rows(RECORD.model_copy(update={"choice": choice}))][:2] == ["int16x8", "int8"]


def test_cells_show_what_was_measured():
    """76,152 / 1024 = 74.37; 12,304 / 1024 = 12.02; 27,096 / 1024 = 26.46; 12,216 / 1024 = 11.93."""
    row = rows(RECORD)[1]

    assert [column.show(row) for column in columns(Measure(name="accuracy"))] == [
        "prune70-int8",
        "0.814",
        "-0.003 [-0.018, +0.013]",
        "26.5",
        "11.9",
        "~74.4",
        "~12.0",
        "-",
        "-",
        "32",
        "-",
        "fits",
    ]


def test_what_was_measured_on_the_chip_is_no_estimate():
    """30,040 / 1024 = 29.34; 9,224 / 1024 = 9.01."""
    row = rows(MADE["with_firmware"]())[0]
    cells = {column.heading: column.show(row) for column in columns(Measure(name="accuracy"))}

    assert ("29.3", "9.0", "220", "1.00 M", "yes") == tuple(
        cells[name] for name in ("flash KiB", "RAM KiB", "stack B", "instructions", "equals TFLM")
    )


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({}, "yes"),
        ({"fault": "wrote to flash", "emulated": None}, "no"),
        ({"unproven": "no emulator", "emulated": None}, "unproven"),
    ],
)
def test_firmware_equals_tflm_or_not_or_nobody_can_say(more, word):
    """In one word; the report says why."""
    assert firmware_equals_tflm(MADE["compiled"](RECORD.variant("int8"), **more)) == word


def test_what_is_not_compiled_or_not_run_is_told_apart():
    """float32 becomes no C, TFLM refuses dynamic, and int8 lacked a compiler."""
    lacking = RECORD.variant("int8").model_copy(update={"firmware": Firmware(sources=None, why_not="no compiler")})

    assert ["-", "doesn't run", "not run"] == [firmware_equals_tflm(one) for one in (RECORD.variant("float32"), RECORD.variant("dynamic"), lacking)]


def test_a_linux_devices_column_is_of_litert():
    """There LiteRT is what serves, and its file and activations are what they are."""
    linux = RECORD.target.model_copy(update={"kind": TargetKind.LINUX})
    row = rows(RECORD.model_copy(update={"target": linux}))[0]

    assert ("reference only", True) == (row.parity, row.is_measured)


def test_what_could_not_be_checked_stands_below_the_table_once():
    """With all recipes that it is said of."""
    unchecked = tuple(
        one.model_copy(update={"verdict": one.verdict.model_copy(update={"notes": ("no emulator",)})}) if "int8" in one.recipe else one
        for one in RECORD.variants[:4]
    )
    record = RECORD.model_copy(update={"variants": unchecked})

    assert "int8: no emulator" in printed(record, 200)[-2]
    assert "Could not be checked:\n\n- int8: no emulator\n" in markdown(record)


@pytest.mark.parametrize(
    ("count", "shown"),
    [(999, "999"), (9_140, "9.14 k"), (52_400, "52.4 k"), (812_345, "812 k"), (999_600, "1.00 M"), (29_200_000, "29.2 M"), (107_000_000, "107 M")],
)
def test_large_numbers_have_three_digits(count, shown):
    """Instructions of models differ by a factor of ten thousand."""
    assert show_count(count) == shown


def test_the_metric_column_bears_the_projects_own_name():
    """Not every project goes by accuracy."""

    assert columns(Measure(name="roc_auc"))[1].heading == "roc_auc"


@pytest.mark.parametrize(("count", "shown"), [(0, "0.0"), (51, "0.0"), (1024, "1.0"), (27_096, "26.5"), (4 * 1024**2, "4,096.0")])
def test_sizes_of_a_column_have_one_unit_and_one_decimal(count, shown):
    """So that they can be compared by their length."""

    assert show_kib(count) == shown


@pytest.mark.parametrize(("us", "shown"), [(4.23, "4.2"), (9.94, "9.9"), (52.4, "52"), (1203.0, "1,203")])
def test_times_keep_a_decimal_only_where_it_means_something(us, shown):
    """Below ten microseconds."""

    assert show_us(us) == shown


@pytest.mark.parametrize(
    ("kind", "missing", "words"),
    [
        (ReasonKind.FLASH, 29_816, "flash +29.1 KiB"),  # 29,816 / 1024 = 29.117
        (ReasonKind.FLASH, None, "flash"),
        (ReasonKind.RAM, 500, "RAM +500 B"),
        (ReasonKind.ACCURACY, 0.0114, "drop +0.011"),
        (ReasonKind.ACCURACY, None, "drop"),
        (ReasonKind.STACK, 92, "stack +92 B"),
        (ReasonKind.INSTRUCTIONS, 12_345, "instructions +12,345"),
        (ReasonKind.TIME, 835.4, "time +835 µs"),
        (ReasonKind.PARITY, None, "not equal to TFLM"),
        (ReasonKind.SELF_TEST, None, "fails self-test"),
        (ReasonKind.FORMAT, None, "no float16"),
        (ReasonKind.RUNTIME, None, "runtime refuses"),
        (ReasonKind.UNMEASURED, None, "not measured"),
    ],
)
def test_a_verdict_says_in_few_words_by_how_much(kind, missing, words):
    """The sentence and the advice stand in the report."""

    assert in_few_words("prune70-float16", Reason(kind=kind, message="", missing=missing, advice=""), Measure(name="accuracy")) == words


def test_all_reasons_stand_in_the_verdict():
    """float16 doesn't run, and under 64 KiB misses flash too: 91,784 - 65,536 = 26,248 B = 25.6 KiB."""
    row = next(row for row in rows(MADE["nothing_fits"]()) if row.recipe == "float16")

    assert row.verdict == "no float16, flash +25.6 KiB"


def evaluation(*differences, runs=True, distinct=177):
    base = RECORD.variant("int8").evaluation
    parity = base.parity[0]
    compared = tuple(
        parity.model_copy(update={"runtime": name, "differing_bytes": int(d > 0), "largest_difference": d, "distinct_outputs": distinct})
        for name, d in differences
    )
    return base.model_copy(update={"parity": compared, "micro": base.micro.model_copy(update={"runs": runs})})


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (evaluation(("default", 0), ("reference", 0)), "yes"),
        (evaluation(("default", 3), ("reference", 0)), "reference only"),
        (evaluation(("default", 3), ("reference", 5)), "no (by 5)"),
        (evaluation(("default", 1.5e-7)), "no (by 1.5e-07)"),
        (evaluation(("default", 0), distinct=1), "unproven"),
        (evaluation(), "not compared"),
        (evaluation(runs=False), "doesn't run"),
    ],
)
def test_parity_is_equal_or_not_and_outputs_that_do_not_vary_prove_nothing(measured, words):
    """Within plus or minus one would be the wrong test: one step in an early layer grows with depth."""

    assert equals_tflm(measured) == words


@pytest.mark.parametrize("width", [60, 80, 100, 130, 200])
def test_no_line_is_wider_than_the_terminal(width):
    """Columns are left out instead."""

    assert max(map(cell_len, printed(RECORD, width))) <= width


def test_at_112_columns_every_cell_is_whole():
    """The widest recipe, the interval and the verdict among them."""
    lines = printed(RECORD, 115)

    assert [line.split() for line in lines if "prune70-cluster16-qat" in line] == [
        ["prune70-cluster16-qat-int8", "0.773", "+0.038", "[+0.017,", "+0.058]", "~75.0", "~12.0", "-", "drop", "+0.018"]
    ]
    assert [line.split() for line in lines if "float32" in line] == [
        ["float32", "0.811", "+0.000", "[-0.004,", "+0.004]", "~125.1", "~40.2", "-", "flash", "+29.1", "KiB"]
    ]


@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (156, set()),
        (144, {"host"}),
        (136, {"host", "zipped"}),
        (130, {"host", "zipped", "file"}),
        (124, {"host", "zipped", "file", "stack"}),
        (112, {"host", "zipped", "file", "stack", "equals"}),
        (100, {"host", "zipped", "file", "stack", "equals", "drop"}),
        (80, {"host", "zipped", "file", "stack", "equals", "drop", "instructions"}),
    ],
)
def test_a_narrow_terminal_loses_the_least_important_columns_first(width, left_out):
    """Recipe, verdict, metric and flash stay to the end."""
    heading = " ".join(printed(RECORD, width)[:2]).split()

    assert {"recipe", "verdict", "accuracy", "flash"} <= set(heading)
    assert {"host", "equals", "zipped", "file", "stack", "instructions", "drop"} - set(heading) == left_out


def test_the_champion_bears_a_star_without_any_colour():
    """And nothing else does."""

    assert [line.split()[:2] for line in printed(RECORD)[:-6] if "★" in line] == [["★", "int8"]]


def test_the_champion_is_bold_where_there_are_styles():
    """Bold is escape code 1."""
    file = io.StringIO()
    render(RECORD, Console(file=file, width=100, force_terminal=True, color_system="standard", no_color=True))

    assert [line for line in file.getvalue().splitlines() if "\x1b[1m★" in line]


def test_an_encoding_without_a_star_gets_an_asterisk():
    """Output piped into a file on Windows is cp1252; its lack of box lines is rich's own affair."""
    lines = printed(RECORD, encoding="cp1252")

    assert [line.split()[:2] for line in lines if line.startswith("*")] == [["*", "|int8"], ["*", "champion;"]]


def test_failures_stand_below_the_table():
    """With stage and reason, and brackets that rich must not read as styles."""
    failure = Failure(recipe="cluster16-int8", stage="convert", reason="shape [bold]?[/bold] [6]")

    text = " ".join(printed(RECORD.model_copy(update={"failures": (failure,)}), 200))

    assert text.endswith("cluster16-int8 gave no variant (convert): shape [bold]?[/bold] [6]")


SKIPPED = tuple(Skipped(recipe=name, reason="no [bold] layers | at all") for name in ("prune70-int8", "qat-int8"))


def test_skipped_recipes_stand_below_the_table_and_are_no_failures():
    """One line for a reason."""
    text = " ".join(printed(RECORD.model_copy(update={"failures": (), "skipped": SKIPPED}), 200))

    assert text.endswith("prune70-int8, qat-int8 skipped: no [bold] layers | at all")
    assert "gave no variant" not in text


def test_markdown_lists_skipped_recipes_by_reason():
    """Escaped as everything is."""
    text = markdown(RECORD.model_copy(update={"failures": (), "skipped": SKIPPED}))

    assert text.endswith("\n\nSkipped:\n\n- prune70-int8, qat-int8: no \\[bold\\] layers \\| at all\n")
    assert "Gave no variant" not in text


def test_a_record_without_variants_still_gives_a_table():
    """All recipes may fail."""
    bare = RECORD.model_copy(update={"variants": ()})

    assert rows(bare) == []
    assert "recipe" in " ".join(printed(bare))
    assert markdown(bare).startswith("| recipe |")


def test_markdown_has_as_many_cells_in_every_line():
    """Twelve columns, 14 variants, a heading and its rule."""
    lines = [line for line in markdown(RECORD).splitlines() if line.startswith("|")]

    assert [line.count(" | ") for line in lines] == [11] * 16


def test_markdown_marks_the_champion_in_bold_and_with_a_star():
    """Every cell of its line."""
    line = next(line for line in markdown(RECORD).splitlines() if "★ int8" in line)

    assert line == (
        "| **★ int8** | **fits** | **0.818** | **-0.007 \\[-0.019, +0.005\\]** | **26.5** | **21.4** | **\\~74.4** | **\\~12.0** | **-** | **-** | **33** | **-** |"
    )


def test_markdown_cells_are_escaped():
    """A bar would end a cell, a tag would be read, a line break would end the table."""
    failure = Failure(recipe="int8", stage="con|vert", reason="<script>\n*no* `code` [a](b) | \\ end")

    text = markdown(RECORD.model_copy(update={"failures": (failure,)}))

    assert text.endswith("- **int8** (con\\|vert): \\<script\\> \\*no\\* \\`code\\` \\[a\\](b) \\| \\\\ end\n")


def test_markdown_tells_legend_and_choice():
    """A Prefect artifact stands alone."""
    text = markdown(RECORD)

    assert LEGEND.format(star="★").split(";")[0] in text
    assert "int8 is the most accurate" in text


def test_an_error_has_its_unit_in_the_heading_and_three_digits():
    """A loss is a loss: the sign is that of more error."""
    measure = Measure(name="mae", higher_is_better=False, is_share=False, unit="K")
    row = rows(RECORD)[0].model_copy(update={"score": 1.2345, "drop": Interval(estimate=0.5, low=0.25, high=0.75)})
    cells = {column.heading: column.show(row) for column in columns(measure)}

    assert (cells["mae K"], cells["drop [95 %]"]) == ("1.23", "+0.500 [+0.250, +0.750]")
    assert in_few_words("int8", Reason(kind=ReasonKind.ACCURACY, message="", missing=0.5, advice=""), measure) == "drop +0.500 K"
