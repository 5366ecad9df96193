"""The report: what its first screen says, that nothing is left out, and that strangers' words do no harm."""

import re
import runpy
from html.parser import HTMLParser
from pathlib import Path

import pytest

from emberflow.report import meters, render_report, typeset
from emberflow.variant import Choice

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
            "metric": SCRIPT,
            "splits": splits,
            "variants": (variant,),
            "baseline": RECORD.baseline.model_copy(update={"quality": quality}),
            "failures": tuple(one.model_copy(update={"reason": SCRIPT, "stage": SCRIPT}) for one in RECORD.failures),
            "choice": RECORD.choice.model_copy(update={"explanation": SCRIPT, "pareto": ("int8",)}),
            "provenance": RECORD.provenance.model_copy(update={"versions": {SCRIPT: SCRIPT}}),
        }
    )


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
    page = Page(render_report(hostile.model_copy(update={"metric": metric, "baseline": baseline, "variants": (variant,)})))

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
