"""The report: what its first screen says, that nothing is left out, and that strangers' words do no harm."""

import re
import runpy
from html.parser import HTMLParser
from pathlib import Path

import pytest

from emberflow.measure import Measure
from emberflow.report import meters, render_report, typeset
from emberflow.task import TaskKind
from emberflow.variant import Choice, Firmware, Histogram, Skipped

MADE = runpy.run_path(str(Path(__file__).with_name("a_record.py")))
RECORD = MADE["RECORD"]
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Text, tags and attributes of a page; complains of tags that close what isn't open."""

    def __init__(self, text):
        super().__init__()
        self.words, self.tags, self.attributes, self.open = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        """Remember what opens."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Remember what opens and closes at once."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        """Close what was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Remember text."""
        self.words.append(data)

    @property
    def text(self):
        """All text, on one line."""
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page():
    return Page(render_report(RECORD))


@pytest.fixture(scope="module")
def page_without_champion():
    return Page(render_report(MADE["nothing_fits"]()))


def test_the_first_screen_names_the_champion_its_figures_and_why(page):
    """All before the table."""
    opening = page.text.split(" Variants ")[0]

    assert "★ int8" in opening
    assert "74.4 KiB of 96 KiB" in opening
    assert "12 KiB of 48 KiB" in opening
    assert "−0.007 [−0.019, +0.005] of 0.020" in opening
    assert RECORD.choice.explanation in opening


@pytest.mark.parametrize(
    "words",
    [
        "What each technique saved, and what it did not",
        "Against int8, prune70 saved nothing in the .tflite (27,096 B → 27,096 B) but saved 44 % zipped",
        "prune2of4-qat-int8 , at quantize-aware: tfmot has no prune-preserving scheme",
        "needs 29,816 B more flash than the budget of 96 KiB ; try an int8 recipe, or a smaller model.",
        "Doesn't run it: Hybrid models are not supported on TFLite Micro.",
        "default no 23 of 200 41 of 1,400 3 177",
        "conv1d_1/kernel CONV_2D 64 × 1 × 5 × 32 int8 10,240 70.0 % 633 211",
        "left dense_1 alone: fewer than 64 weights",
        "CONV_2D × 3, RESHAPE × 4, MEAN, FULLY_CONNECTED × 2, SOFTMAX",
        "train 2,513",
        "PEN 103 81.6 %",  # 84 of 103
        "Input 128 × 6, sampled at 50 Hz; channels ax, ay, az, gx, gy, gz, in g and rad/s; standardized",
        "Warning: label 'TRAP' has 9 % of the training windows",
        "Training of the baseline",
        RECORD.provenance.data_digest,
        RECORD.variant("float32").model.sha256,
        "tflite-micro 0.dev20261023182759",
    ],
)
def test_nothing_of_the_record_is_left_out(page, words):
    """What was measured, why it doesn't fit, where it comes from."""

    assert words in page.text


def test_the_page_needs_nothing_beside_it(page):
    """No script, no style sheet, no picture, no address but its own anchors."""
    references = [value for name, value in page.attributes if name in ("src", "href", "xlink:href", "action", "srcset")]

    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(page.tags)
    assert [value for value in references if not value.startswith("#")] == []
    assert "@import" not in page.text


def test_every_link_leads_somewhere_and_no_two_places_share_a_name(page):
    """Rows lead to their variant's details; drawings refer to their own parts."""
    names = [value for name, value in page.attributes if name == "id"]

    assert sorted(names) == sorted(set(names))
    assert {value[1:] for name, value in page.attributes if name in ("href", "xlink:href")} <= set(names)


def test_drawings_follow_the_colours_of_the_page(page):
    """The ink of the plots is nowhere fixed, so that it can be light on dark."""

    assert any("var(--ink)" in value for name, value in page.attributes if name == "style")
    assert not any("#24292f" in (value or "") for _, value in page.attributes)


def test_the_same_record_gives_the_same_page():
    """So that a changed report means a changed run."""
    few = RECORD.model_copy(update={"variants": RECORD.variants[3:4]})

    assert render_report(few) == render_report(few)


def test_when_nothing_fits_the_nearest_is_shown_and_by_how_much(page_without_champion):
    """76,152 B against 65,536 B; the reason and the advice stand in the first screen."""
    opening = page_without_champion.text.split(" Variants ")[0]

    assert "No variant fits. Nearest: int8" in opening
    assert "74.4 KiB of 64 KiB, too much" in opening
    assert "needs 10,616 B more flash than the budget of 64 KiB allows ; take a chip with more flash" in opening


def test_when_no_variant_was_made_the_report_says_why():
    """Failures, data and provenance remain."""
    choice = Choice(champion=None, pareto=(), explanation="No variant could be made.")
    text = Page(render_report(RECORD.model_copy(update={"variants": (), "choice": choice}))).text

    assert "No variant was made" in text
    assert "prune2of4-qat-int8" in text
    assert "2,513" in text


def test_a_model_that_was_brought_along_has_no_training_curve():
    """The section is left out."""
    brought = RECORD.baseline.model_copy(update={"curve": None})
    text = Page(render_report(RECORD.model_copy(update={"baseline": brought, "variants": RECORD.variants[3:4]}))).text

    assert "Training of the baseline" not in text


SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def hostile():
    """A record with a script in every string that a stranger may have written."""
    variant = RECORD.variant("int8")
    layers = tuple(layer.model_copy(update={"name": SCRIPT, "operator": SCRIPT}) for layer in variant.evaluation.size.layers)
    size = variant.evaluation.size.model_copy(update={"layers": layers, "operators": {SCRIPT: 1}})
    quality = variant.evaluation.quality.model_copy(update={"scores": {SCRIPT: 0.8}})
    micro = variant.evaluation.micro.model_copy(update={"runs": False, "reason": SCRIPT})
    evaluation = variant.evaluation.model_copy(update={"size": size, "quality": quality, "micro": micro})
    variant = variant.model_copy(update={"notes": (SCRIPT,), "evaluation": evaluation})
    splits = RECORD.splits.model_copy(update={"labels": (SCRIPT,) * 7, "warnings": (SCRIPT,)})
    return RECORD.model_copy(
        update={
            "project": SCRIPT,
            "measure": Measure(name=SCRIPT),
            "splits": splits,
            "variants": (variant,),
            "baseline": RECORD.baseline.model_copy(update={"quality": quality}),
            "failures": tuple(one.model_copy(update={"reason": SCRIPT, "stage": SCRIPT}) for one in RECORD.failures),
            "skipped": (Skipped(recipe="qat-int8", reason=SCRIPT),),
            "choice": RECORD.choice.model_copy(update={"explanation": SCRIPT, "pareto": ("int8",)}),
            "provenance": RECORD.provenance.model_copy(update={"versions": {SCRIPT: SCRIPT}}),
        }
    )


def test_skipped_recipes_are_listed_by_reason():
    """Apart from those that failed; without any there is no such heading."""
    skipped = tuple(Skipped(recipe=name, reason="it has no layers") for name in ("prune70-int8", "qat-int8"))
    text = render_report(RECORD.model_copy(update={"skipped": skipped}))

    assert "<h3>Recipes that were skipped</h3>" in text
    assert "<b>prune70-int8, qat-int8</b>: it has no layers</li>" in text
    assert "Recipes that were skipped" not in render_report(RECORD)


def test_strangers_strings_come_out_as_text_in_drawings_too(hostile):
    """Labels, notes, layers, the metric (which is also an axis of the plots), reasons, warnings."""
    text = render_report(hostile)
    drawings = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))

    assert "<script" not in text
    assert drawings.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2
    assert Page(text).tags.count("svg") == 2
    assert "script" not in Page(text).tags


def test_a_quote_in_the_metric_does_not_end_an_attribute(hostile):
    """The drawing's description is an attribute."""
    metric = '" onload="alert(1)'
    quality = hostile.baseline.quality.model_copy(update={"scores": {metric: 0.8}})
    variant = hostile.variants[0]
    variant = variant.model_copy(update={"evaluation": variant.evaluation.model_copy(update={"quality": quality})})
    baseline = hostile.baseline.model_copy(update={"quality": quality})
    page = Page(render_report(hostile.model_copy(update={"measure": Measure(name=metric), "baseline": baseline, "variants": (variant,)})))

    assert not [name for name, _ in page.attributes if name == "onload"]


def test_meters_show_the_smaller_of_budget_and_target():
    """76,152 / 98,304 = 77.5 %; without a budget 76,152 / 1,048,576 = 7.3 %; a gain in accuracy fills nothing."""
    flash, ram, loss = meters(RECORD, RECORD.variant("int8"))
    unbounded, *_ = meters(RECORD.model_copy(update={"budget": RECORD.budget.model_copy(update={"flash": None})}), RECORD.variant("int8"))

    assert (flash.filled, flash.mark, flash.is_over) == (77.5, 100.0, False)
    assert (unbounded.filled, unbounded.limit) == (7.3, "1 MiB")
    assert (ram.figure, ram.limit) == ("12 KiB", "48 KiB")
    assert (loss.filled, loss.is_over) == (0.0, False)


def test_a_meter_over_its_limit_is_full_and_marks_where_the_limit_is():
    """98,304 / 128,120 = 76.7 %."""
    flash, *_ = meters(RECORD, RECORD.variant("float32"))

    assert (flash.filled, flash.mark, flash.is_over) == (100.0, 76.7, True)


def test_a_budget_of_no_loss_can_be_drawn():
    """Nothing is divided by zero."""
    strict = RECORD.model_copy(update={"budget": RECORD.budget.model_copy(update={"accuracy_drop": 0.0})})
    *_, loss = meters(strict, RECORD.variant("int8"))

    assert (loss.filled, loss.mark, loss.is_over) == (0.0, 0.0, False)


@pytest.mark.parametrize(
    ("written", "set_in_type"),
    [
        ("-0.007 [-0.019, +0.005]", "−0.007 [−0.019, +0.005]"),
        ("27,096 B -> 12,216 B", "27,096 B → 12,216 B"),
        ("prune70-cluster16-int8 at 2026-04-12", "prune70-cluster16-int8 at 2026-04-12"),
    ],
)
def test_minus_and_arrow_are_true_ones_and_hyphens_stay(written, set_in_type):
    """Digits align only with a true minus."""

    assert typeset(written) == set_in_type


@pytest.fixture(scope="module")
def page_with_firmware():
    return Page(render_report(MADE["with_firmware"]()))


@pytest.mark.parametrize(
    "words",
    [
        "Proven: on the emulated cortex-m4f, with the chip's own memory map, 100 test samples gave the bytes of",
        "700 of 700 (97 distinct outputs)",
        "The same C on this machine decided all 100 test samples as TFLM does: accuracy 0.8180",
        "Passed: the product that ships, from start-up by way of raw values to decisions, tests itself on the same core: the self-test passes 16 of 16",
        "with it and its vectors flash is 42,440 B.",
        "Of the product the self-test passes 16 of 16 samples on the emulated cortex-m4f.",
        "instructions of an inference 1,000,000 (999,000 to 1,001,000)",
        "at one a cycle, an estimate 5.95 ms at 168 MHz",  # 1,000,000 / 168 MHz = 5,952 µs
        "stack, at its deepest 220 B of 1,024",
        "weights and parameters 21,000 B",  # 1,000 + 20,000
        "other constants 3,000 B",  # 24,000 - 21,000
        "vectors, first values, alignment 40 B",  # 30,040 - 6,000 - 24,000
        "arena 8,192 B other variables 8 B stack in use 220 B stack set aside 804 B",
        "conv_2d_3 20,000 table 600,000 60.0 %",
        "conv_2d_1 1,000 plain 400,000 40.0 %",
        "prune70-int8 11,200 5,600 50 % 23.9 1.10 M +20,000 1 of 2",
        "int8 11,200 11,200 nothing 29.3 1.00 M +20,000 0 of 2",
        "1,100,000 instructions an inference, stack 220 B. Equal to TFLM in every byte of 100 test samples.",
        "accuracy (firmware's C, 721 samples) 0.8180",
    ],
)
def test_the_chip_has_its_section(page_with_firmware, words):
    """Proof, cost, where flash and RAM go, layer by layer, what packing saves."""
    assert words in page_with_firmware.text


def test_a_product_that_fails_its_test_is_told():
    """And that its vectors have no room, where they have none."""
    test = MADE["on_chip"]().self_test.model_copy(update={"failures": 2, "missing_bytes": {"flash": 9}})
    text = Page(render_report(MADE["with_firmware"](self_test=test))).text

    assert "Failed: the product that ships" in text
    assert "the self-test passes 14 of 16 samples on the emulated cortex-m4f" in text
    assert "flash is 42,440 B, more than the chip has." in text


def test_layers_that_cost_nothing_are_left_out(page_with_firmware):
    """A reshape is neither code nor constants."""
    assert "reshape_2" not in page_with_firmware.text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"fault": "wrote to flash", "emulated": None}, "Refuted: wrote to flash."),
        ({"unproven": "no emulator", "emulated": None}, "Not proven: no emulator."),
    ],
)
def test_what_is_not_proven_is_not_called_so(more, words):
    """Neither in the section nor with the variant."""
    text = Page(render_report(MADE["with_firmware"](**more))).text

    assert words in text
    assert "Proven:" not in text
    assert f"Not run: {next(iter(more.values()))}" in text


def test_a_page_without_firmware_has_no_such_section(page):
    """Nothing was linked in that run."""
    assert "On the chip" not in page.text


def test_what_does_not_fit_is_told_by_how_much():
    """Linked for a larger memory."""
    linked = MADE["on_chip"]().linked.model_copy(update={"missing_bytes": {"flash": 1_000, "sram": 20}})

    text = Page(render_report(MADE["with_firmware"](linked=linked))).text

    assert "for a larger memory than it has: 1,000 B more flash and 20 B more RAM would be needed" in text


def test_stack_instructions_and_time_have_meters_where_the_budget_names_them():
    """220 of 200 B is too much; 1.0 M of 2.0 M instructions is half; 5,952 µs of 10 ms are 59.5 %."""
    record = MADE["with_firmware"]()
    asked = record.model_copy(update={"budget": record.budget.model_copy(update={"stack": 200, "instructions": 2_000_000, "time": 10_000.0})})

    found = {meter.name: (meter.figure, meter.limit, meter.filled, meter.is_over) for meter in meters(asked, asked.variant("int8"))}

    assert found["stack"] == ("220 B", "200 B", 100.0, True)
    assert found["instructions"] == ("1.00 M", "2.00 M", 50.0, False)
    assert found["time, estimated"] == ("5.95 ms", "10 ms", 59.5, False)
    assert {"stack", "instructions"}.isdisjoint(meter.name for meter in meters(record, record.variant("int8")))


def test_what_could_not_be_checked_stands_on_the_page():
    """Below the table, and with the variant."""
    variants = tuple(one.model_copy(update={"verdict": one.verdict.model_copy(update={"notes": ("no emulator",)})}) for one in RECORD.variants[3:5])

    text = Page(render_report(RECORD.model_copy(update={"variants": variants}))).text

    assert "What could not be checked int8, uint8 : no emulator" in text
    assert text.count("no emulator") == 3


def test_a_variant_whose_firmware_could_not_be_built_says_why():
    """The compiler refused it."""
    refused = RECORD.variant("int8").model_copy(update={"firmware": Firmware(sources=None, why_not="operator 3 RFFT2D has no kernel")})

    assert "Not run: operator 3 RFFT2D has no kernel" in Page(render_report(RECORD.model_copy(update={"variants": (refused,)}))).text


def of_kind(kind, **facts):
    """The record as if its task were another, with these facts of every quality."""
    baseline = RECORD.baseline.model_copy(update={"quality": RECORD.baseline.quality.model_copy(update={"confusion": (), **facts})})
    variants = tuple(
        one.model_copy(
            update={"evaluation": one.evaluation.model_copy(update={"quality": one.evaluation.quality.model_copy(update={"confusion": (), **facts})})}
        )
        for one in RECORD.variants
    )
    return RECORD.model_copy(update={"task": kind, "baseline": baseline, "variants": variants})


@pytest.mark.parametrize(
    ("kind", "facts", "expected"),
    [
        (TaskKind.REGRESSION, {"points": (((1.0, 1.5), (2.0, 2.5)),) * 7}, ("Predicted against true", "predicted ABD")),
        (
            TaskKind.ANOMALY,
            {"histogram": Histogram(edges=(0.1, 1.0), normal=(3,), anomalous=(4,)), "thresholds": (0.25,)},
            ("Errors of reconstruction", "threshold 0.25"),
        ),
        (TaskKind.MULTI_LABEL, {"by_label": ((3, 1, 2, 4),) * 7}, ("Labels found", "said wrongly")),
    ],
)
def test_answers_are_shown_as_their_task_has_it(kind, facts, expected):
    """Of baseline and every variant; a confusion matrix is not spoken of where there is none."""
    page = render_report(of_kind(kind, **facts))

    assert [words for words in expected if words not in page] == []
    assert "Confusion" not in page
