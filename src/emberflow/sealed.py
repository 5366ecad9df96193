"""Sealed folders: written as a whole, with a manifest that vouches for every file. Knows files and digests; refuses to know what they are for."""

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from emberflow.artifact import Sha256, digest, digest_file
from emberflow.errors import BundleError
from emberflow.values import Value

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"  # over the manifest's bytes, in a folder that was published


class FileFacts(Value):
    """A file by its content."""

    sha256: Sha256
    size_bytes: int


class Faults(Value):
    """Which files are not those of the manifest, by their paths in the folder."""

    changed: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(f"{fault}: {', '.join(names)}" for fault, names in self if names)


def facts_of(files: Mapping[str, bytes]) -> dict[str, FileFacts]:
    """What a manifest says of `files`, in the order of their paths."""
    return {name: FileFacts(sha256=digest(files[name]), size_bytes=len(files[name])) for name in sorted(files)}


def find_faults(directory: Path, facts: Mapping[str, FileFacts]) -> Faults:
    """How the files in `directory` differ from `facts`; the manifest itself, and its signature, are left out.

    Raises: BundleError: a link, whose end may lie elsewhere and change, or what is no file, such as a pipe that never ends.
    """
    found = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*") if path.is_symlink() or not path.is_dir()}
    if odd := _named(name for name, path in found.items() if not _is_plain(path)):
        raise BundleError(f"received {directory}, which holds {', '.join(odd)}: a link or no file at all; expected plain files alone: get it anew")
    for own in (MANIFEST, SIGNATURE):
        found.pop(own, None)
    return Faults(
        changed=_named(name for name in found.keys() & facts.keys() if digest_file(found[name]) != facts[name].sha256),
        missing=_named(facts.keys() - found.keys()),
        extra=_named(found.keys() - facts.keys()),
    )


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _named(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


def as_json(manifest: Value) -> bytes:
    """A manifest as it stands in the file."""
    return (json.dumps(manifest.model_dump(mode="json"), indent=2, sort_keys=True) + "\n").encode()


def read_json(directory: Path, what: str) -> Any:
    """The manifest in `directory`, of a `what`, parsed. Raises: BundleError: there is none, or it is not JSON."""
    path = directory / MANIFEST
    try:
        return json.loads(read(path, what))
    except ValueError as error:
        raise BundleError(f"received {path}, which is not JSON ({error}); expected a {what}'s manifest: write the {what} again") from error


def read(path: Path, what: str) -> bytes:
    """The bytes of a file of a `what`. Raises: BundleError: it can't be read, is a link, or no file."""
    if path.exists() and not _is_plain(path):
        raise BundleError(f"received {path}, which is a link or no file; expected a file of a {what}: get it anew")
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"received {path}, which can't be read ({error.strerror}); expected a file of a {what}") from error


def replace(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write `files`, the manifest among them, as `directory`, in the place of what is there.

    Everything is written beside it and renamed into place, so that nobody sees half of it.

    Raises: BundleError: it can't be written.
    """
    token = secrets.token_hex(4)
    fresh, old = (directory.with_name(f".{directory.name}.{token}.{end}") for end in ("new", "old"))
    try:
        _write(fresh, files)
        _swap(directory, fresh, old)
    except OSError as error:
        raise BundleError(
            f"received {directory}, which can't be written ({error.strerror}); expected a place with room and leave to write"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file in one step: whoever opens it sees the old bytes or the new ones. Raises: OSError: it can't be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def names_in(manifest: bytes) -> tuple[str, ...]:
    """The files that a manifest vouches for, as relative paths. Raises: BundleError: it is no manifest, or names a path that leads out."""
    try:
        names = tuple(json.loads(manifest)["files"])
    except (ValueError, TypeError, KeyError) as error:
        raise BundleError(f"received a manifest that names no files ({error}); expected one that Emberflow wrote") from error
    for name in names:
        if not _leads_inside(name):
            raise BundleError(f"received a manifest with the file '{name}', which leads out of its folder; expected one that Emberflow wrote")
    return names


def _leads_inside(name: str) -> bool:
    """Whether a name is a path below a folder on any system, written in one way only, and not the manifest's own."""
    is_plain = PurePosixPath(name).as_posix() == name and not set(name) & set("\\:\0")
    return is_plain and name not in (".", MANIFEST, SIGNATURE) and not name.startswith("/") and ".." not in name.split("/")


def _write(directory: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _swap(directory: Path, fresh: Path, old: Path) -> None:
    if directory.exists():
        directory.rename(old)
    try:
        fresh.rename(directory)
    except OSError:
        if old.exists():
            old.rename(directory)
        raise
