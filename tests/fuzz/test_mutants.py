"""Mutants are many, different, and always the same; a hunt in which all are refused at the gate would find nothing."""

from collections import Counter

import pytest

from emberflow.compiler.lower import LOWERINGS
from emberflow.graph import read_graph
from tests.fuzz.judge import judge
from tests.fuzz.mutants import PARTS, mutant
from tests.fuzz.seeds import SINGLE, seeds
from tests.models import tiny_tflite

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # test_fuzz.py says why


def test_every_operator_has_a_seed():
    """Named after it; a new lowering needs one here."""
    assert sorted(LOWERINGS) == sorted({name.split()[0] for name in SINGLE})
    assert [] == [name for name, model in SINGLE.items() if name.split()[0] not in {operator.name for operator in read_graph(model).operators}]


def test_converted_seeds_are_what_tensorflow_makes():
    """The operators of a fresh conversion; its bytes may differ from day to day."""
    for name in ("image", "signal"):
        fresh, kept = read_graph(tiny_tflite(name, "int8")), read_graph(seeds()[name])
        assert [operator.name for operator in fresh.operators] == [operator.name for operator in kept.operators]


def test_a_number_makes_always_the_same_mutant():
    """And another number another one."""
    assert [mutant(number).data for number in range(20)] == [mutant(number).data for number in range(20)]
    assert len({mutant(number).data for number in range(200)}) > 150


def test_mutants_come_through_and_are_refused():
    """A fifth of them at least, of each; all changes are made."""
    mutants = [mutant(number) for number in range(1500)]
    told = Counter(word for case in mutants for word in case.story.split(", ")[1:])
    verdicts = Counter(judge(case)[0] for case in mutants[:200])

    assert [] == [change.__name__ for change in PARTS if not told[change.__name__.lstrip("_")]]
    assert min(verdicts["compiled"], verdicts["refused"]) >= 40
