"""What was decided is carried out in a real MLflow, under a real Prefect API; who comes second sees it."""

import pytest

from emberflow.adapters.registry import Registry
from emberflow.adapters.tracking import Tracker
from emberflow.adapters.tracking_client import connect
from emberflow.gate import Decision, Outcome
from emberflow.version import Aliases, Standing
from tests.adapters.a_registry import register

pytestmark = [pytest.mark.xdist_group("flows")]


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """Three versions, of which the first serves."""
    registry = Registry(Tracker.local(tmp_path_factory.mktemp("mlflow")), "watch")
    for middle in (4, 5, 6):
        register(registry, middle)
    registry.promote(1, None)
    return registry


def carried_out(registry, outcome, version, champion=1):
    from prefect import flow

    from tasks.promote import carry_out

    @flow
    def run():
        return carry_out(registry, Decision(outcome=outcome, sentence=f"{outcome} {version}", version=version, champion=champion))

    return run()


def test_each_outcome_moves_the_names_and_describes_the_version(prefect_api, registry):
    """Kept, then rejected, then promoted, then one that comes too late, then nothing new."""
    carried_out(registry, Outcome.KEPT, 2)
    assert Aliases(champion=1, challenger=2) == registry.aliases()

    carried_out(registry, Outcome.REJECTED, 2)
    assert (Aliases(champion=1), Standing.REJECTED) == (registry.aliases(), registry.version(2).standing)

    done = carried_out(registry, Outcome.PROMOTED, 3)
    assert ("promoted 3", Aliases(champion=3, previous=1)) == (done.sentence, registry.aliases())
    assert done == carried_out(registry, Outcome.PROMOTED, 3)  # a retry
    assert "**watch: promoted 3**" == connect(registry.tracker.uri).mlflow.get_model_version("watch", "3").description.strip()

    late = carried_out(registry, Outcome.PROMOTED, 2)
    words = "version 2 was to become champion when version 1 was, but by now it is version 3; compare it with that one"
    assert (Outcome.KEPT, f"kept version 1: {words}", 3) == (late.outcome, late.sentence, late.champion)
    assert Aliases(champion=3, challenger=2, previous=1) == registry.aliases()

    carried_out(registry, Outcome.UNCHANGED, 3, 3)
    assert Aliases(champion=3, challenger=2, previous=1) == registry.aliases()
