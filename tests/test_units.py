"""Bytes and seconds as people write and read them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.errors import ProjectError
from emberflow.units import parse_bytes, parse_us, show_bytes, show_figure, show_score, show_seconds, show_time


@pytest.mark.parametrize(
    ("written", "count"),
    [
        (512, 512),
        ("512", 512),
        ("512 B", 512),
        ("64 KiB", 65_536),  # 64 * 1024
        ("64KiB", 65_536),
        ("  64   KiB ", 65_536),
        ("1.5MiB", 1_572_864),  # 1.5 * 1024 * 1024
        ("2 GiB", 2_147_483_648),
        ("0.1 KiB", 102),  # 102.4
        ("999999999999999", 999_999_999_999_999),
    ],
)
def test_sizes_are_read(written, count):
    """KiB means 1024 bytes."""

    assert count == parse_bytes(written)


@pytest.mark.parametrize(
    "written",
    [
        "64 KB",
        "64 kib",
        "64 kB",
        "",
        " ",
        "KiB",
        "1e3",
        "-3",
        "+3",
        "1.",
        ".5 KiB",
        "3 KiB x",
        "3 4",
        "1,024",
        "٣ KiB",
        "inf",
        "nan",
        "9" * 400 + " GiB",
    ],
)
def test_what_is_no_size_is_refused(written):
    """KB above all: it means 1000 to some and 1024 to others."""
    with pytest.raises(ProjectError) as raised:
        parse_bytes(written)

    expected = f"received {written!r} as a size; expected a number of bytes, or a number with B, KiB, MiB or GiB such as '64 KiB'"
    assert expected == str(raised.value)


@pytest.mark.parametrize("value", [True, None, float("inf"), [64], {"KiB": 64}])
def test_what_is_neither_number_nor_text_is_refused(value):
    """YAML's `yes` is not one byte."""
    with pytest.raises(ProjectError, match="as a size; expected a number of bytes"):
        parse_bytes(value)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_size_or_refused_by_name(text):
    """Nothing but ProjectError, and never a negative size."""
    try:
        count = parse_bytes(text)
    except ProjectError:
        return

    assert count >= 0


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (27_096, "26.5 KiB"),  # 26.46
        (1_048_524, "1023.9 KiB"),  # 1023.949
        (1_048_525, "1 MiB"),  # 1023.9502 KiB would round to 1024.0
        (1_048_576, "1 MiB"),
        (1_073_741_823, "1 GiB"),
        (5 * 1024**4, "5120 GiB"),
        (-1024, "-1 KiB"),
        (-27_096, "-26.5 KiB"),
    ],
)
def test_sizes_are_shown(count, shown):
    """One decimal, none where it is 0, and never 1024 of a unit that has a larger one."""

    assert shown == show_bytes(count)


@settings(deadline=None)
@given(st.integers(0, 2**50))
def test_a_shown_size_reads_back_within_its_last_digit(count):
    """Half of a tenth of the unit at most: 5 % of 1 KiB."""

    assert parse_bytes(show_bytes(count)) == pytest.approx(count, rel=0.05, abs=0.5)


@settings(deadline=None)
@given(st.integers(0, 1023), st.sampled_from(["B", "KiB", "MiB", "GiB"]))
def test_whole_sizes_are_shown_as_they_were_written(count, unit):
    """What a budget says is what a verdict repeats; zero has no unit to show."""

    assert show_bytes(parse_bytes(f"{count} {unit}")) == (f"{count} {unit}" if count else "0 B")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (12.4, "12 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.6, "60 min 00 s"),
    ],
)
def test_durations_are_shown(seconds, shown):
    """Never 60 s, never 10.0 s."""

    assert shown == show_seconds(seconds)


@pytest.mark.parametrize(("written", "us"), [("10 ms", 10_000), ("250us", 250), ("2.5 µs", 2.5), ("1 s", 1_000_000), (12, 12.0)])
def test_times_are_read(written, us):
    """A number alone is microseconds."""

    assert us == parse_us(written)


@pytest.mark.parametrize("wrong", ["10", "ms", "10 min", "-1 ms", True])
def test_what_is_no_time_is_refused(wrong):
    """And the message shows one that is."""

    with pytest.raises(ProjectError, match=r"^received .* as a time; expected a number with us, ms or s such as '10 ms'$"):
        parse_us(wrong)


@pytest.mark.parametrize(
    ("us", "shown"), [(0.5, "0.5 µs"), (52.4, "52.4 µs"), (999, "999 µs"), (4835.4, "4.84 ms"), (1_250_000, "1.25 s"), (72_000_000, "72 s")]
)
def test_times_are_shown(us, shown):
    """Three digits."""

    assert shown == show_time(us)


@pytest.mark.parametrize(("value", "shown"), [(0.00123, "0.00123"), (12.34, "12.3"), (-45_600.2, "-45,600"), (0, "0.00"), (1e-9, "1.00e-09")])
def test_figures_have_three_meaningful_digits(value, shown):
    """Large ones all of theirs."""
    assert show_figure(value) == shown
    assert show_figure(abs(value), signed=True) == f"+{shown.removeprefix('-')}"


@pytest.mark.parametrize(("value", "shown"), [(0.90941, "0.9094"), (0, "0.0000"), (0.0001234, "0.000123"), (12_345.6, "12,346")])
def test_scores_have_four_decimals_where_those_say_something(value, shown):
    """Else three meaningful digits."""
    assert show_score(value) == shown
