"""Plots: what they show, that they are the same twice, and that strangers' words do no harm."""

import runpy
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest

from emberflow.measure import Measure
from emberflow.plot import answers, confusion, pareto, training
from emberflow.target import TargetKind
from emberflow.training import TrainingCurve
from emberflow.variant import Histogram

MADE = runpy.run_path(str(Path(__file__).with_name("a_record.py")))
RECORD = MADE["RECORD"]
TEXT = "{http://www.w3.org/2000/svg}text"


def words(svg):
    return ["".join(element.itertext()).strip() for element in ET.fromstring(svg).iter(TEXT)]  # noqa: S314 - our own text


@pytest.fixture(scope="module")
def front():
    return pareto(RECORD).svg()


def test_every_variant_is_named_once(front):
    """Those on one spot together; none is left out, none written twice."""
    named = [name for text in words(front) for name in text.split(", ")]

    assert sorted(named.count(variant.recipe) for variant in RECORD.variants) == [1] * 14


def test_names_do_not_overlap(front):
    """All names are at least a line (10 points) apart where they begin at the same place."""
    texts = [element for element in ET.fromstring(front).iter(TEXT) if "".join(element.itertext()).strip().endswith(("int8", "int16x8", "dynamic"))]  # noqa: S314
    places = sorted((round(float(element.get("x"))), float(element.get("y"))) for element in texts)

    assert [low for low, high in pairwise(places) if low[0] == high[0] and high[1] - low[1] < 10] == []


def test_the_budget_is_drawn_and_named(front):
    """0.811 - 0.020 = 0.791."""

    assert {"budget 96 KiB", "least accuracy 0.791", "baseline 0.811", "flash on the chip, KiB"} <= set(words(front))


def test_a_budget_far_beyond_all_variants_does_not_stretch_the_plot():
    """1 MiB of flash against 125 KiB at most: the line would squeeze all points into a corner."""
    roomy = RECORD.model_copy(update={"budget": RECORD.budget.model_copy(update={"flash": None})})

    assert not [text for text in words(pareto(roomy).svg()) if text.startswith("budget")]


def test_a_linux_device_is_plotted_by_file():
    """It has no flash to link into."""
    linux = RECORD.model_copy(update={"target": RECORD.target.model_copy(update={"kind": TargetKind.LINUX})})

    assert "file, KiB" in words(pareto(linux).svg())


def test_one_variant_and_none_can_be_plotted():
    """Limits of the axes come from the points."""
    one = RECORD.model_copy(update={"variants": RECORD.variants[:1], "choice": RECORD.choice.model_copy(update={"champion": None, "pareto": ()})})
    none = RECORD.model_copy(update={"variants": ()})

    assert "float32" in words(pareto(one).svg())
    assert "accuracy" in words(pareto(none).svg())


def test_a_drawing_is_the_same_twice(front):
    """No date, no random identifiers."""

    assert pareto(RECORD).svg() == front
    assert "dc:date" not in front


def test_scopes_keep_the_identifiers_of_two_drawings_apart(front):
    """Every reference follows its identifier; words that look like one stay."""
    scoped = confusion([[1, 0], [0, 1]], ['a id="b', "c"], "t").svg("x-")
    ids = [element.get("id") for element in ET.fromstring(scoped).iter() if element.get("id")]  # noqa: S314
    used = {part.split(")")[0] for part in scoped.split("url(#")[1:]} | {part.split('"')[0] for part in scoped.split('href="#')[1:]}

    assert all(name.startswith("x-") for name in ids)
    assert used <= set(ids)
    assert 'a id="b' in words(scoped)


def test_settings_of_the_process_stay_as_they_were():
    """A plot made beside another program's must not restyle it."""
    before = dict(mpl.rcParams)
    confusion([[1]], ["a"], "t").svg()

    assert dict(mpl.rcParams) == before


def test_a_png_is_a_png():
    """Its signature, and width in pixels: 8.4 inches at 50 dots an inch are 420 = 0x01A4."""
    png = pareto(RECORD).png(dpi=50)

    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(png[16:20], "big") == 420


def test_confusion_shows_counts_and_leaves_zeros_out():
    """Two labels, one mistake."""

    assert words(confusion([[9, 1], [0, 10]], ["no", "yes"], "int8").svg()) == ["no", "yes", "predicted", "no", "yes", "true", "9", "1", "10", "int8"]


def test_counts_can_be_read_on_their_colour():
    """Nine of ten is dark blue and wants white; one of ten is pale and wants black."""
    svg = confusion([[9, 1], [0, 10]], ["no", "yes"], "int8").svg()
    colours = {
        "".join(element.itertext()).strip(): element.get("style").split("fill: ")[1][:7]
        for element in ET.fromstring(svg).iter(TEXT)  # noqa: S314
        if "fill: " in element.get("style")
    }

    assert (colours["9"], colours["1"]) == ("#ffffff", "#10151b")


def test_a_label_that_never_occurs_has_a_row_without_counts():
    """Its share is of nothing, and nothing is divided by zero."""

    assert "nan" not in confusion([[3, 0], [0, 0]], ["a", "b"], "t").svg().lower()


def test_twenty_long_labels_are_shortened_in_the_middle():
    """Beginning and end tell them apart."""
    labels = [f"a very long keyword number {i:02}" for i in range(20)]
    found = words(confusion([[int(i == j) for j in range(20)] for i in range(20)], labels, "t").svg())

    assert found.count("a very lon…mber 19") == 2


def test_labels_of_strangers_are_escaped_and_not_read_as_formulas():
    """A script must stay text; a dollar sign must not start mathematics, nor an unmatched one raise."""
    svg = confusion([[1, 0], [0, 1]], ["<script>", "$\\x$ & $"], "</svg>").svg()

    assert "<script" not in svg
    assert svg.count("</svg>") == 1
    assert {"<script>", "$\\x$ & $", "</svg>"} <= set(words(svg))


def test_the_training_curve_has_both_parts_of_both_figures():
    """Loss and metric side by side."""
    found = words(training(RECORD.baseline.curve).svg())

    assert (found.count("training"), found.count("validation"), found.count("loss"), found.count("accuracy")) == (2, 2, 1, 1)


def test_one_epoch_can_be_plotted():
    """Smoke runs train for one."""
    curve = TrainingCurve(loss=(1.0,), val_loss=(1.1,), score=(0.5,), val_score=(0.4,))

    assert "epoch" in words(training(curve).svg())


QUALITY = RECORD.baseline.quality.model_copy(update={"confusion": ()})
HISTOGRAM = Histogram(edges=(0.01, 0.1, 1.0), normal=(5, 1), anomalous=(0, 4))


@pytest.mark.parametrize(
    ("facts", "labels", "expected"),
    [
        ({"points": (((1.0, 1.5), (2.0, 2.5)),)}, ("speed",), {"true speed, rpm", "predicted speed, rpm"}),
        ({"histogram": HISTOGRAM, "thresholds": (0.25,)}, ("normal", "worn"), {"normal", "worn", "threshold 0.25", "test samples"}),
        ({"by_label": ((3, 1, 2, 4), (5, 0, 0, 5))}, ("hum", "rattle"), {"hum", "rattle", "found", "missed", "said wrongly", "rightly not said"}),
        ({"confusion": ((3, 1), (2, 4))}, ("calm", "busy"), {"calm", "busy", "true", "predicted"}),
    ],
)
def test_answers_are_drawn_as_their_task_has_it(facts, labels, expected):
    """Values against values, errors against a threshold, labels found, a confusion matrix."""
    drawn = answers(QUALITY.model_copy(update=facts), labels, "rpm", "int8")

    assert expected | {"int8"} <= set(words(drawn.svg()))


def test_errors_stand_on_plain_numbers():
    """Three a decade, not in TeX."""
    drawn = answers(QUALITY.model_copy(update={"histogram": HISTOGRAM, "thresholds": (0.25,)}), ("normal", "worn"), "", "int8")

    assert {"0.01", "0.02", "0.05", "0.1"} <= set(words(drawn.svg()))
    assert "mathdefault" not in drawn.svg()


def test_less_error_stands_higher():
    """The axis is turned round, so that the corner that is allowed stays above."""
    measure = Measure(name="accuracy", higher_is_better=False, is_share=False, unit="K")

    assert {"most accuracy 0.831 K", "accuracy, K"} <= set(words(pareto(RECORD.model_copy(update={"measure": measure})).svg()))
