"""Blobs go in whole, come out the same, and the disk's troubles are told in words."""

import errno
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.adapters import store as store_module
from emberflow.adapters.store import Store, telling_of_disk
from emberflow.artifact import Artifact, Kind, digest
from emberflow.errors import BundleError, DataError, EmberflowError, StoreError, WorkerLost

NOBODY = 65534


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def put(store, content, kind=Kind.ARRAY):
    with store.workplace() as folder:
        file = folder / "out"
        file.write_bytes(content)
        return store.put(file, kind)


def files_of(store):
    return sorted(str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file())


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
    assert str(caught.value) == f"the blob {digest(b'gone')[:12]} (h5) is not in '{store.root}'; run again, and it is made anew"


def test_a_blob_that_lost_bytes_does_not_count_and_is_mended_by_putting_it_again(store):
    """A disk that filled up under a copy leaves a file of the right name and the wrong size."""
    artifact = put(store, b"weights")
    store.path(artifact).write_bytes(b"weig")

    assert not store.has(artifact)
    assert put(store, b"weights") == artifact
    assert store.has(artifact)
    assert store.path(artifact).read_bytes() == b"weights"


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
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(100):
    with store.workplace() as folder:
        (folder / "out").write_bytes(b"%d" % number * 1000)
        print(store.put(folder / "out", Kind.ARRAY).sha256)
"""


def test_two_processes_that_put_the_same_blobs_at_once_both_succeed(store):
    """A hundred blobs each, let go together; all are whole and none is there twice."""
    command = [sys.executable, "-c", PUT_MANY, str(store.root)]
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
    monkeypatch.setattr(store_module, "_ROOM_BYTES", 2**60)

    with pytest.raises(StoreError) as caught, store.workplace():
        pytest.fail("a stage was let in")

    assert str(caught.value).startswith("only ")
    assert f"are free at '{store.root}'; expected at least 1073741824 GiB: free 10737" in str(caught.value)
    assert str(caught.value).endswith(" GiB or more, then run again")


def test_room_is_looked_for_before_the_store_is_made(tmp_path, monkeypatch):
    """A run asks before anything is written: the disk is that of the nearest folder that exists."""
    monkeypatch.setattr(store_module, "_ROOM_BYTES", 2**60)
    store = Store(tmp_path / "home" / "store")

    with pytest.raises(StoreError, match=r"are free at '.*/home/store'; expected at least"):
        store.check_room()

    assert not store.root.parent.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is Linux's")
def test_a_full_disk_is_told_by_where_it_is_and_that_nothing_is_lost(tmp_path):
    """Linux has a file that is always full."""
    with pytest.raises(StoreError) as caught, telling_of_disk(tmp_path), Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"x")

    assert str(caught.value) == f"no space left at '{tmp_path}'; free some, then run again: what was finished is kept"
    assert caught.value.__cause__.errno == errno.ENOSPC


def test_a_full_disk_is_told_with_what_is_missing(tmp_path, monkeypatch):
    """Of 2^60 B, which is 1,073,741,824 GiB, nearly all."""
    monkeypatch.setattr(store_module, "_ROOM_BYTES", 2**60)

    with (
        pytest.raises(
            StoreError, match=r"no space left at '.*' \(10737\d+(\.\d)? GiB less than the 1073741824 GiB that a run needs at least\); free"
        ),
        telling_of_disk(tmp_path),
    ):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


@pytest.mark.parametrize(
    "error", [EmberflowError("OSError: 100 requested and 50 written"), WorkerLost("signal SIGBUS"), BundleError("can't be written")]
)
def test_what_a_stage_makes_of_a_full_disk_is_told_as_one(tmp_path, monkeypatch, error):
    """numpy gives no error number, a mapped file none but a signal; a full disk is one with less than a MiB, here with less than 2^60 B."""
    monkeypatch.setattr(store_module, "_FULL_BYTES", 2**60)

    with pytest.raises(StoreError) as caught, telling_of_disk(tmp_path):
        raise error

    expected = f"no space left at '{tmp_path}'; free some, then run again: what was finished is kept. It was met as: {error}"
    assert expected == str(caught.value)


@pytest.mark.parametrize("error", [EmberflowError("a bug"), WorkerLost("signal SIGSEGV"), BundleError("no champion"), DataError("NaN")])
def test_with_room_on_the_disk_an_error_stays_what_it_is(tmp_path, error):
    """Nobody is told to free space who has it."""
    with pytest.raises(type(error)) as caught, telling_of_disk(tmp_path):
        raise error

    assert caught.value is error


def test_wrong_data_on_a_full_disk_are_told_as_wrong_data(tmp_path, monkeypatch):
    """Only what may have come from the disk is put down to it."""
    monkeypatch.setattr(store_module, "_FULL_BYTES", 2**60)

    with pytest.raises(DataError, match="NaN"), telling_of_disk(tmp_path):
        raise DataError("NaN")


def test_a_file_system_mounted_for_reading_is_told_as_such(tmp_path):
    """EROFS is no PermissionError, but asks for the same step."""
    with pytest.raises(StoreError) as caught, telling_of_disk(tmp_path):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    assert str(caught.value) == f"can't write to '{tmp_path}': Read-only file system; give --home a folder that you may write to"


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


def test_another_trouble_of_the_disk_is_not_explained_away(tmp_path):
    """A missing file is a mistake of ours, and stays what it is."""
    with pytest.raises(FileNotFoundError), telling_of_disk(tmp_path):
        (tmp_path / "missing").read_bytes()
