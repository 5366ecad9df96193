"""What a file is, by its bytes and not by its name. Knows the beginnings of files; refuses to read further."""

import json
from enum import StrEnum
from pathlib import Path

from emberflow.errors import ModelError

LARGEST_BYTES = 1 << 30
"""A model file, and its numbers unpacked. The largest microcontroller holds a thousandth of it."""


class Form(StrEnum):
    """How a Keras model is written."""

    ZIP = "a .keras archive"
    HDF5 = "an HDF5 file"


HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_EXPECTED = "expected a .keras or .h5 file"


def recognize(path: Path) -> Form:
    """The form of the model file at `path`.

    Raises: ModelError: there is none, or it is something else, which is told with what to do.
    """
    if path.is_dir():
        raise ModelError(f"received the folder '{path}'; {_EXPECTED}: of a SavedModel, name the folder that holds saved_model.pb")
    if not path.is_file():
        raise ModelError(f"received '{path}' as the baseline; {_EXPECTED}, and there is none")
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(HDF5_SIGNATURE):
        return Form.HDF5
    if head.startswith(b"PK\x03\x04"):
        return Form.ZIP
    raise ModelError(f"'{path.name}' {_told(head)}")


def _told(head: bytes) -> str:
    if not head:
        return f"is empty; {_EXPECTED}"
    if head[4:8] == b"TFL3":
        return f"is a .tflite; {_EXPECTED}: give it that extension, and it is taken as a ready model"
    if head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return f"is a pickle, which runs code when it is read; {_EXPECTED}: save the model with model.save('model.keras')"
    if head.startswith(b"\x93NUMPY"):
        return f"is a NumPy array; {_EXPECTED}: save the model with model.save('model.keras')"
    if _is_text(head):
        return _told_of_text(head)
    return f"is neither a zip archive nor an HDF5 file; {_EXPECTED}, and this one may be damaged or something else"


def _is_text(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\r\n" for byte in head)


def _told_of_text(head: bytes) -> str:
    if head.startswith(b"version https://git-lfs"):
        return f"is a pointer of Git LFS; {_EXPECTED}: fetch the file itself with git lfs pull"
    if b'"class_name"' in head:
        return f"holds an architecture without weights; {_EXPECTED}: save the whole model with model.save('model.keras')"
    if head.lstrip()[:1] == b"<":
        return f"is a web page; {_EXPECTED}: download the file itself"
    return f"is text, and begins with {json.dumps(head[:30].decode('utf-8', 'replace'))}; {_EXPECTED}"
