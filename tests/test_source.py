"""Data files: read, and refused when they are damaged."""

import re
from io import BytesIO
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from emberflow import source
from emberflow.dataset import Dataset, Preparation, Sampling, prepare
from emberflow.errors import DataError, ProjectError
from emberflow.project import ArrayFiles, DataFiles, Project
from emberflow.source import load_dataset, read_files

X = np.arange(24, dtype=np.float32).reshape(4, 6)
Y = np.array([0, 1, 0, 1])
REFUSED = (
    "and reading them runs whatever code the file holds, with your rights; expected plain numbers: write it with numpy.savez or numpy.save from one"
    " array of numbers; or, if you trust whoever made the file, allow it: `trust_pickles: true` under `data`"
)


@pytest.fixture
def folder(tmp_path):
    """Three archives and the arrays of a fourth part, each a different multiple of X."""
    for factor, name in enumerate(("train", "validation", "test"), start=1):
        np.savez(tmp_path / f"{name}.npz", x=X * factor, y=Y)
    np.save(tmp_path / "calibration-x.npy", X * 4)
    np.save(tmp_path / "calibration-y.npy", Y)
    np.save(tmp_path / "people.npy", np.array(["ann", "bob", "cat", "dan"]))
    return tmp_path


def files(**changed) -> DataFiles:
    return DataFiles(**{"train": "train.npz", "validation": "validation.npz", "test": "test.npz", "labels": ("a", "b"), **changed})


def arrays(x="calibration-x.npy", y="calibration-y.npy", group=None) -> ArrayFiles:
    return ArrayFiles(x=x, y=y, group=group)


def refuse(said, folder):
    with pytest.raises(DataError) as raised:
        read_files(said, folder)
    return str(raised.value)


def test_archives_and_arrays_are_read(folder):
    """The first whole, the second memory-mapped; no calibration unless it is named."""
    data = read_files(files(sampling=Sampling(rate_hz=50)), folder)
    mapped = read_files(files(calibration=arrays(group="people.npy")), folder).calibration

    assert np.array_equal(X * 3, data.test.x)
    assert (data.labels, data.sampling.rate_hz, data.calibration, data.train.group) == (("a", "b"), 50, None, None)
    assert isinstance(mapped.x, np.memmap)
    assert np.array_equal(X * 4, mapped.x)
    assert list(mapped.group) == ["ann", "bob", "cat", "dan"]


def test_an_archive_may_name_groups(folder):
    """And hold arrays that nobody asked for, even pickled ones: they aren't opened."""
    np.savez(folder / "train.npz", x=X, y=Y, group=[1, 1, 2, 2], extra=np.array([{}]))

    assert list(read_files(files(), folder).train.group) == [1, 1, 2, 2]


def test_what_is_read_can_be_prepared(folder):
    """A memory-mapped part too."""
    made = prepare(read_files(files(train=arrays()), folder), Preparation(calibration_samples=2))

    assert {name: len(x) for name, (x, _) in made.parts.items()} == {"train": 4, "validation": 4, "test": 4, "calibration": 2, "vectors": 4}


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: np.savez(path, x=X), "'train.npz' (train) holds x; expected arrays called x and y"),
        (lambda path: np.savez(path, X, Y), "'train.npz' (train) holds arr_0, arr_1; expected arrays called x and y"),
        (np.savez, "'train.npz' (train) holds nothing; expected arrays called x and y"),
        (
            lambda path: np.savez(path, x=np.array([{}]), y=Y),
            f"'train.npz' (train): x holds pickled Python objects, {REFUSED}",
        ),
    ],
)
def test_an_archive_that_lacks_an_array_is_refused(write, message, folder):
    """Or has it as pickled objects, whose reading would run code."""
    write(folder / "train.npz")

    assert message == refuse(files(), folder)


@pytest.mark.parametrize("content", [None, b"", b"x = 1", b"PK\x03\x04 and no more", b"\x93NUMPY\x01\x00\xff"])
def test_what_is_no_archive_is_refused(content, folder):
    """Absent, empty, text, cut short."""
    path = folder / "train.npz"
    path.unlink() if content is None else path.write_bytes(content)

    message = refuse(files(), folder)
    assert message.startswith(f"'{path}' can't be read as arrays: ")
    assert message.endswith("; write it with numpy.savez, plain arrays only")


class Mark:
    """Leaves a file behind when it is unpickled, and is a list of six numbers then."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return eval, (f"[open({str(self.trace)!r}, 'w').close(), list(range(6))][1]",)


def objects(*items):
    array = np.empty(len(items), object)
    array[:] = items
    return array


def test_code_in_pickled_arrays_does_not_run_unless_it_is_trusted(folder, tmp_path):
    """In an archive and in a .npy: no trace after the refusal, one with trust, and what the code made is stacked."""
    trace = tmp_path / "it-ran"
    marked = objects(*(Mark(trace) for _ in range(4)))
    np.savez(folder / "train.npz", x=marked, y=Y)
    np.save(folder / "calibration-x.npy", marked)

    assert f"'train.npz' (train): x holds pickled Python objects, {REFUSED}" == refuse(files(), folder)
    assert f"'{folder / 'calibration-x.npy'}' holds pickled Python objects, {REFUSED}" == refuse(files(train=arrays()), folder)
    assert not trace.exists()

    assert [list(range(6))] * 4 == read_files(files(trust_pickles=True), folder).train.x.tolist()
    assert trace.exists()
    assert [list(range(6))] * 4 == read_files(files(train=arrays(), trust_pickles=True), folder).train.x.tolist()


def test_a_project_with_trusted_pickles_can_be_prepared(folder):
    """Arrays of a sample each, labels as Python's own numbers, names of groups."""
    np.savez(folder / "train.npz", x=objects(*X), y=objects(0, 1, 0, 1), group=objects("ann", "ann", "bob", "bob"))

    made = prepare(read_files(files(trust_pickles=True), folder), Preparation(calibration_samples=2))

    assert [(4, 6), (4,)] == [array.shape for array in made.parts["train"]]
    assert "float32" == made.parts["train"][0].dtype


def test_an_archive_that_claims_more_than_memory_holds_is_refused(folder):
    """A forged header: 4 PB of float32."""
    header = BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**15,)})
    with ZipFile(folder / "train.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue())
        archive.writestr("y.npy", header.getvalue())

    assert refuse(files(), folder).startswith("'train.npz' (train) can't be read: Unable to allocate 3.55 PiB")


def test_an_array_is_no_archive(folder):
    """Renamed by hand."""
    (folder / "calibration-x.npy").rename(folder / "train.npz")

    expected = f"'{folder / 'train.npz'}' holds one array without a name; expected arrays called x and y: write it with numpy.savez"
    assert expected == refuse(files(), folder)


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda path: path.unlink(), "No such file or directory"),
        (lambda path: path.write_bytes(b""), "EOF: reading magic string, expected 8 bytes got 0"),
        (lambda path: path.write_bytes(b"[1, 2, 3]"), "the magic string is not correct"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "mmap length is greater than file size"),
        (lambda path: path.write_bytes(path.with_name("train.npz").read_bytes()), "the magic string is not correct"),
    ],
)
def test_an_array_that_can_not_be_mapped_is_refused(write, told, folder):
    """Absent, empty, text, cut short, an archive."""
    path = folder / "calibration-x.npy"
    write(path)

    message = refuse(files(calibration=arrays()), folder)
    assert message.startswith(f"'{path}' can't be read as an array: ")
    assert told in message
    assert message.endswith("; write it with numpy.save, plain arrays only")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.data())
def test_a_damaged_file_is_read_or_refused(folder, data):
    """One byte changed anywhere: nothing but DataError, whatever zip, deflate and NumPy's header make of it."""
    np.savez_compressed(folder / "train.npz", x=X, y=Y)
    path = folder / data.draw(st.sampled_from(["train.npz", "test.npz", "calibration-y.npy"]))
    good = path.read_bytes()
    at = data.draw(st.integers(0, len(good) - 1))
    path.write_bytes(good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :])

    told = path.name
    try:
        read_files(files(calibration=arrays()), folder)
    except DataError as error:
        told = str(error)
    finally:
        path.write_bytes(good)

    assert path.name in told


def project(data) -> Project:
    return Project(name="p", baseline="model.keras", data=data, target="stm32f405")


def test_a_project_names_files_or_a_function(folder):
    """What the function gives isn't checked yet."""
    (folder / "source_of_these.py").write_text("def load():\n    return 'anything'\n", encoding="utf-8")

    assert isinstance(load_dataset(project(files()), folder), Dataset)
    assert load_dataset(project("source_of_these:load"), folder) == "anything"


def test_a_function_that_raises_is_told(folder):
    """With its line."""
    (folder / "source_that_raises.py").write_text("def load():\n    return {}['x']\n", encoding="utf-8")

    with pytest.raises(ProjectError, match=re.escape("'source_that_raises:load' raised KeyError: 'x' (source_that_raises.py, line 2)")):
        load_dataset(project("source_that_raises:load"), folder)


def test_an_anomaly_task_may_leave_out_the_truth_of_normal_parts(folder):
    """Of archives and of .npy files, but not of the test part."""
    np.savez(folder / "train.npz", x=X)
    said = {"train": "train.npz", "validation": {"x": "calibration-x.npy"}, "test": "test.npz"}
    project = Project(name="a", task="anomaly", baseline="a:b", target="stm32f405", data=said)

    made = prepare(load_dataset(project, folder), Preparation(kind=project.task))

    assert made.parts["train"][1].tolist() == made.parts["validation"][1].tolist() == [0, 0, 0, 0]
    with pytest.raises(ValidationError, match=r"data\.test\.y: missing; expected labels"):
        Project(name="a", task="anomaly", baseline="a:b", target="stm32f405", data=said | {"test": {"x": "calibration-x.npy"}})


def test_values_of_a_regression_come_from_files_with_their_unit(folder):
    """Labels name them, or nobody does."""
    for name in ("train", "validation", "test"):
        np.savez(folder / f"{name}.npz", x=X + len(name), y=np.array([[1.5, 2], [3, 4], [5, 6], [7, 8]]))

    made = prepare(read_files(files(labels=("speed", "torque"), target_unit="Nm"), folder), Preparation(kind="regression"))

    assert (made.labels, made.target_unit, made.parts["test"][1].shape) == (("speed", "torque"), "Nm", (4, 2))


def test_an_archive_that_unpacks_to_next_to_nothing_but_zeros_is_refused(folder, monkeypatch):
    """4 KiB for 4 MiB, where 1 MiB is let through; the same without packing is read, and so is what is smaller."""
    monkeypatch.setattr(source, "_UNSUSPICIOUS_BYTES", 1024**2)
    zeros = np.zeros((4, 1024, 1024), np.uint8)
    np.savez_compressed(folder / "train.npz", x=zeros, y=Y)
    with pytest.raises(DataError, match=r"train\.npz' has [\d.]+ KiB that unpack to 4 MiB, which no real samples do; expected numbers that differ"):
        read_files(files(), folder)

    np.savez_compressed(folder / "train.npz", x=zeros[:, :200], y=Y)
    assert 4 == len(read_files(files(), folder).train.x)
    np.savez(folder / "train.npz", x=zeros, y=Y)
    assert 4 == len(read_files(files(), folder).train.x)
