"""The stage that asks champion and new version the same samples: files in, a value out."""

import numpy as np

from emberflow.evaluate import micro
from emberflow.evaluate.contest import Ground, Rival
from emberflow.evaluate.contest import compete as compete_in_memory
from emberflow.measure import Measure
from emberflow.stages.contest import Arena, Entrant, compete
from tests.adapters.a_network import network

LABELS = ("PEN", "ABD", "ROW")


def test_files_say_what_arrays_say(tmp_path):
    """The same contest, and a line on how it went."""
    x = np.random.default_rng(1).normal(0, 3, (120, 8)).astype(np.float32)
    truth = micro.run(network(4), x).reshape(120, 3).argmax(axis=1)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", truth)
    entrants = []
    for middle in (4, 5):
        (tmp_path / f"{middle}.tflite").write_bytes(network(middle))
        entrants.append(Entrant(model=tmp_path / f"{middle}.tflite", standardization=None, labels=LABELS))
    facts = {"labels": LABELS, "standardization": None, "measure": Measure(name="accuracy"), "confidence": 0.9, "is_microcontroller": True}
    told = []

    contest = compete(*entrants, Arena(x=tmp_path / "x.npy", y=tmp_path / "y.npy", **facts), told.append)

    rivals = [Rival(network(middle), None, LABELS) for middle in (4, 5)]
    assert compete_in_memory(*rivals, Ground(x=x, truth=truth, **facts)) == contest
    assert [f"accuracy loss against the champion {contest.loss}"] == told


def test_a_refusal_is_told(tmp_path):
    """In the words of the contest."""
    np.save(tmp_path / "x.npy", np.zeros((4, 7), np.float32))
    np.save(tmp_path / "y.npy", np.zeros(4, np.int64))
    (tmp_path / "m.tflite").write_bytes(network(4))
    entrant = Entrant(model=tmp_path / "m.tflite", standardization=None, labels=LABELS)
    facts = {"labels": LABELS, "standardization": None, "measure": Measure(name="accuracy"), "confidence": 0.9, "is_microcontroller": True}
    told = []

    compete(entrant, entrant, Arena(x=tmp_path / "x.npy", y=tmp_path / "y.npy", **facts), told.append)

    assert ["can't be compared: it takes samples of shape 8, and the data are of shape 7 now"] == told
