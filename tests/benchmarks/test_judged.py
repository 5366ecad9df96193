"""Each architecture of MLPerf Tiny through the whole chain in each form that it may come in: the same size, verdict and proof."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from emberflow.record import Record


@pytest.fixture(scope="module")
def judged(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    """benchmarks/judged.py."""
    return benchmark("judged")


def run(project: Path, home: Path) -> Record:
    """The flow that `emberflow run` starts."""
    from flows.retrain_to_deploy import retrain_to_deploy
    from flows.settings import RunConfig

    return retrain_to_deploy(RunConfig(project=str(project), home=str(home)))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all: data are made and prepared once."""
    return tmp_path_factory.mktemp("judged")


@pytest.mark.longest
@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.xdist_group("flows")
@pytest.mark.parametrize("name", ["ds_cnn", "resnet_8", "mobilenet", "autoencoder"])
def test_a_model_is_judged_alike_in_whatever_form_it_comes(name: str, judged: ModuleType, place: Path, prefect_api: Path, monkeypatch: Any) -> None:
    """int8 sizes within 2 %, int8 fits and float32 doesn't, and the firmware equals TFLM in each form."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    found = judged.judge(name, place, run)
    sizes = [each.int8_bytes for each in found]

    assert ["Keras 2", "Keras 3", "SavedModel"] == [each.form for each in found]
    assert max(sizes) <= 1.02 * min(sizes)
    assert [True] * 3 == [each.is_proven for each in found]
    assert ["fits"] * 3 == [each.verdicts["int8"] for each in found]
    assert judged.are_alike(found)


def one(judged: ModuleType, form: str, **other: Any) -> Any:
    fields = {
        "name": "tiny",
        "form": form,
        "int8_bytes": 1234,
        "verdicts": {"float32": "flash", "int8": "fits"},
        "champion": "int8",
        "is_proven": True,
    }
    return judged.Judged(**(fields | other))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({}, "judged alike"),
        ({"int8_bytes": 2000}, "judged alike"),
        ({"verdicts": {"int8": "ram"}}, "JUDGED DIFFERENTLY"),
        ({"champion": "float32"}, "JUDGED DIFFERENTLY"),
        ({"is_proven": False}, "JUDGED DIFFERENTLY"),
    ],
)
def test_a_different_verdict_is_told(other: dict[str, Any], words: str, judged: ModuleType) -> None:
    """Sizes are another promise's matter."""
    table = list(judged.lines([one(judged, "Keras 2"), one(judged, "SavedModel", **other)]))

    assert f"tiny: {words}" == table[-1]
    assert "tiny          Keras 2          1,234  float32 flash; int8 fits          int8      yes" == table[1]
