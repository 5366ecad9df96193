"""HDF5 files written anew in a process of its own, whatever becomes of that process."""

import subprocess
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from emberflow.errors import ModelError
from emberflow.keras_file import hdf5


@pytest.fixture
def source(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["kernel"] = np.ones((3, 4), np.float32)
    return tmp_path / "m.h5"


def test_a_file_is_written_anew(source: Path, tmp_path: Path) -> None:
    """And its numbers are counted."""
    assert hdf5.rewrite(source, tmp_path / "copy.h5") == 12
    with h5py.File(tmp_path / "copy.h5") as copied:
        assert copied["kernel"][()].tolist() == [[1.0] * 4] * 3


def test_a_refusal_comes_through(source: Path, tmp_path: Path) -> None:
    """With its words."""
    source.write_bytes(source.read_bytes()[:1000])

    with pytest.raises(ModelError, match=r"^its HDF5 data are cut short or damaged: .+; copy or save the model again$"):
        hdf5.rewrite(source, tmp_path / "copy.h5")


def test_a_file_that_libhdf5_never_comes_back_from_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen bytes of zeros for the first text in a heap, which libhdf5 1.14 takes for free room of size 0 and never gets past: found by a mutant."""
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = "{}" * 1000
    data = bytearray((tmp_path / "m.h5").read_bytes())
    heap = data.index(b"GCOL")
    data[heap + 16 : heap + 32] = bytes(16)
    (tmp_path / "m.h5").write_bytes(data)
    monkeypatch.setattr(hdf5, "CPU_SECONDS", 1)

    with pytest.raises(
        ModelError, match=r"its HDF5 data are damaged: reading them did not end within 1 s of computing; copy or save the model again"
    ):
        hdf5.rewrite(tmp_path / "m.h5", tmp_path / "copy.h5")


@pytest.mark.parametrize(
    ("code", "complaint", "said"),
    [
        (-11, "", "its HDF5 data are damaged: reading them crashed libhdf5 (SIGSEGV); copy or save the model again"),
        (-24, "", "reading them did not end within 20 s of computing; copy"),
        (1, "a\nMemoryError\n", "reading them ended with code 1 (a\nMemoryError); copy"),
        (1, "", "reading them ended with code 1 (it said nothing); copy"),
    ],
)
def test_how_the_process_ended_is_told(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, complaint: str, said: str) -> None:
    """A crash, its limit of time, anything else."""
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], code, "", complaint))

    with pytest.raises(ModelError) as told:
        hdf5.rewrite(source, tmp_path / "copy.h5")

    assert said in str(told.value)


def test_a_process_that_waits_for_ever_is_ended(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that has no time for it."""

    def wait(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("python", 1800)

    monkeypatch.setattr(subprocess, "run", wait)

    with pytest.raises(ModelError, match="its HDF5 data took longer than 1800 s to read; copy or save the model again"):
        hdf5.rewrite(source, tmp_path / "copy.h5")
