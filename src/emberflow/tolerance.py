"""How much of a metric may be lost: a number in its own unit, or a percentage of the value that it is held against. Arithmetic and words.

>>> str(Tolerance.parse("0.01 or 5 %")), Tolerance.parse(0.3).number
('0.01 or 5 %', 0.3)
"""

import re
from typing import Annotated

import numpy as np
from pydantic import Field, WithJsonSchema, model_serializer, model_validator

from emberflow.errors import ProjectError
from emberflow.measure import Measure
from emberflow.values import Value

_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)"
_WRITTEN = re.compile(rf"(?:{_NUMBER}|(?:{_NUMBER} or )?{_NUMBER} ?%)")
_EXPECTED = (
    "expected a number in the metric's own unit, a percentage of the value before such as '5 %',"
    " or both, '0.01 or 5 %': the number for metrics between 0 and 1, the percentage for others"
)


class Tolerance(Value):
    """`0.3`, in the metric's own unit; `5 %`, of the value it is held against; or `0.01 or 5 %`: the number where the metric lies between 0 and 1, as
    an accuracy does, and the percentage elsewhere, where no number means anything for every unit.

    Args:
        number: in the metric's unit, >= 0.
        percent: of the absolute value that is held against, >= 0.
    Raises: ProjectError: it is written some other way, or says neither.
    """

    number: float | None = Field(default=None, ge=0)
    percent: float | None = Field(default=None, ge=0)

    @classmethod
    def parse(cls, said: str | float) -> "Tolerance":
        """What a person wrote."""
        return cls(**_decode(said))

    @model_validator(mode="before")
    @classmethod
    def _read(cls, said: object) -> object:
        return said if isinstance(said, dict | Tolerance) else _decode(said)

    @model_validator(mode="after")
    def _says_something(self) -> "Tolerance":
        if self.number is None and self.percent is None:
            raise ProjectError(f"received neither a number nor a percentage as what may be lost; {_EXPECTED}")
        return self

    @model_serializer
    def _write(self) -> str:
        return str(self)

    def of(self, measure: Measure, value: float) -> float:
        """How much of `measure` may be lost from `value`, in its own unit."""
        number = self._number_in(measure)
        return (self.percent or 0.0) / 100 * abs(value) if number is None else number

    def words(self, measure: Measure, value: float) -> str:
        """The same for people: `0.01`, or `0.0925 K (5 % of 1.85 K)`."""
        number = self._number_in(measure)
        if number is None:
            return f"{measure.show(self.of(measure, value))} ({self.percent:g} % of {measure.show(value)})"
        return f"{number:g} {measure.unit}".rstrip()

    def _number_in(self, measure: Measure) -> float | None:
        return self.number if self.percent is None or measure.is_share else None

    def __str__(self) -> str:
        told = [_digits(self.number)] if self.number is not None else []
        return " or ".join([*told, f"{_digits(self.percent)} %"] if self.percent is not None else told)


def _digits(number: float) -> str:
    return np.format_float_positional(number, trim="-")  # every digit, and no exponent: what is read back is the same


AskedTolerance = Annotated[Tolerance, WithJsonSchema({"type": "string", "pattern": rf"^{_WRITTEN.pattern}$"})]
"""A Tolerance that a form asks for, as text."""


def _decode(said: object) -> dict[str, float | None]:
    text = f"{said:.15f}" if isinstance(said, int | float) and not isinstance(said, bool) else str(said).strip()
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ProjectError(f"received {said!r} as what may be lost; {_EXPECTED}")
    number, percent = match[1] or match[2], match[3]
    return {"number": float(number) if number else None, "percent": float(percent) if percent else None}
