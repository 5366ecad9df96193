"""Blobs and results at an address: another machine finds them, whole, and what was altered there is set aside. On a shared disk and on a real S3."""

from dataclasses import replace

import fsspec
import pytest

from emberflow.adapters import store as store_module
from emberflow.adapters.remote import Remote, place_of
from emberflow.adapters.store import Store
from emberflow.artifact import Artifact, Kind, digest
from emberflow.errors import ProjectError, RemoteError, StoreError
from tests import a_bucket


@pytest.fixture(scope="module")
def s3():
    with a_bucket.s3() as address:
        yield address


@pytest.fixture(params=["disk", "s3"])
def address(request, tmp_path):
    """A folder that several machines have mounted, or a prefix of a bucket."""
    return f"{request.getfixturevalue('s3')}/{tmp_path.name}" if request.param == "s3" else str(tmp_path / "shared")


@pytest.fixture
def here(tmp_path, address):
    return Store(tmp_path / "here", address=address)


@pytest.fixture
def there(tmp_path, address):
    """Another machine: another folder, another process that has looked for nothing yet."""
    store_module._shared.clear()
    return Store(tmp_path / "there", address=address)


def put(store, content, kind=Kind.ARRAY):
    with store.workplace() as folder:
        (folder / "out").write_bytes(content)
        return store.put(folder / "out", kind)


def names_at(address):
    fs, root = fsspec.core.url_to_fs(address)
    fs.invalidate_cache()
    return sorted(name.removeprefix(root.rstrip("/") + "/") for name in fs.find(root))


def write_at(address, name, data):
    fs, root = fsspec.core.url_to_fs(address)
    fs.pipe_file(f"{root}/{name}", data)


def test_what_one_machine_puts_another_one_has(here, there, address):
    """Fetched into its own folder on use, because tools need files; nothing else is left anywhere."""
    artifact = put(here, b"weights", Kind.TFLITE)

    assert there.has(artifact)
    assert there.path(artifact).read_bytes() == b"weights"
    assert there.path(artifact).is_relative_to(there.root)
    assert [place_of(artifact)] == names_at(address)
    assert [] == list(there.unfinished.iterdir())


def test_what_lay_in_a_folder_before_there_was_an_address_is_brought_there(here, there, address):
    """As soon as a run uses it."""
    artifact = put(replace(here, address=""), b"weights")
    assert not there.has(artifact)

    assert here.has(artifact)

    assert there.path(artifact).read_bytes() == b"weights"


def test_what_is_nowhere_is_told_with_the_address(here, address):
    """A lifecycle rule of the bucket may have removed it: it is made anew."""
    artifact = Artifact(sha256=digest(b"gone"), size_bytes=4, kind=Kind.KERAS)

    with pytest.raises(StoreError) as caught:
        here.path(artifact)

    assert str(caught.value) == f"the blob {digest(b'gone')[:12]} (h5) is not in '{address}'; run again, and it is made anew"


def test_a_blob_that_was_altered_there_is_set_aside_there_and_made_anew(here, there, address):
    """Nobody gets it, and it is kept for a look."""
    artifact = put(here, b"weights")
    write_at(address, place_of(artifact), b"weighty")

    with pytest.raises(StoreError) as caught:
        there.path(artifact)

    assert f"It was set aside for a look, as '{address}/altered/{artifact.name}'; run again" in str(caught.value)
    assert [f"altered/{artifact.name}"] == [name for name in names_at(address) if artifact.sha256 in name]
    put(there, b"weights")
    store_module._shared.clear()
    assert here.path(artifact).read_bytes() == b"weights"
    assert place_of(artifact) in names_at(address)


def test_a_blob_that_is_there_is_not_sent_again(here, there, address, monkeypatch):
    """Not even by a machine that has made it itself."""
    put(here, b"weights")
    monkeypatch.setattr(Remote, "_send", lambda *_: pytest.fail("it was sent again"))

    put(there, b"weights")


def test_results_travel_too(here, address, tmp_path):
    """So that another machine need not make anything again."""
    (tmp_path / "convert-1").write_text("{}")
    other = tmp_path / "other"
    other.mkdir()
    assert not here.remote.get_result(other / "convert-1")

    here.remote.put_result(tmp_path / "convert-1")

    assert here.remote.get_result(other / "convert-1")
    assert ["{}"] == [path.read_text() for path in other.iterdir()]
    assert ["results/convert-1"] == names_at(address)


def test_a_bucket_that_is_not_there_is_told(tmp_path, s3):
    """It may pass: a stage tries again."""
    store = Store(tmp_path / "store", address="s3://none/emberflow")

    with pytest.raises(RemoteError) as caught:
        put(store, b"weights")

    assert str(caught.value).startswith(
        "the store at s3://none/emberflow doesn't answer; see that it can be reached and written to, then run again: it said:"
    )


def test_an_address_that_is_none_is_told_before_anything_starts(tmp_path):
    """By the check that every run begins with."""
    with pytest.raises(ProjectError, match=r"received store: 's4://bucket'; expected a folder, or an address such as s3://bucket/watch"):
        Store(tmp_path, address="s4://bucket").check()
