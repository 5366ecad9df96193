"""Values of ours as text of other languages: C identifiers, strings and numbers. Knows grammars; refuses to know what the values mean."""

import re
from collections.abc import Iterable

import numpy as np

from emberflow.errors import BundleError
from emberflow.values import AnyArray

_LONGEST_NAME = 48
_HEADERS = frozenset(  # C11, 7.1.2, and what kernels include besides
    re.findall(
        r"\w+",
        "arm_acle assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic stdbool stddef"
        " stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype",
    )
)
_PER_ROW = 12
_GREATEST = float(np.finfo(np.float32).max)
_PRINTED_AS_THEY_ARE = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\?')


def identifier(name: str) -> str:
    """`name` in lower case with letters, digits and single underscores only, so that it can begin names in C, Python and CMake.

    Also names of files: what would be a header of C's own library, such as `string`, becomes `model_string`.

    >>> identifier("Smart Watch 2.0")
    'smart_watch_2_0'
    """
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_LONGEST_NAME].rstrip("_")
    return words if words[:1].isalpha() and words not in _HEADERS else f"model_{words}".rstrip("_")


def border_words(role: str, count: int) -> tuple[str, ...]:
    """What the `count` tensors of a border are called in C.

    >>> border_words("input", 1), border_words("output", 2)
    (('input',), ('output0', 'output1'))
    """
    return (role,) if count == 1 else tuple(f"{role}{position}" for position in range(count))


def string_literal(text: str) -> str:
    """`text` as a C string in UTF-8.

    Other bytes than printable ASCII become octal escapes, which end after three digits whatever follows (hexadecimal ones do not);
    question marks are escaped so that no trigraph arises (C11, 5.2.1.1). A NUL ends the string on the device.
    """
    return '"' + "".join(_escape(byte) for byte in text.encode()) + '"'


def _escape(byte: int) -> str:
    if byte in _PRINTED_AS_THEY_ARE:
        return chr(byte)
    return f"\\{chr(byte)}" if byte in b'"\\?' else f"\\{byte:03o}"


def comment(text: str) -> str:
    """`text` as it may stand in a comment of C, in one line: it can't end the comment, open another, or go on in the next line.

    >>> comment("m/s*/ int x;")
    'm/s* / int x;'
    """
    shown = "".join(sign if sign.isprintable() and sign != "\\" else " " for sign in text)
    return re.sub(r"\?(?=\?)", "? ", re.sub(r"\*(?=/)|/(?=[*/])", r"\g<0> ", shown)).strip()


def float_literal(value: float) -> str:
    """`value` rounded to float32, as a C literal from which a compiler gets the same 32 bits: nine digits suffice (IEEE 754, 5.12.2).

    Raises: BundleError: not finite as a float32.
    """
    if not abs(value) <= _GREATEST:
        raise BundleError(f"received {value} among the numbers for the firmware; expected a finite 32-bit float: check the data for missing values")
    digits = f"{np.float32(value):.9g}"
    return f"{digits}f" if "." in digits or "e" in digits else f"{digits}.0f"


def _number_literal(value: float) -> str:
    return float_literal(value) if isinstance(value, float) else str(value)


def number_rows(values: Iterable[float], per_row: int = _PER_ROW) -> str:
    """The inside of a C initializer: integers, or floats as float32, `per_row` to a line."""
    texts = [_number_literal(value) for value in np.asarray(values).tolist()]
    return "\n".join("    " + ", ".join(texts[i : i + per_row]) + "," for i in range(0, len(texts), per_row))


def float_rows(values: Iterable[float]) -> str:
    """The inside of a C initializer of floats, six to a line."""
    return number_rows(np.asarray(values, np.float64), per_row=6)


def byte_rows(data: bytes) -> str:
    """The inside of a C initializer of bytes, twelve to a line."""
    return "\n".join("    " + ", ".join(f"0x{byte:02x}" for byte in data[i : i + _PER_ROW]) + "," for i in range(0, len(data), _PER_ROW))


def sample_rows(samples: AnyArray) -> str:
    """The inside of a C initializer of one flat array a sample; `samples` has shape (n, ...)."""
    return "\n".join(f"    {{\n{number_rows(sample.reshape(-1))}\n    }}," for sample in samples)


def python_float(value: float) -> str:
    """`value` rounded to float32, as a Python literal. Raises BundleError: not finite."""
    return repr(float(float_literal(value).removesuffix("f")))


def python_floats(values: Iterable[float]) -> str:
    """A Python list of floats, each rounded to float32."""
    return "[" + ", ".join(python_float(value) for value in values) + "]"


def double_literal(value: float) -> str:
    """`value` as a C literal from which a compiler gets the same 64 bits: seventeen digits suffice (IEEE 754, 5.12.2).

    Raises: BundleError: not finite.
    """
    if not np.isfinite(value):
        raise BundleError(f"received {value} among the numbers for the firmware; expected a finite number: check the data for missing values")
    digits = f"{value:.17g}"
    return digits if "." in digits or "e" in digits else f"{digits}.0"
