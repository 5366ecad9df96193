"""The digits example: real images through the whole chain, with a few of its recipes."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from emberflow.dataset import prepare
from emberflow.project import read_project
from emberflow.stages.prepare import preparation_of

FOLDER = Path(__file__).parents[2] / "examples" / "digits"
PROJECT = read_project(FOLDER / "emberflow.yaml")


def test_data_need_no_warning():
    """No image is in two parts, every digit is in each."""
    made = prepare(runpy.run_path(str(FOLDER / "digits.py"))["load"](), preparation_of(PROJECT))

    assert made.warnings == ()
    assert {name: len(x) for name, (x, _) in made.parts.items() if name in ("train", "validation", "test")} == {
        "train": 1197,
        "validation": 200,
        "test": 400,
    }
    assert made.parts["train"][0].shape[1:] == (8, 8, 1)


@pytest.fixture(scope="module")
def record(prefect_api, tmp_path_factory):
    """The record of a run with two of the recipes."""
    from flows.retrain_to_deploy import retrain_to_deploy
    from flows.settings import RunConfig

    home = tmp_path_factory.mktemp("home")
    return retrain_to_deploy(RunConfig(project=str(FOLDER / "emberflow.yaml"), recipes="int8,prune70-int8", home=str(home)))


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.xdist_group("flows")
def test_the_digits_are_read_on_the_chip(record):
    """By the C on the emulated Cortex-M3, every byte as TFLM has it; the champion keeps within 32 KiB and 8 KiB."""
    champion = record.variant(record.choice.champion)

    assert record.baseline.quality.scores["accuracy"] > 0.93
    assert champion.firmware.on_chip.is_proven
    assert champion.firmware.quality.scores == champion.evaluation.quality.scores
    assert champion.verdict.footprint.flash_bytes < 32 * 1024
    assert champion.verdict.footprint.ram_bytes < 8 * 1024


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.xdist_group("flows")
def test_pruned_images_take_less_flash(record):
    """The zeros stay packed, in convolutions of two dimensions too."""
    plain, pruned = record.variant("int8"), record.variant("prune70-int8")

    assert pruned.verdict.footprint.flash_bytes < plain.verdict.footprint.flash_bytes
    assert pruned.evaluation.size.sparsity > 0.65
    assert np.shape(pruned.evaluation.quality.confusion) == (10, 10)
