"""Register, compare, promote or keep: the tiny project retrained again and again, with a real Prefect API, a real MLflow store and real workers."""

import time
from collections import Counter

import pytest
import yaml
from mlflow.tracking import MlflowClient

from emberflow.adapters.registry import Registry
from emberflow.adapters.tracking import Tracker
from emberflow.bundle import verify_files
from emberflow.errors import RegistryError
from emberflow.gate import Outcome
from emberflow.runs import bundle_folder, last_record, read_decision, run_folder
from emberflow.version import Aliases, Standing
from tests.flows.test_retrain_to_deploy import client, run

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow]

GATED = {"name": "gated", "recipes": ["int8"]}
POOR = {"epochs": 1, "batch_size": 32, "learning_rate": 1e-6}
STAGES_OF_INT8 = {"train": 1, "convert": 1, "evaluate": 2, "compile": 1, "run_on_chip": 1}  # evaluate: measured, and timed on this machine
LAX = {"allowance": 1.0, "class_recall_drop": 1.0, "widest_interval": 1.0}


@pytest.fixture(scope="module")
def registry(home):
    return Registry(Tracker.local(home), "gated")


@pytest.fixture(scope="module")
def start(prefect_api, write_project, home):
    """A function that runs the project with some settings and rules changed; the record and the gate's decision."""

    def start(rules=None, **changes):
        path = write_project(**GATED | changes)
        if rules:
            (path.parent / "promotion.yaml").write_text(yaml.safe_dump(rules))
        record = run(path, home)
        return record, read_decision(home, record)

    return start


@pytest.fixture(scope="module")
def first(start):
    return start()


@pytest.fixture(scope="module")
def again(first, start):
    return start()


@pytest.fixture(scope="module")
def forced(again, prefect_api, write_project, home):
    """A run that takes nothing from the cache; the record, the decision, and how many results of each stage it wrote."""
    before = time.time_ns()
    record = run(write_project(**GATED), home, force=True)
    written = Counter(path.name.split("-")[0] for path in prefect_api.iterdir() if path.is_file() and path.stat().st_mtime_ns > before)
    return record, read_decision(home, record), written


@pytest.fixture(scope="module")
def worse(forced, start):
    return start(training=POOR)


@pytest.fixture(scope="module")
def other(worse, start):
    return start(target="stm32g071")


def flow_state(record, home, prefect_api):
    from prefect.client.orchestration import get_client

    tags = client(home).get_run(record.provenance.mlflow_run_id).data.tags
    with get_client(sync_client=True) as prefect:
        return prefect.read_flow_run(tags["prefect.flow_run_id"]).state.type.value


def test_the_first_version_is_promoted_because_it_fits(first, registry):
    """Nobody to be compared with; its firmware was proven."""
    record, decision = first

    assert "promoted version 1: it is the first, and fits stm32f405" == decision.sentence
    version = registry.version(1)
    assert (record.origin("int8"), "int8", Standing.PROMOTED) == (version.origin, version.recipe, version.standing)
    assert record.provenance.mlflow_run_id == version.mlflow_run


def test_an_unchanged_run_registers_nothing_new_and_says_so(again, registry):
    """The champion stays, and the registry has one version."""
    assert "nothing new: version 1, the champion, has the same model, data and code" == again[1].sentence
    assert ["1"] == [str(found.version) for found in MlflowClient(registry.tracker.uri).search_model_versions("name = 'gated'")]


def test_a_forced_run_makes_everything_again_and_registers_nothing_new(forced, again, registry):
    """Every stage of the recipe; the model is the same byte for byte."""
    record, decision, written = forced

    assert STAGES_OF_INT8 == {stage: written[stage] for stage in STAGES_OF_INT8}
    assert again[0].variant("int8").model == record.variant("int8").model
    assert "nothing new: version 1, the champion, has the same model, data and code" == decision.sentence
    assert ["1"] == [str(found.version) for found in MlflowClient(registry.tracker.uri).search_model_versions("name = 'gated'")]


def test_a_worse_one_is_kept_as_challenger_and_the_flow_ends_green(worse, registry, home, prefect_api):
    """In one epoch of tiny steps it learns nothing; the sentence says what it loses."""
    record, decision = worse

    assert Outcome.KEPT is decision.outcome
    assert decision.sentence.startswith("kept version 1: version 2 loses 0.")
    assert decision.sentence.endswith("of accuracy")
    assert "COMPLETED" == flow_state(record, home, prefect_api)
    assert Standing.KEPT is registry.version(2).standing
    assert 120 == decision.contest.samples


def test_the_champion_is_asked_the_test_part_as_it_is_now(worse, first):
    """The same test samples as in its own run, so the same accuracy, of its bytes from the registry."""
    assert first[0].variant("int8").evaluation.quality.scores["accuracy"] == worse[1].contest.champion
    assert worse[0].variant("int8").evaluation.quality.scores["accuracy"] == worse[1].contest.challenger


def test_the_gates_report_is_everywhere(worse, registry, home, prefect_api):
    """In the run's folder, the bundle, MLflow's files, the registry's description and Prefect's artifacts: the same text."""
    from prefect.client.orchestration import get_client

    record, decision = worse
    run_id = record.provenance.run_id
    bundle = bundle_folder(home, "gated", run_id)
    text = (run_folder(home, "gated", run_id) / "gate.md").read_text()

    assert decision.sentence in text
    assert "gate.md" in verify_files(bundle).files
    assert text == (bundle / "gate.md").read_text()
    assert text.strip() == MlflowClient(registry.tracker.uri).get_model_version("gated", "2").description.strip()
    assert "gate.md" in {file.path for file in client(home).list_artifacts(record.provenance.mlflow_run_id)}
    with get_client(sync_client=True) as prefect:
        artifacts = [each for each in prefect.read_artifacts() if each.key == "gate-gated"]
    assert text in [artifact.data for artifact in artifacts]


def test_one_that_is_as_good_is_promoted(other, registry):
    """The same model on another chip is another version; who was champion is previous, and the challenger of before still waits."""
    assert "promoted version 3: accuracy 1.0000 against 1.0000 of version 1, a gain of 0.000 +- 0.016" == other[1].sentence
    assert Aliases(champion=3, challenger=2, previous=1) == registry.aliases()


def test_one_that_was_kept_is_compared_again_when_the_rules_change(other, start, registry):
    """The same version, not a new one; the promotion.yaml beside the project bears any loss."""
    _, decision = start(LAX, training=POOR)

    assert decision.sentence.startswith("promoted version 2: accuracy ")
    assert Aliases(champion=2, previous=3) == registry.aliases()


def test_a_former_champion_does_not_come_back_by_itself(other, start, registry):
    """An unchanged run after a roll-back must not undo it."""
    _, decision = start()

    assert "nothing new: version 1, which was champion before, has the same model, data and code" == decision.sentence


def test_altered_bytes_of_the_champion_end_the_run(other, start, registry, home):
    """The run fails, is closed as failed in MLflow, and the champion keeps its name."""
    champion = registry.aliases().champion
    location = MlflowClient(registry.tracker.uri).get_logged_model(registry.version(champion).model_id).artifact_location
    model = next((home / "mlflow-artifacts").rglob(f"{location.split('/models/')[1]}/model.tflite"))
    data = model.read_bytes()
    model.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    with pytest.raises(RegistryError, match=f"the bytes of version {champion} of 'gated' were altered"):
        start(target="stm32h743")

    model.write_bytes(data)
    assert "FAILED" == client(home).get_run(last_record(home, "gated").provenance.mlflow_run_id).info.status
    assert champion == registry.aliases().champion
