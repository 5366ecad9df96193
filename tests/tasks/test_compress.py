"""When a compression step runs again: for another model, and not because that one was measured on other data."""

from pathlib import Path
from types import SimpleNamespace

from emberflow.artifact import Artifact, Kind, digest
from emberflow.recipe import Prune
from emberflow.training import FineTuning, Training
from emberflow.variant import Quality
from tasks import compress
from tasks.products import Compressed, Trained

SPLITS = SimpleNamespace(train="t", validation="v", standardization=None, target=None)


def blob(text):
    return Artifact(sha256=digest(text.encode()), size_bytes=1, kind=Kind.KERAS)


def facts(before):
    plan = compress.Plan(training=Training(), fine_tuning=FineTuning(), folder=Path())
    return compress._facts({"plan": plan, "splits": SPLITS, "before": before, "steps": (Prune(70),)})


def trained(model, predictions, score):
    quality = Quality(runtime="Keras", samples=10, scores={"accuracy": score})
    return Trained(model=blob(model), predictions=blob(predictions), parameters=1, quality=quality, curve=None)


def test_a_baseline_that_is_the_same_is_not_compressed_anew_for_another_test_part():
    """Its predictions and its accuracy are others then; its bytes decide, and so do notes, which are handed on."""
    assert facts(trained("a", "of the old test part", 0.9)) == facts(trained("a", "of the new one", 0.8))
    assert facts(trained("a", "p", 0.9)) != facts(trained("b", "p", 0.9))
    assert facts(Compressed(model=blob("a"), notes=())) != facts(Compressed(model=blob("a"), notes=("left alone",)))
