"""Blobs go in whole, come out the same, and the disk's troubles are told in words."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.adapters import disk
from emberflow.adapters import store as store_module
from emberflow.adapters.store import Store
from emberflow.artifact import Artifact, Kind, digest
from emberflow.errors import StoreError
from tests import a_bucket

NOBODY = 65534


@pytest.fixture(scope="module")
def s3():
    with a_bucket.s3() as address:
        yield address


@pytest.fixture(params=["folder", "s3"])
def store(request, tmp_path):
    """One in a folder alone, and one that a team shares through S3."""
    address = f"{request.getfixturevalue('s3')}/{tmp_path.name}" if request.param == "s3" else ""
    return Store(tmp_path / "store", address=address)


def put(store, content, kind=Kind.ARRAY):
    with store.workplace() as folder:
        file = folder / "out"
        file.write_bytes(content)
        return store.put(file, kind)


def files_of(store):
    return sorted(str(path.relative_to(store.root)) for path in store.root.glob("??/*"))


@contextmanager
def only_reading(folder):
    """Nobody in this process may write to `folder`; root gives its rights away for as long."""
    folder.chmod(0o500)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)


def test_what_was_put_is_there_under_its_digest(store):
    """The Artifact says digest, size and kind; the path ends in the kind; the file is moved, not left behind."""

    artifact = put(store, b"weights", Kind.TFLITE)

    # sha256("weights")
    assert artifact == Artifact(sha256=digest(b"weights"), size_bytes=7, kind=Kind.TFLITE)
    assert store.has(artifact)
    assert store.path(artifact).read_bytes() == b"weights"
    assert files_of(store) == [f"{artifact.sha256[:2]}/{artifact.sha256}.tflite"]


@settings(deadline=None, max_examples=30)  # each blob waits for the disk
@given(contents=st.lists(st.binary(max_size=40), max_size=6))
def test_any_contents_come_back_and_each_lies_there_once(tmp_path_factory, contents):
    """As many blobs as there are different contents, in whatever order and however often they are put."""
    store = Store(tmp_path_factory.mktemp("law"))

    artifacts = [put(store, content) for content in contents]

    assert [store.path(artifact).read_bytes() for artifact in artifacts] == contents
    assert len(files_of(store)) == len(set(contents))


def test_the_same_bytes_twice_are_one_blob_and_the_second_file_is_gone(store):
    """Nobody has to look whether a blob is there before putting it."""
    first = put(store, b"weights")

    with store.workplace() as folder:
        again = folder / "again"
        again.write_bytes(b"weights")
        assert store.put(again, Kind.ARRAY) == first
        assert not again.exists()

    assert len(files_of(store)) == 1


def test_the_same_bytes_of_another_kind_are_another_file(store):
    """The ending tells a reader what a blob is."""

    assert [store.path(put(store, b"x", kind)).suffix for kind in (Kind.ARRAY, Kind.SVG)] == [".npy", ".svg"]
    assert len(files_of(store)) == 2


def test_a_blob_that_is_not_there_says_which_and_what_to_do(store):
    """Kind and the digest's beginning, as in the file's name."""
    artifact = Artifact(sha256=digest(b"gone"), size_bytes=4, kind=Kind.KERAS)

    with pytest.raises(StoreError) as caught:
        store.path(artifact)

    assert not store.has(artifact)
    assert str(caught.value) == f"the blob {digest(b'gone')[:12]} (h5) is not in '{store.address or store.root}'; run again, and it is made anew"


def test_a_blob_that_lost_bytes_does_not_count_and_is_mended_by_putting_it_again(store):
    """A copy of the store that was cut off leaves a file of the right name and the wrong size."""
    artifact = put(store, b"weights")
    store.path(artifact).write_bytes(b"weig")

    assert not store.has(artifact)
    assert put(store, b"weights") == artifact
    assert store.has(artifact)
    assert store.path(artifact).read_bytes() == b"weights"


@pytest.mark.parametrize("read_before", [True, False])
def test_an_altered_blob_is_set_aside_and_told_by_name(store, read_before):
    """One byte of the same number: whether this process has read it before or not."""
    artifact = put(store, b"weights")
    place = store.path(artifact)
    if not read_before:
        store_module._proven.clear()
    place.write_bytes(b"weighty")

    with pytest.raises(StoreError) as caught:
        store.path(artifact)

    aside = store.root / "altered" / f"{artifact.sha256}.npy"
    assert str(caught.value) == (
        f"the blob {artifact.sha256[:12]} (npy) was altered: its bytes are not those of its digest."
        f" It was set aside for a look, as '{aside}'; run again, and it is made anew"
    )
    assert aside.read_bytes() == b"weighty"
    assert bool(store.address) == store.has(artifact)  # whole at the address, and fetched from there
    assert put(store, b"weights") == artifact
    assert store.path(artifact).read_bytes() == b"weights"


def test_putting_a_blob_again_mends_one_that_was_altered(store):
    """The data are read at each run: an altered part isn't taken for the one that was just read."""
    artifact = put(store, b"weights")
    store._place(artifact).write_bytes(b"weighty")

    put(store, b"weights")

    assert store.path(artifact).read_bytes() == b"weights"
    assert (store.root / "altered" / f"{artifact.sha256}.npy").read_bytes() == b"weighty"


def test_a_blob_is_read_once_a_process_and_again_when_it_leaves_the_house(store, monkeypatch):
    """Data sets are large; what is put was read then."""
    read = []
    monkeypatch.setattr(store_module, "digest_file", lambda path: read.append(path.name) or digest(path.read_bytes()))
    artifact = put(store, b"weights")
    store_module._proven.clear()

    for _ in range(3):
        store.path(artifact)
    assert len(read) == 1
    store.proven(artifact)
    store.path(artifact)
    assert len(read) == 2


def test_a_change_that_hides_its_time_is_found_before_it_leaves_the_house(store):
    """Size, time and inode are those of before: only reading the bytes can tell."""
    artifact = put(store, b"weights")
    place = store.path(artifact)
    before = place.stat()
    place.write_bytes(b"weighty")
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.path(artifact) == place

    with pytest.raises(StoreError, match="was altered"):
        store.proven(artifact)


def test_what_was_made_anew_meanwhile_is_not_set_aside(store):
    """Two runs find the same altered blob; the slower one must not take the mended one away."""
    artifact = put(store, b"weights")
    place = store.path(artifact)

    store._set_aside(place, store_module.Stamp(inode=0, written_ns=0, size_bytes=7))

    assert store.path(artifact).read_bytes() == b"weights"


def test_file_and_folder_are_on_the_disk_before_a_blob_counts(store, monkeypatch):
    """The bytes before the name, then the name: a power cut leaves all of it or nothing."""
    said = []
    sync, replace = store_module._sync, os.replace
    monkeypatch.setattr(store_module, "_sync", lambda path: said.append(f"sync {path.name}") or sync(path))
    monkeypatch.setattr(os, "replace", lambda old, new: said.append("rename") or replace(old, new))

    artifact = put(store, b"weights")

    assert ["sync out", "rename", f"sync {artifact.sha256[:2]}", "sync store"] == said


def test_a_workplace_is_empty_and_lies_on_the_disk_of_the_blobs(store):
    """So that a file made there is moved in, in one step."""
    with store.workplace() as first, store.workplace() as second:
        assert first != second
        assert list(first.iterdir()) == list(second.iterdir()) == []
        assert first.stat().st_dev == store.root.stat().st_dev


def test_a_workplace_is_gone_afterwards_with_all_that_is_in_it(store):
    """Folders too."""
    with store.workplace() as folder:
        (folder / "deep" / "deeper").mkdir(parents=True)
        (folder / "deep" / "file").write_bytes(b"x")

    assert not folder.exists()
    assert files_of(store) == []


def test_a_workplace_is_gone_after_an_error_too(store):
    """And the error is the one that was raised."""
    with pytest.raises(ZeroDivisionError), store.workplace() as folder:
        (folder / "half").write_bytes(b"x" * (1 // len(list(folder.iterdir()))))

    assert not folder.exists()
    assert files_of(store) == []


PUT_MANY = """
import sys
from pathlib import Path
from emberflow.adapters.store import Store
from emberflow.artifact import Kind
store = Store(Path(sys.argv[1]), address=sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for number in range(100):
    with store.workplace() as folder:
        (folder / "out").write_bytes(b"%d" % number * 1000)
        print(store.put(folder / "out", Kind.ARRAY).sha256)
"""


def test_two_processes_that_put_the_same_blobs_at_once_both_succeed(store):
    """A hundred blobs each, let go together; all are whole and none is there twice."""
    command = [sys.executable, "-c", PUT_MANY, str(store.root), store.address]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    printed = [racer.communicate()[0].split() for racer in racers]

    expected = [digest(b"%d" % number * 1000) for number in range(100)]
    assert [racer.returncode for racer in racers] == [0, 0]
    assert printed == [expected, expected]
    assert [path.split("/")[1] for path in files_of(store)] == sorted(f"{sha256}.npy" for sha256 in expected)


def test_less_room_than_a_stage_needs_is_told_before_it_starts(store, monkeypatch):
    """No disk has 1 EiB free, which is 2^60 B = 1,073,741,824 GiB."""
    monkeypatch.setattr(disk, "_ROOM_BYTES", 2**60)

    with pytest.raises(StoreError) as caught, store.workplace():
        pytest.fail("a stage was let in")

    assert str(caught.value).startswith("only ")
    assert f"are free at '{store.root}'; expected at least 1073741824 GiB: free 10737" in str(caught.value)
    assert str(caught.value).endswith(" GiB or more, then run again")


def test_room_is_looked_for_before_the_store_is_made(tmp_path, monkeypatch):
    """A run asks before anything is written: the disk is that of the nearest folder that exists."""
    monkeypatch.setattr(disk, "_ROOM_BYTES", 2**60)
    store = Store(tmp_path / "home" / "store")

    with pytest.raises(StoreError, match=r"are free at '.*/home/store'; expected at least"):
        store.check()

    assert not store.root.parent.exists()


def test_a_folder_that_may_not_be_written_to_is_told_when_a_stage_starts(tmp_path):
    """The store itself can't be made there."""
    store = Store(tmp_path / "store")

    with only_reading(tmp_path), pytest.raises(StoreError) as caught, store.workplace():
        pytest.fail("a stage was let in")

    assert str(caught.value) == f"can't write to '{store.root}': Permission denied; give --home a folder that you may write to"


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="the file system in which nobody may make a folder is Linux's")
def test_a_blob_that_may_not_be_written_is_told_and_its_file_stays(tmp_path):
    """Linux has a place where not even root may make a folder."""
    store = Store(Path("/sys/emberflow"))
    file = tmp_path / "out"
    file.write_bytes(b"weights")

    with pytest.raises(StoreError, match=r"^can't write to '/sys/emberflow': .+; give --home a folder that you may write to$"):
        store.put(file, Kind.ARRAY)

    assert file.read_bytes() == b"weights"
