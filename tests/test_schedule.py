"""When a project is retrained: what can't come round is refused with what was meant."""

import doctest
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from emberflow import schedule
from emberflow.schedule import Schedule


def refusal(**said):
    with pytest.raises(ValidationError) as caught:
        Schedule(**said)
    return caught.value.errors()[0]["msg"].removeprefix("Value error, ")


def test_the_example_of_the_docstring_is_true():
    """Two in the morning in Berlin, in winter."""
    assert doctest.testmod(schedule).failed == 0
    assert doctest.testmod(schedule).attempted == 1


def test_the_night_in_which_clocks_are_put_forward_has_its_run():
    """2:30 does not exist on 2026-03-29 in Berlin; the run comes that night all the same, within the hour."""
    due = Schedule(cron="30 2 * * *", time_zone="Europe/Berlin").next_after(datetime(2026, 3, 28, 12, tzinfo=UTC))

    assert datetime(2026, 3, 29, 0, 30, tzinfo=UTC) <= due <= datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_without_a_zone_it_is_utc():
    """Which has no summer time."""
    assert Schedule(cron="0 2 * * *").next_after(datetime(2026, 7, 1, tzinfo=UTC)) == datetime(2026, 7, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("received", "meant"),
    [("Europe/Berln", "Europe/Berlin"), ("Berlin", "Europe/Berlin"), ("new york", "America/New_York"), ("america/bogota", "America/Bogota")],
)
def test_a_zone_that_is_none_is_told_with_the_nearest(received, meant):
    """By the city alone too, however it is written."""
    assert refusal(cron="0 2 * * *", time_zone=received) == (
        f"received '{received}' as time zone; expected a name such as UTC or Europe/Berlin. Did you mean '{meant}'?"
    )


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 2,4 *"])
def test_a_day_that_never_comes_is_refused(cron):
    """Neither February has a 30th, nor April a 31st."""
    assert refusal(cron=cron) == f"received '{cron}' as cron line: Bad day-of-month; expected fields of a moment that comes, such as '0 2 * * *'"


def test_the_29th_of_february_comes():
    """Every four years is often enough."""
    assert Schedule(cron="0 0 29 2 *").next_after(datetime(2026, 1, 1, tzinfo=UTC)).year == 2028


@pytest.mark.parametrize("cron", ["@daily", "0 2 * *", "0 2 * * * *"])
def test_a_line_without_its_five_fields_is_refused(cron):
    """Some programs take six, or words; Prefect's server is not asked about those."""
    assert refusal(cron=cron) == (
        f"received '{cron}' as cron line; expected five fields: minute, hour, day of the month, month, day of the week, such as '0 2 * * *'"
    )


def test_a_field_out_of_range_is_named():
    """An hour has 60 minutes."""
    assert refusal(cron="61 2 * * *").startswith("received '61 2 * * *' as cron line: Bad minute; expected")
