"""Mutants of real Keras files: each becomes a model or is refused in words, and none takes the process with it."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.fuzz.keras_mutants import mutant

pytestmark = [pytest.mark.xdist_group("tensorflow"), pytest.mark.long]

MUTANTS = int(os.environ.get("EMBERFLOW_KERAS_MUTANTS", "300"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small model with a nested one, an Embedding, a merge and an activation that is composed, in all four forms."""
    from emberflow.keras_bridge import to_keras_2
    from emberflow.keras_bridge.which import keras_3

    three, path = keras_3(), tmp_path_factory.mktemp("seeds")
    layers = three.layers
    words, signal = three.Input((4,), name="words"), three.Input((8, 2), name="signal")
    inner = three.Sequential([three.Input((8, 2)), layers.Conv1D(3, 3, activation="hard_silu"), layers.GlobalAveragePooling1D()], name="inner")
    looked_up = layers.Flatten()(layers.Embedding(5, 2)(words))
    merged = layers.BatchNormalization()(layers.Concatenate()([looked_up, inner(signal)]))
    newer = three.Model([words, signal], layers.Dense(2, "softmax")(merged))
    older = to_keras_2(newer)
    for ending in ("keras", "h5"):
        newer.save(path / f"seed3.{ending}")
        older.save(path / f"seed2.{ending}")
    return path


def test_a_number_makes_always_the_same_mutant(folder: Path) -> None:
    """And another number another one."""
    seeds = {path.name: path.read_bytes() for path in folder.iterdir() if path.name.startswith("seed")}

    made = [mutant(number, seeds) for number in range(100)]

    assert made == [mutant(number, seeds) for number in range(100)]
    assert len({data for _, data in made}) > 90


def test_each_mutant_is_loaded_or_refused(folder: Path) -> None:
    """In a process of their own; EMBERFLOW_KERAS_MUTANTS=10000 for a long hunt."""
    command = [sys.executable, "-m", "tests.fuzz.keras_mutants", str(folder), "0", str(MUTANTS)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=3600)

    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    begun = {number for number, _, verdict in lines if verdict == "begun"}
    ended = {number: (name, verdict) for number, name, verdict in lines if verdict != "begun"}
    verdicts = Counter(verdict for _, verdict in ended.values())
    assert {number: what for number, what in ended.items() if what[1] not in ("loaded", "refused")} == {}
    assert begun - set(ended) == set(), f"the process ended in this mutant: {done.stderr[-2000:]}"
    assert len(ended) == MUTANTS
    assert min(verdicts["loaded"], verdicts["refused"]) > MUTANTS // 10
