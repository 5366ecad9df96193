"""What travels between stages: the digest, size and kind of a blob. Knows SHA-256; refuses to know where bytes lie."""

import hashlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from emberflow.values import Value

_CHUNK_BYTES = 1 << 20

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Kind(StrEnum):
    """What a blob is, and so how it is read."""

    ARRAY = "npy"
    KERAS = "h5"
    TFLITE = "tflite"
    SVG = "svg"
    SOURCES = "zip"
    SAVED_MODEL = "saved_model"


class Artifact(Value):
    """A blob by its content: SHA-256 of its bytes, their number, and what they are."""

    sha256: Sha256
    size_bytes: int = Field(ge=0)
    kind: Kind

    @property
    def name(self) -> str:
        """What its file is called: the digest, and the kind as the ending."""
        return f"{self.sha256}.{self.kind}"


def digest(data: bytes) -> str:
    """SHA-256 of `data`, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read a mebibyte at a time."""
    state = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            state.update(chunk)
    return state.hexdigest()


def digest_folder(folder: Path) -> str:
    """SHA-256 over the names and bytes of all files in `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest("".join(f"{path.relative_to(folder).as_posix()}\0{digest_file(path)}\n" for path in files).encode())


def describe(path: Path, kind: Kind) -> Artifact:
    """The Artifact that a file is."""
    return Artifact(sha256=digest_file(path), size_bytes=path.stat().st_size, kind=kind)


def artifacts_in(value: Any) -> Iterator[Artifact]:
    """The artifacts in JSON that was read: in a record, or in what a stage gave."""
    if isinstance(value, dict):
        if value.keys() == Artifact.model_fields.keys():
            yield Artifact(**value)
        for inner in value.values():
            yield from artifacts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from artifacts_in(inner)
