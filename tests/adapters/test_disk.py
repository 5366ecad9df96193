"""A full or closed disk is told in words, with what to do; other troubles stay what they are."""

import errno
import os
from pathlib import Path

import pytest

from emberflow.adapters import disk
from emberflow.adapters.disk import telling_of_disk
from emberflow.errors import BundleError, DataError, EmberflowError, StoreError, WorkerLost


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is Linux's")
def test_a_full_disk_is_told_by_where_it_is_and_that_nothing_is_lost(tmp_path):
    """Linux has a file that is always full."""
    with pytest.raises(StoreError) as caught, telling_of_disk(tmp_path), Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"x")

    assert str(caught.value) == f"no space left at '{tmp_path}'; free some, then run again: what was finished is kept"
    assert caught.value.__cause__.errno == errno.ENOSPC


def test_a_full_disk_is_told_with_what_is_missing(tmp_path, monkeypatch):
    """Of 2^60 B, which is 1,073,741,824 GiB, nearly all."""
    monkeypatch.setattr(disk, "_ROOM_BYTES", 2**60)

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
    monkeypatch.setattr(disk, "_FULL_BYTES", 2**60)

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
    monkeypatch.setattr(disk, "_FULL_BYTES", 2**60)

    with pytest.raises(DataError, match="NaN"), telling_of_disk(tmp_path):
        raise DataError("NaN")


def test_a_file_system_mounted_for_reading_is_told_as_such(tmp_path):
    """EROFS is no PermissionError, but asks for the same step."""
    with pytest.raises(StoreError) as caught, telling_of_disk(tmp_path):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    assert str(caught.value) == f"can't write to '{tmp_path}': Read-only file system; give --home a folder that you may write to"


def test_another_trouble_of_the_disk_is_not_explained_away(tmp_path):
    """A missing file is a mistake of ours, and stays what it is."""
    with pytest.raises(FileNotFoundError), telling_of_disk(tmp_path):
        (tmp_path / "missing").read_bytes()
