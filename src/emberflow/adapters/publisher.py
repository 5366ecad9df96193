"""Publishing: signed bundles and their index at a folder or any address that fsspec reaches. Knows the order of writes; refuses to choose a version.

    <address>/versions/8/manifest.json, manifest.sig, ...      written first, the manifest last
    <address>/index.json                                       written last, in one step

So whoever polls the index sees the version of before or the new one, and either whole. On a disk a folder is renamed into place; elsewhere, as in
S3, a file appears with its last byte, and the index names the manifest's digest.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from emberflow import sealed
from emberflow.adapters.address import check_address, failures
from emberflow.artifact import digest
from emberflow.bundle import Manifest, verify_files
from emberflow.errors import BundleError, PublishError
from emberflow.index import Index, Published, seal, unseal
from emberflow.sealed import MANIFEST, SIGNATURE
from emberflow.signing import read_private, sign

INDEX = "index.json"


@dataclass(frozen=True)
class Publisher:
    """One address; small and frozen.

    Args:
        address: a folder, or what fsspec takes, such as `s3://bucket/watch`.
        key: the file of the private key.
    Raises: every method: PublishError: the address doesn't answer; the same call may succeed later.
    """

    address: str
    key: Path

    def check(self) -> None:
        """Raises: ProjectError: the address is none, needs a package that is missing, or the key can't be used."""
        read_private(self.key)
        check_address(self.address, "publish")

    def read(self) -> Index | None:
        """The index as published; None before the first time. Raises: BundleError: it isn't ours."""
        return read_index(self.address, _public(self.key))

    def publish(self, bundle: Path, version: int) -> Index:
        """Make `version`, whose verified bundle lies in the folder `bundle`, the one that consumers get.

        Raises: BundleError: the bundle isn't what its manifest says, or another one was published under that number.
        """
        before, manifest = self.read(), verify_files(bundle)
        entry = _entry(version, manifest, digest((bundle / MANIFEST).read_bytes()))
        listed = before.version(version) if before else None
        if listed and listed.manifest != entry.manifest:
            raise BundleError(
                f"version {version} was published at {self.address} with another bundle (manifest {listed.manifest[:12]}, not {entry.manifest[:12]});"
                " expected the same: this registry isn't the one that published it; publish to another address"
            )
        self._put_bundle(bundle, entry.path, manifest)
        others = tuple(each for each in before.versions if each.version != version) if before else ()
        versions = tuple(sorted((*others, entry), key=lambda each: each.version))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        index = Index(project=manifest.project, champion=version, published=now, versions=versions)
        _write(self.address, INDEX, seal(index, read_private(self.key)))
        return index

    def _put_bundle(self, bundle: Path, path: str, manifest: Manifest) -> None:
        """All files, the manifest last; nothing is touched where they lie there already, byte for byte."""
        files = {name: (bundle / name).read_bytes() for name in (*manifest.files, MANIFEST)}
        files = {SIGNATURE: sign(read_private(self.key), files[MANIFEST]).encode(), **files}
        if all(_read(self.address, f"{path}/{name}") == data for name, data in files.items()):
            return
        if (folder := _local(self.address)) is not None:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            sealed.replace(folder / path, files)
            return
        for name, data in files.items():
            _write(self.address, f"{path}/{name}", data)


def read_index(address: str, public: Any) -> Index | None:
    """The index at `address`, checked against the public key; None when there is none. Raises: BundleError: it isn't by the owner of the key."""
    data = _read(address, INDEX)
    return None if data is None else unseal(data, public, f"{address.rstrip('/')}/{INDEX}")


def fetch_published(address: str, public: Any, folder: Path) -> Index:
    """What a consumer does: the champion of the index at `address` as the new folder `folder`, every byte checked.

    Raises: BundleError: nothing was published, or a file isn't what was signed.
    """
    index = read_index(address, public)
    entry = index.version(index.champion) if index else None
    if index is None or entry is None:
        raise BundleError(f"nothing was published at {address}; expected an {INDEX}")
    manifest = _read(address, f"{entry.path}/{MANIFEST}") or b""
    if digest(manifest) != entry.manifest:
        raise BundleError(f"the manifest of version {entry.version} at {address} is not the one that was signed; publish it again")
    names = sealed.names_in(manifest)
    files = {name: _read(address, f"{entry.path}/{name}") or b"" for name in (*names, SIGNATURE)}
    sealed.replace(folder, files | {MANIFEST: manifest})
    verify_files(folder)
    return index


def _entry(version: int, manifest: Manifest, sha256: str) -> Published:
    return Published(
        version=version, path=f"versions/{version}", recipe=manifest.recipe, target=manifest.target, model=manifest.model.sha256, manifest=sha256
    )


def _public(key: Path) -> Any:
    return read_private(key).public_key()


def _local(address: str) -> Path | None:
    fs, root = fsspec.core.url_to_fs(address)
    return Path(root) if isinstance(fs, LocalFileSystem) else None


def _read(address: str, name: str) -> bytes | None:
    fs, root = fsspec.core.url_to_fs(address)
    try:
        data: bytes = fs.cat_file(f"{root}/{name}")
    except FileNotFoundError:
        return None
    except failures() as error:
        raise PublishError(_silent(address, error)) from error
    return data


def _write(address: str, name: str, data: bytes) -> None:
    fs, root = fsspec.core.url_to_fs(address)
    try:
        if isinstance(fs, LocalFileSystem):
            sealed.replace_file(Path(root) / name, data)
        else:
            fs.pipe_file(f"{root}/{name}", data)
    except failures() as error:
        raise PublishError(_silent(address, error)) from error


def _silent(address: str, error: Exception) -> str:
    said = " ".join(str(error).split())
    return f"can't publish to {address}; see that it answers and may be written to, then run again: the champion is published then. It said: {said}"
