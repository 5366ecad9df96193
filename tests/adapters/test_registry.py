"""Versions and aliases in a real MLflow over SQLite; two real processes that promote at once."""

import os
import subprocess
import sys

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, PERMISSION_DENIED

from emberflow.adapters.mlflow_tflite import load_model
from emberflow.adapters.registry import Registry
from emberflow.adapters.tracking import Tracker
from emberflow.adapters.tracking_client import connect
from emberflow.errors import Overtaken, ProjectError, RegistryError, TrackingError
from emberflow.version import Alias, Aliases, Standing
from tests.adapters.a_network import network
from tests.adapters.a_registry import log, origin, register

WRITES = ("set_model_version_tag", "set_registered_model_alias", "delete_registered_model_alias")


@pytest.fixture(scope="module")
def tracker(tmp_path_factory):
    return Tracker.local(tmp_path_factory.mktemp("mlflow"))


@pytest.fixture(scope="module")
def models(tracker):
    """Three logged models, by the hidden units of their networks: ids of run, record, model."""
    return {middle: log(tracker, network(middle)) for middle in (4, 5, 6)}


@pytest.fixture
def registry(tracker, request):
    """A registry of its own for each test, in one store."""
    return Registry(tracker, "p" + str(abs(hash(request.node.name))))


@pytest.fixture
def three(registry, models):
    """Three versions: 1 was champion before 2, and 3 waits."""
    for middle in (4, 5, 6):
        add(registry, models, middle)
    registry.promote(1, None)
    registry.promote(2, 1)
    return registry


def add(registry, models, middle, **changes):
    from emberflow.version import Entry

    ids, _, model_id = models[middle]
    told = {"recipe": "int8", "origin": origin(network(middle)), "flow_run": "f1", "experiment_id": ids.experiment_id, "mlflow_run": ids.run_id}
    return registry.register(Entry(**told | changes), model_id, {"accuracy": 0.818, "flash_bytes": 76152.0})


def mlflow_of(registry):
    return connect(registry.tracker.uri).mlflow


def test_a_version_holds_the_bytes_of_its_model_and_says_where_it_came_from(registry, models):
    """Source, recipe, target, three digests, three runs, and every figure as a tag."""
    version = add(registry, models, 4)

    found = mlflow_of(registry).get_model_version(registry.project, "1")
    ids, _, model_id = models[4]
    assert (1, Standing.WAITING, None) == (version.number, version.standing, version.replaced)
    assert (f"models:/{model_id}", model_id) == (found.source, version.model_id)
    assert {"recipe": "int8", "target": "m4", "accuracy": "0.818", "flash_bytes": "76152", "prefect.flow_run_id": "f1"}.items() <= found.tags.items()
    assert origin(network(4)) == version.origin
    assert ids.run_id == version.mlflow_run
    assert version == registry.version(1)


def test_mlflows_global_address_is_as_it_was(registry, models, monkeypatch):
    """MLflow's SQL store asks it for the model; somebody else may have set it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")

    add(registry, models, 4)

    assert "http://127.0.0.1:9" == os.environ["MLFLOW_TRACKING_URI"] == mlflow.get_tracking_uri()


def test_mlflow_loads_the_champion_by_its_name(three, tracker, monkeypatch):
    """`models:/<project>@champion`, as anybody would."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracker.uri)

    assert network(5) == load_model(f"models:/{three.project}@champion").bytes


def test_figures_of_a_variant_become_tags(tracker):
    """Those that MLflow's nested run has, accuracy and bytes among them."""
    registry = Registry(tracker, "watch")

    register(registry, 7)

    tags = mlflow_of(registry).get_model_version("watch", "1").tags
    assert {"accuracy", "accuracy_drop", "file_bytes", "flash_bytes", "ram_bytes", "host_latency_us"} <= tags.keys()


def test_before_the_first_version_nobody_has_a_name(registry):
    """No registered model is made by looking."""
    assert Aliases() == registry.aliases() == registry.settle()
    assert registry.holder(Alias.CHAMPION) is None
    assert registry.find(origin(network(4))) is None
    assert mlflow_of(registry).search_registered_models(f"name = '{registry.project}'") == []


def test_the_same_origin_is_found_and_a_version_that_waits_is_taken_up_again(registry, models):
    """One version, with the newer run's ids; other data make another."""
    add(registry, models, 4)

    again = add(registry, models, 4, flow_run="f2")
    other = add(registry, models, 4, origin=origin(network(4), "newer data"))

    assert (1, "f2") == (again.number, again.flow_run)
    assert 2 == other.number
    assert 1 == registry.find(origin(network(4))).number


def test_promotions_move_the_three_names(three):
    """The champion that was is the previous; who waited as challenger no longer does."""
    assert Aliases(champion=2, previous=1) == three.aliases()

    three.keep(3)
    assert Aliases(champion=2, challenger=3, previous=1) == three.aliases()
    assert Standing.KEPT is three.version(3).standing

    three.promote(3, 2)
    assert Aliases(champion=3, previous=2) == three.aliases()
    assert Standing.PROMOTED is three.version(3).standing


def test_who_was_champion_can_be_it_again(three):
    """A roll-back is a promotion of the previous; a second one undoes the first."""
    three.promote(1, 2)
    assert Aliases(champion=1, previous=2) == three.aliases()

    three.promote(2, 1)
    assert Aliases(champion=2, previous=1) == three.aliases()


def test_a_rejected_version_is_no_challenger(three):
    """And registered again it is a new version: what a person turned down stays so."""
    three.keep(3)

    three.reject(3)

    assert Aliases(champion=2, previous=1) == three.aliases()
    assert three.version(3).standing.is_final


def test_a_description_is_kept(three):
    """As Markdown, where MLflow's page of the version shows it."""
    three.describe(3, "**kept**")

    assert "**kept**" == mlflow_of(three).get_model_version(three.project, "3").description


def crash_after(patch, mlflow, writes):
    """Let `writes` of them happen, and no more."""
    left = [writes]

    def cut(real):
        def write(*arguments, **keywords):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return real(*arguments, **keywords)

        return write

    for name in WRITES:
        patch.setattr(mlflow, name, cut(getattr(mlflow, name)))


@pytest.mark.parametrize("writes", range(5))
def test_a_crash_between_two_writes_leaves_a_whole_champion_and_the_next_call_finishes(three, writes):
    """A promotion makes five writes: the replaced one's tag, champion, previous, challenger, standing. The second decides."""
    three.keep(3)

    with pytest.MonkeyPatch.context() as patch:
        crash_after(patch, mlflow_of(three), writes)
        with pytest.raises(KeyboardInterrupt):
            three.promote(3, 2)

    assert (2 if writes < 2 else 3) == three.aliases().champion
    settled = Aliases(champion=2, challenger=3, previous=1) if writes < 2 else Aliases(champion=3, previous=2)
    assert settled == three.settle()
    assert (Standing.KEPT if writes < 2 else Standing.PROMOTED) is three.version(3).standing


def test_five_writes_are_all_that_a_promotion_makes(three):
    """So the test above cuts between every two."""
    three.keep(3)

    with pytest.MonkeyPatch.context() as patch:
        crash_after(patch, mlflow_of(three), 5)
        three.promote(3, 2)

    assert Aliases(champion=3, previous=2) == three.aliases()


def test_who_was_compared_with_a_champion_of_yesterday_is_not_promoted(three):
    """Compare and swap: the names stay."""
    with pytest.raises(Overtaken, match="version 3 was to become champion when version 1 was, but by now it is version 2; compare it with that one"):
        three.promote(3, 1)
    with pytest.raises(Overtaken, match="version 3 was to become champion when there was none, but by now it is version 2"):
        three.promote(3, None)

    assert Aliases(champion=2, previous=1) == three.aliases()


PROMOTE = """
import sys, time
from emberflow.adapters.registry import Registry
from emberflow.adapters.tracking import Tracker
from emberflow.errors import Overtaken
from pathlib import Path
registry = Registry(Tracker.local(Path(sys.argv[1])), sys.argv[2])
registry.aliases()
print("ready", flush=True)
sys.stdin.readline()
try:
    registry.promote(int(sys.argv[3]), 1)
    print("promoted")
except Overtaken as error:
    print(error)
"""


@pytest.mark.slow
def test_of_two_processes_that_promote_at_once_one_wins_and_the_other_sees_it(registry, models, tracker):
    """Both have compared theirs with version 1."""
    for middle in (4, 5, 6):
        add(registry, models, middle)
    registry.promote(1, None)
    home = str(tracker.artifacts.parent)
    both = [
        subprocess.Popen([sys.executable, "-c", PROMOTE, home, registry.project, number], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in ("2", "3")
    ]
    for process in both:
        assert "ready\n" == process.stdout.readline()
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[0].strip() for process in both]

    champion = registry.aliases().champion
    loser = 5 - champion
    assert f"version {loser} was to become champion when version 1 was, but by now it is version {champion}; compare it with that one" in said
    assert "promoted" in said
    assert Aliases(champion=champion, previous=1) == registry.aliases()


def test_the_champion_can_not_replace_itself(three):
    """It would be its own previous."""
    with pytest.raises(RegistryError, match=r"received version 2 of 'p\d+', which is the champion already; expected another one"):
        three.promote(2, 2)


def test_a_version_that_is_not_there_is_told_with_those_that_are(three, registry):
    """By number."""
    with pytest.raises(RegistryError, match=r"received version 9 of 'p\d+'; expected one of 1, 2, 3: see MLflow's page of the model"):
        three.version(9)


def test_a_version_of_somebody_else_is_not_taken_for_ours(three):
    """An alias that was set by hand in MLflow's page."""
    client = mlflow_of(three)
    client.create_model_version(three.project, "file:///somewhere")
    client.set_registered_model_alias(three.project, "champion", "4")

    with pytest.raises(
        RegistryError, match=r"version 4 of 'p\d+' has no tag emberflow.model_digest, .*; expected a version that Emberflow registered"
    ):
        three.holder(Alias.CHAMPION)


def test_a_registry_that_does_not_answer_is_told_in_the_words_of_tracking(monkeypatch):
    """Port 9 is nobody's."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    with pytest.raises(TrackingError, match=r"MLflow at http://127.0.0.1:9 doesn't answer; start the server or check the address"):
        Registry(Tracker("http://127.0.0.1:9"), "watch").aliases()


def test_what_mlflow_refuses_is_told_in_its_words(three, monkeypatch):
    """A version that it can't read for a reason of its own."""

    def refuse(*_):
        raise MlflowException("its words", error_code=INVALID_PARAMETER_VALUE)

    monkeypatch.setattr(mlflow_of(three), "get_model_version", refuse)

    with pytest.raises(ProjectError, match="refused: its words"):
        three.version(1)


def test_a_name_that_may_not_be_asked_for_is_told(three, monkeypatch):
    """And not taken for one that nobody has."""

    def refuse(*_):
        raise MlflowException("its words", error_code=PERMISSION_DENIED)

    monkeypatch.setattr(mlflow_of(three), "get_model_version_by_alias", refuse)

    with pytest.raises(ProjectError, match="refused: its words"):
        three.aliases()


def test_two_that_make_the_model_at_once_find_one(registry, models, monkeypatch):
    """The second is told that it is there already, and goes on."""
    add(registry, models, 4)
    monkeypatch.setattr(Registry, "_exists", lambda *_: False)  # as it was before the other one made it

    assert 2 == add(registry, models, 5).number


def test_a_name_that_mlflow_does_not_allow_is_told(tracker, models):
    """A project's name can't hold a slash; a registry that is asked for one says so."""
    with pytest.raises(ProjectError, match="refused"):
        add(Registry(tracker, "a/b"), models, 4)


def test_a_logged_model_that_is_not_there_is_told(tracker, models):
    """Before anything is registered."""
    with pytest.raises(RegistryError, match="has no model of the recipe 'uint8'; log the variant before it is registered"):
        tracker.find_model(models[4][0], "uint8")
