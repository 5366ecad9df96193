"""Literals: names, strings and numbers that survive the way into another language."""

import ast
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberflow.errors import BundleError
from emberflow.firmware.literals import (
    byte_rows,
    comment,
    double_literal,
    float_literal,
    float_rows,
    identifier,
    number_rows,
    python_float,
    sample_rows,
    string_literal,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("watch", "watch"),
        ("Smart Watch 2.0", "smart_watch_2_0"),
        ("smart-watch", "smart_watch"),
        ("__init__", "init"),
        ("2fast", "model_2fast"),
        ("часы", "model"),
        ("", "model"),
        ("../../etc/passwd", "etc_passwd"),
        ("*/ #error", "error"),
        ('a\0b\n"c', "a_b_c"),
        ("String", "model_string"),
        ("stdint", "model_stdint"),
        ("a" * 47 + "-b" * 10, "a" * 47),
    ],
)
def test_a_project_name_becomes_an_identifier(name: str, expected: str):
    assert identifier(name) == expected


@given(st.text())
def test_every_name_becomes_an_identifier_that_stays_itself(name: str):
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", identifier(name))
    assert identifier(identifier(name)) == identifier(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("left", '"left"'),
        ('say "hi"', r'"say \"hi\""'),
        ("C:\\new", r'"C:\\new"'),
        ("what??/", r'"what\?\?/"'),  # ??/ is the trigraph of a backslash
        ("ö1", r'"\303\2661"'),  # U+00F6 is C3 B6; the 1 after it does not join the escape
        ("a\nb", r'"a\012b"'),
        ("\x7f", r'"\177"'),
    ],
)
def test_a_label_becomes_a_c_string(text: str, expected: str):
    assert string_literal(text) == expected


@given(st.text())
def test_a_c_string_is_one_line_of_ascii_and_reads_back(text: str):
    literal = string_literal(text)

    assert literal.isascii()
    assert literal.isprintable()
    assert "??" not in literal
    # Python's bytes have C's octal escapes, but not its \?
    assert ast.literal_eval("b" + literal.replace(r"\?", "?")).decode() == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0.0f"),
        (-0.0, "-0.0f"),
        (1.0, "1.0f"),
        (0.1, "0.100000001f"),
        (1e20, "1.00000002e+20f"),
        (16777217.0, "16777216.0f"),
        (1e-45, "1.40129846e-45f"),  # the smallest float32
    ],
)
def test_a_float_is_written_with_nine_digits(value: float, expected: str):
    assert float_literal(value) == expected


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float32_reads_back_as_itself(value: float):
    assert np.float32(float_literal(value).removesuffix("f")).tobytes() == np.float32(value).tobytes()
    assert np.float32(ast.literal_eval(python_float(value))).tobytes() == np.float32(value).tobytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 3.5e38])
def test_what_is_no_finite_float32_is_refused(value: float):
    with pytest.raises(BundleError, match=r"among the numbers for the firmware; expected a finite 32-bit float"):
        float_literal(value)


def test_rows_are_of_a_fixed_length():
    assert byte_rows(bytes([0, 10, 255])) == "    0x00, 0x0a, 0xff,"
    assert number_rows(range(13)).splitlines() == ["    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,", "    12,"]
    assert float_rows((1, 0.5)) == "    1.0f, 0.5f,"
    assert sample_rows(np.array([[[1, 2], [3, 4]]], np.int8)) == "    {\n    1, 2, 3, 4,\n    },"


@pytest.mark.parametrize("value", [0.1, 1.0, -3e-300, 1 / 3, 12345678.9])
def test_a_double_literal_is_the_same_64_bits(value):
    """Seventeen digits; Python reads C's literal."""
    assert float(double_literal(value)) == value
    assert "." in double_literal(value) or "e" in double_literal(value)


def test_a_double_that_is_not_finite_is_refused():
    """As a float."""
    with pytest.raises(BundleError, match="received nan among the numbers for the firmware; expected a finite number"):
        double_literal(float("nan"))


@given(st.text(alphabet="*/?\\\n ab\u202e") | st.text())
def test_a_comment_stays_a_comment(text):
    """Nothing in it ends it, opens another, goes on in the next line or is a trigraph; twice is once."""
    shown = comment(text)

    assert not any(sign in shown for sign in ("*/", "/*", "\\", "\n", "??"))
    assert not shown.endswith("/") or "*" not in shown[-2:-1]
    assert shown.isprintable()
    assert comment(shown) == shown


def test_an_ordinary_unit_stays_as_it_is():
    """Whatever its letters."""
    assert ["°C", "g and rad/s", "m/s²", "% of µg/m³"] == [comment(unit) for unit in ("°C", "g and rad/s", "m/s²", "% of µg/m³")]
