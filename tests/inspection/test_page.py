"""The page: whole, self-contained, and safe from a stranger's names."""

import re
from html.parser import HTMLParser

import pytest

from emberflow.inspection import Subject, Trial, inspect_model
from emberflow.inspection.page import refusals, render_page, rows, unfit


@pytest.fixture(scope="module")
def heavy(case):
    both = case("heavy")
    return inspect_model(Subject("heavy.keras", both.quantized, "a Keras model", both.real), Trial.of(both.x, "x.npy"))


def test_the_page_holds_everything_that_was_found(heavy):
    """Advice, operators, noise, and how the data were taken."""
    page = render_page(heavy)

    for part in ("<b>wide</b> holds ", "tall", "CONV_2D", "8×8×48", "Over 64 samples of x.npy, taken as they are", "SQNR here, dB", "heavy.keras"):
        assert part in page
    assert all(f"{operator.alive_bytes:,}" in page for operator in heavy.operators)


def test_the_page_needs_nothing_beside_it(heavy):
    """No script, no file, no address but the namespaces of the drawing."""
    page = render_page(heavy)

    assert [] == re.findall(r"<(?:script|link|img|iframe)\b|@import|url\((?!#)", page)
    assert {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"} >= set(re.findall(r"https?://[^\s\"'<]+", page))


def test_every_element_is_closed(heavy):
    """But those that have no end."""
    open_elements = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            if tag not in ("meta", "br"):
                open_elements.append(tag)

        def handle_endtag(self, tag):
            assert tag == open_elements.pop()

    page = render_page(heavy)
    Reader().feed(page[: page.index("<svg")] + page[page.index("</svg>") + 6 :])
    assert [] == open_elements


def test_the_longest_bars_are_those_of_the_largest(heavy):
    """In percent; the peak is marked."""
    found = rows(heavy)

    assert [100.0] == [row.ram_length for row in found if row.is_peak]
    assert 100.0 == max(row.flash_length for row in found)
    assert 'class="peak"' in render_page(heavy)


def test_a_reason_stands_once_with_all_that_it_is_said_of(models):
    """Below the table."""
    found = inspect_model(Subject("m", models.small_tflite(unknown=True), "int8"))

    compiled, tflm = refusals(found)
    assert compiled.startswith("compiled C: operator 1 COS")
    assert tflm.startswith("TFLM: ")
    assert {("1 cos_1",)} == set(refusals(found).values())
    assert "Why not" in render_page(found)


def test_reasons_that_differ_in_the_tensor_alone_are_one(tiny_tflite):
    """A float model has the same for each operator."""
    found = inspect_model(Subject("m", tiny_tflite("image", "float32"), "float32"))

    ((why, operators),) = refusals(found).items()
    assert "compiled C: a tensor is float32; expected int8; convert the model with full-integer quantization" == why
    assert len(operators) > 3


def test_operators_and_devices_are_a_matrix(heavy):
    """What runs each, what the whole needs and each has; a chip that is too small, with the reason."""
    small = heavy.devices[-1].model_copy(
        update={"name": "mini", "ram_offered": 1024, "runs": {}, "refusals": dict.fromkeys(range(6), "<RAM>"), "why_not": ("too small",)}
    )
    page = render_page(heavy.model_copy(update={"devices": (*heavy.devices, small)}))

    assert 9 * 6 - 6 == page.count("<td>C</td>")
    assert 6 == page.count("<td>LiteRT</td>")
    assert 2 == page.count('title="&lt;RAM&gt;">RAM</td>')
    assert 4 == page.count('title="&lt;RAM&gt;">no</td>')
    assert '<td class="no" title="too small">no</td>' in page
    assert {"too small": ("mini",)} == unfit(heavy.model_copy(update={"devices": (*heavy.devices, small)}))
    assert "<li>mini: too small</li>" in page


def test_names_from_a_strangers_file_are_escaped(heavy):
    """Of the model, of layers, and of what has no twin."""
    evil = "<script>alert(1)</script>"
    operators = tuple(operator.model_copy(update={"layers": (evil, evil)}) for operator in heavy.operators)
    page = render_page(heavy.model_copy(update={"model": evil, "operators": operators, "unmatched": (evil,), "data": evil}))

    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_without_advice_and_data_the_page_says_so(case):
    """And how to get more."""
    page = render_page(inspect_model(Subject("m", case("healthy").quantized, "int8")))

    assert "None: no figure is out of the ordinary" in page
    assert "Ranges and noise need data" in page
    assert "worst first" not in page
