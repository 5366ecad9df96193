"""Cores are taken one at a time, given back, and nobody takes those of others."""

import os
import stat
import tempfile

import pytest

from emberflow.adapters.cores import Cores
from emberflow.errors import StoreError


def test_there_are_as_many_as_this_process_may_use(tmp_path, monkeypatch):
    """In a folder of this user's own, which nobody else may look into."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    cores = Cores.of_machine()
    held = [cores.take() for _ in os.sched_getaffinity(0)]

    assert tmp_path / f"emberflow-{os.getuid()}" == cores.folder
    assert {cores.folder / f"core-{number}" for number in os.sched_getaffinity(0)} == {each.path for each in held}
    assert cores.take() is None
    assert 0o700 == stat.S_IMODE(cores.folder.stat().st_mode)
    for each in held:
        each.give_back()


def test_a_core_that_is_given_back_can_be_taken(tmp_path):
    """By whoever asks first."""
    cores = Cores(tmp_path / "cores", (3,))
    held = cores.take()
    assert cores.take() is None
    held.give_back()

    cores.take().give_back()


def test_processes_bound_to_different_cores_do_not_share_them(tmp_path):
    """Locks are of cores, not of a number of workers."""
    one, other = Cores(tmp_path, (0, 1)), Cores(tmp_path, (1, 2))
    held = [one.take(), one.take()]

    assert tmp_path / "core-2" == other.take().path
    assert other.take() is None
    for each in held:
        each.give_back()


def test_who_waits_can_be_seen(tmp_path):
    """And no more when it waits no longer."""
    cores = Cores(tmp_path / "cores", (0,))
    assert not cores.are_wanted()
    with cores.wanting():
        assert cores.are_wanted()
    assert not cores.are_wanted()


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_folder_of_somebody_else_is_refused(tmp_path, kind):
    """A link that others laid in a folder that all may write to, or a file."""
    (tmp_path / "elsewhere").mkdir()
    if kind == "link":
        (tmp_path / "cores").symlink_to(tmp_path / "elsewhere")
    else:
        (tmp_path / "cores").touch()

    with pytest.raises(StoreError) as caught:
        Cores(tmp_path / "cores", (0,)).take()

    assert str(caught.value) == (
        f"'{tmp_path / 'cores'}' belongs to somebody else; expected a folder of your own: have it removed, or set TMPDIR to another place"
    )
