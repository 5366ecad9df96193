"""A copy of a Keras file that holds what was checked and nothing else. Knows both forms; refuses to hand on the original."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from emberflow.errors import ModelError
from emberflow.keras_file import archive, config, content, hdf5
from emberflow.keras_file.content import Form, recognize
from emberflow.keras_file.own import NOBODYS, Own, by_given_names, names_in, with_named_functions
from emberflow.units import show_bytes


@dataclass(frozen=True)
class Checked:
    """A model file that may be loaded.

    Args:
        path: the copy, with the extension that its form has.
        form: how it is written. version: of the Keras that wrote it, 2 or 3.
        config: of the model, as the copy holds it. values: how many numbers its weights hold.
    own: the names of the user's classes and functions in it.
    """

    path: Path
    form: Form
    version: int
    config: Mapping[str, Any]
    values: int
    own: frozenset[str] = frozenset()


@contextmanager
def checked(path: Path, trust_code: bool = False, own: Own = NOBODYS) -> Iterator[Checked]:
    """A checked copy of the model file at `path`, gone afterwards. Whatever the name says, it is read as what it is.

    Two programs may read one damaged or artful file in two ways; so Keras is given what was read here, written anew.

    Args:
        trust_code: let Lambda layers through, whose code will run.
        own: let these classes and functions through, which the user gives; the copy has them by the user's names, and without a module to import.
    Raises: ModelError: no Keras model, or one that holds more than layers and numbers.
    """
    form = recognize(path)
    if path.stat().st_size > content.LARGEST_BYTES:
        raise ModelError(f"'{path.name}' has {show_bytes(path.stat().st_size)}; expected at most {show_bytes(content.LARGEST_BYTES)}")
    with TemporaryDirectory() as folder:
        try:
            copied = (_copy_archive if form is Form.ZIP else _copy_hdf5)(path, Path(folder), trust_code, own)
        except ModelError as error:
            raise ModelError(f"'{path.name}': {error}") from error
        yield copied


def _copy_archive(path: Path, folder: Path, trust_code: bool, own: Own) -> Checked:
    packed, weights, out = folder / "packed.h5", folder / "weights.h5", folder / "model.keras"
    with archive.opened(path) as source:
        read = config.parse(archive.read(source, archive.CONFIG), archive.CONFIG)
        said = archive.read(source, archive.METADATA)
        archive.unpack_weights(source, packed)
    config.check(read, trust_code, own)
    values, named = hdf5.rewrite(packed, weights), names_in(read, own)
    version = config.version_of(read, _version(said))
    read = _told(read, version, own)
    metadata = {"keras_version": f"{version}.0.0", "date_saved": ""}
    archive.write(out, json.dumps(read).encode(), json.dumps(metadata).encode(), weights)
    return Checked(out, Form.ZIP, version, read, values, named)


def _told(read: dict[str, Any], version: int, own: Own) -> dict[str, Any]:
    named: dict[str, Any] = by_given_names(read, own)
    return with_named_functions(named) if version == 2 and own.names else named


def _version(metadata: bytes) -> str:
    try:
        said = json.loads(metadata)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{archive.METADATA} isn't JSON: {error}; save the model again") from error
    return str(said.get("keras_version", "")) if isinstance(said, dict) else ""


def _copy_hdf5(path: Path, folder: Path, trust_code: bool, own: Own) -> Checked:
    import h5py  # noqa: PLC0415 - it takes a quarter of a second

    out = folder / "model.h5"
    values = hdf5.rewrite(path, out)
    with h5py.File(out, "r+") as file:
        read = config.parse(_attribute(file, "model_config"), "its model_config")
        config.check(read, trust_code, own)
        version = config.version_of(read, _attribute(file, "keras_version").decode("utf-8", "replace"))
        named, read = names_in(read, own), _told(read, version, own)
        file.attrs["model_config"] = json.dumps(read)
        file.attrs.pop("training_config", None)
    return Checked(out, Form.HDF5, version, read, values, named)


def _attribute(file: Any, name: str) -> bytes:
    value = file.attrs.get(name)
    if value is None and name == "model_config":
        raise ModelError("holds weights without a model; expected the whole model: model.save('model.keras') where save_weights was called")
    return value.encode() if isinstance(value, str) else bytes(value) if isinstance(value, bytes) else b""
