"""Data larger than the memory that any process of a run may have: from the files to the promoted version."""

import re
import resource
import shutil
import sys
from math import prod

import pytest
import yaml

from tests.stages.large import SHAPE, SOURCE, write_data

pytestmark = [
    pytest.mark.xdist_group("large"),
    pytest.mark.longest,
    pytest.mark.timeout(1000),
    pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts private memory on Linux alone"),
]

LIMIT_BYTES, SAMPLES = 2**30, 8000
COPIED = """
import numpy as np
from pathlib import Path

from emberflow.dataset import Dataset, Samples

FOLDER = Path(__file__).parent


def part(name):
    return Samples(np.load(FOLDER / f"{name}-raw.npy").astype(np.float32), np.load(FOLDER / f"{name}-truth.npy"))


def load():
    return Dataset(part("train"), part("validation"), part("test"), ("low", "high"))
"""


def limit_memory():
    """For the process that calls this and all that it starts; maps of files don't count."""
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three parts of 262 MB as int16, each twice as large as float32."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "large_model.py").write_text(SOURCE)
    (folder / "copied.py").write_text(COPIED)
    write_data(folder, SAMPLES)
    yield folder
    for path in folder.glob("*-raw.npy"):
        path.unlink()


@pytest.fixture
def home(tmp_path):
    """A home folder that is gone after the test: its store holds the float32."""
    yield tmp_path / "home"
    shutil.rmtree(tmp_path / "home")


@pytest.fixture
def run(folder, home, command):
    """A function that runs the project with such data in 1 GiB of private memory a process."""

    def run(data):
        settings = {
            "name": "large",
            "baseline": "large_model:model",
            "data": data,
            "training": {"epochs": 1, "batch_size": 64},
            "fine_tuning": {"epochs": 1},
            "recipes": ["float32", "int8", "prune50-int8", "qat-int8"],
            "target": "stm32f405",
            "budget": {"accuracy_drop": 0.9},
        }
        project = folder / "emberflow.yaml"
        project.write_text(yaml.safe_dump(settings))
        return command("run", str(project), "--home", str(home), preexec_fn=limit_memory, timeout=900)

    return run


def test_a_run_takes_data_larger_than_its_memory(run):
    """1.5 GB of float32 in 1 GiB a process: every variant is judged, the int8 ones on the chip, and a version is promoted."""
    assert 3 * SAMPLES * prod(SHAPE) * 4 > 1.4 * LIMIT_BYTES

    ended = run({**{name: {"x": f"{name}-raw.npy", "y": f"{name}-truth.npy"} for name in ("train", "validation", "test")}, "labels": ["low", "high"]})

    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = dict(re.findall(r"^★? +(\S+) +0\.\d+ .* (yes|-) +\S", ended.stdout, re.MULTILINE))
    assert rows == {"float32": "-", "int8": "yes", "prune50-int8": "yes", "qat-int8": "yes"}
    assert "promoted version 1" in ended.stdout


def test_a_copy_of_the_same_data_does_not_fit(run):
    """So the limit holds, and the run's last words name the function and the bytes."""
    ended = run("copied:load")

    assert ended.returncode == 2
    assert re.search(
        r"emberflow: 'copied:load' raised MemoryError: Unable to allocate 500\. MiB .*\(copied\.py, line 11\)", ended.stderr + ended.stdout
    )
