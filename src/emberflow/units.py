"""Bytes and times as people write and read them. Arithmetic on words only; KiB means 1024 bytes, KB is not used."""

import re

from emberflow.errors import ProjectError

_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_MICROSECONDS = {"us": 1, "µs": 1, "ms": 1000, "s": 1_000_000}
_UNITS_OF_TIME = ((1, "µs"), (1000, "ms"), (1_000_000, "s"))
_TIME = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([A-Za-zµ]+)")
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([A-Za-z]+)?")  # 15 digits are exact in a float


def parse_bytes(text: str | int) -> int:
    """The number of bytes in `512`, `"64 KiB"` or `"1.5MiB"`.

    Raises: ProjectError: not a size, or a unit other than B, KiB, MiB, GiB.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    match = _SIZE.fullmatch(str(text).strip())
    unit = (match and match[2]) or "B"
    if not match or unit not in _BYTES:
        raise ProjectError(f"received {text!r} as a size; expected a number of bytes, or a number with B, KiB, MiB or GiB such as '64 KiB'")
    return round(float(match[1]) * _BYTES[unit])


def parse_us(text: str | float) -> float:
    """The microseconds in `"10 ms"`, `"250 us"` or `"1.5 s"`; a number alone is microseconds.

    Raises: ProjectError: not a time, or a unit other than us, µs, ms, s.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    match = _TIME.fullmatch(str(text).strip())
    if not match or match[2] not in _MICROSECONDS:
        raise ProjectError(f"received {text!r} as a time; expected a number with us, ms or s such as '10 ms'")
    return float(match[1]) * _MICROSECONDS[match[2]]


def show_time(us: float) -> str:
    """`us` microseconds for people, with three digits: `52 µs`, `4.8 ms`, `1.25 s`."""
    scale, unit = next((each for each in _UNITS_OF_TIME if abs(us) < 1000 * each[0]), _UNITS_OF_TIME[-1])
    return f"{us / scale:.3g} {unit}"


def show_bytes(count: int) -> str:
    """`count` for people: `812 B`, `26.5 KiB`, `1 MiB`."""
    if abs(count) < 1024:
        return f"{count} B"
    for unit in ("KiB", "MiB", "GiB"):
        if round(abs(count) / _BYTES[unit], 1) < 1024 or unit == "GiB":
            break
    return f"{count / _BYTES[unit]:.1f}".removesuffix(".0") + f" {unit}"


def show_seconds(seconds: float) -> str:
    """`seconds` for people: `0.4 s`, `12 s`, `3 min 05 s`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def show_figure(value: float, signed: bool = False) -> str:
    """A measured value with three meaningful digits, larger ones in full: `0.00123`, `12.3`, `-45,600`; `signed` puts + before positive ones."""
    sign = "+" if signed else ""
    return f"{value:{sign},.0f}" if abs(value) >= 100 else f"{value:{sign}#.3g}".rstrip(".")


def show_score(value: float) -> str:
    """A score with four decimals, or with three meaningful digits where those would say little: `0.9094`, `12,400`."""
    return f"{value:.4f}" if value == 0 or 0.001 <= abs(value) < 10 else show_figure(value)
