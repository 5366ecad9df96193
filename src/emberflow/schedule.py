"""When a project is retrained: a cron line and a time zone that exist and come round. Knows the calendar; starts nothing.

>>> Schedule(cron="0 2 * * *", time_zone="Europe/Berlin").next_after(datetime(2026, 11, 25, 12, tzinfo=ZoneInfo("UTC"))).isoformat()
'2026-11-26T02:00:00+01:00'
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator

from emberflow.errors import ProjectError, did_you_mean
from emberflow.values import Value


class Schedule(Value):
    """A cron line of five fields (minute, hour, day of the month, month, day of the week), read in a time zone."""

    cron: str = Field(description="such as '0 2 * * *': every night at two")
    time_zone: str = Field(default="UTC", description="a name of the IANA data base, such as Europe/Berlin")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, time_zone: str) -> str:
        known = available_timezones()
        if time_zone not in known:
            raise ProjectError(f"received '{time_zone}' as time zone; expected a name such as UTC or Europe/Berlin.{_nearest_zone(time_zone, known)}")
        return time_zone

    @field_validator("cron")
    @classmethod
    def _fires(cls, cron: str) -> str:
        if len(cron.split()) != 5:
            raise ProjectError(
                f"received '{cron}' as cron line; expected five fields: minute, hour, day of the month, month, day of the week, such as '0 2 * * *'"
            )
        try:
            next(CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC)))
        except CronSimError as error:  # a day that never comes, such as 30 February, is a bad day to it too
            raise ProjectError(f"received '{cron}' as cron line: {error}; expected fields of a moment that comes, such as '0 2 * * *'") from error
        return cron

    def next_after(self, moment: datetime) -> datetime:
        """The first time after `moment` (with a time zone of its own) at which a run is due."""
        return next(CronSim(self.cron, moment.astimezone(ZoneInfo(self.time_zone))))


def _nearest_zone(received: str, known: set[str]) -> str:
    """By the whole name, or by the city's alone, however it is written."""
    cities = {zone.rpartition("/")[2].lower(): zone for zone in sorted(known, reverse=True)}
    city = cities.get(received.replace(" ", "_").rpartition("/")[2].lower())
    return f" Did you mean '{city}'?" if city else did_you_mean(received, known)
