"""Publish, roll back, promote by hand: the tiny project's versions, with a real Prefect API, a real MLflow store and a real folder to publish to."""

import pytest

from emberflow.adapters.publisher import Publisher, fetch_published
from emberflow.adapters.registry import Registry
from emberflow.adapters.tracking import Tracker
from emberflow.errors import ProjectError, RegistryError
from emberflow.gate import Outcome
from emberflow.runs import read_decision
from emberflow.signing import read_public
from emberflow.version import Aliases
from tests.flows.test_deploy import POOR
from tests.flows.test_retrain_to_deploy import run

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def registry(home):
    return Registry(Tracker.local(home), "shipped")


@pytest.fixture(scope="module")
def shipped(place):
    """The settings of the project."""
    return {"name": "shipped", "recipes": ["int8"], "publish": str(place / "out"), "signing_key": str(place / "my.key")}


@pytest.fixture(scope="module")
def two(prefect_api, write_project, home, shipped):
    """Two versions, promoted and published one after the other: the same model on two chips."""
    for target in ("stm32f405", "stm32g071"):
        record = run(write_project(**shipped, target=target), home)
    return read_decision(home, record)


def published(place, folder):
    return fetch_published(str(place / "out"), read_public(place / "my.key.pub"), folder)


def config(write_project, home, shipped, **more):
    return {"project": str(write_project(**shipped)), "home": str(home), **more}


def test_a_promotion_is_published(two, place, tmp_path):
    """The champion's own bundle, with the gate's report in it."""
    index = published(place, tmp_path / "got")

    assert (2, [1, 2]) == (index.champion, [each.version for each in index.versions])
    assert two.sentence in (tmp_path / "got" / "gate.md").read_text()


def test_a_version_that_was_not_published_is_made_up_for(two, place, write_project, home, shipped, tmp_path):
    """The publication failed after the promotion: the next run, which makes nothing new, publishes."""
    key = place / "my.key"
    fallen = Publisher(str(place / "fallen"), key)
    run(write_project(**shipped | {"publish": str(place / "fallen")}, target="stm32g071"), home)

    assert 2 == fallen.read().champion


def test_a_roll_back_brings_the_one_before_back_and_publishes_it(two, place, registry, write_project, home, shipped, tmp_path):
    """A second one undoes it."""
    from flows.roll_back import roll_back
    from flows.settings import VersionConfig

    said = roll_back(VersionConfig(**config(write_project, home, shipped)))

    assert "rolled back to version 1: version 2 is the previous one now" == said
    assert Aliases(champion=1, previous=2) == registry.aliases()
    assert 1 == published(place, tmp_path / "got").champion

    roll_back(VersionConfig(**config(write_project, home, shipped)))
    assert Aliases(champion=2, previous=1) == registry.aliases()


def test_a_roll_back_to_an_altered_bundle_changes_nothing(two, place, registry, write_project, home, shipped):
    """It is verified before the name moves."""
    from flows.roll_back import roll_back
    from flows.settings import VersionConfig

    version = registry.version(1)
    (card,) = (home / "mlflow-artifacts").rglob(f"{version.mlflow_run}/artifacts/bundle/model_card.md")
    before = card.read_text()
    card.write_text("other words")

    with pytest.raises(RegistryError, match=r"the bundle of version 1 of 'shipped' is not what was registered: .*changed: model_card\.md"):
        roll_back(VersionConfig(**config(write_project, home, shipped)))

    card.write_text(before)
    assert Aliases(champion=2, previous=1) == registry.aliases()


def test_a_version_may_be_promoted_by_hand_through_the_gate(two, place, registry, write_project, home, shipped, tmp_path):
    """It is compared with the champion on the test part as it is now."""
    from flows.promote_variant import PromoteConfig, promote_variant

    decision = promote_variant(PromoteConfig(**config(write_project, home, shipped, version=1)))

    assert "promoted version 1: accuracy 1.0000 against 1.0000 of version 2, a gain of 0.000 +- 0.016" == decision.sentence
    assert Aliases(champion=1, previous=2) == registry.aliases()
    assert 1 == published(place, tmp_path / "got").champion


def test_the_gate_keeps_a_worse_one_until_it_is_forced(two, registry, write_project, home, shipped):
    """The sentence says that it was forced, and what the gate said."""
    from flows.promote_variant import PromoteConfig, promote_variant

    run(write_project(**shipped, training=POOR), home)
    champion = registry.aliases().champion

    kept = promote_variant(PromoteConfig(**config(write_project, home, shipped, version=3)))
    assert Outcome.KEPT is kept.outcome
    assert champion == registry.aliases().champion

    forced = promote_variant(PromoteConfig(**config(write_project, home, shipped, version=3, force=True)))
    assert f"promoted version 3: by hand, against the gate, which {kept.sentence}" == forced.sentence
    assert 3 == registry.aliases().champion


def test_the_champion_can_not_be_promoted(two, registry, write_project, home, shipped):
    """It is told at once."""
    from flows.promote_variant import PromoteConfig, promote_variant

    champion = registry.aliases().champion
    with pytest.raises(RegistryError, match=f"received version {champion} of 'shipped', which is the champion already"):
        promote_variant(PromoteConfig(**config(write_project, home, shipped, version=champion)))


def test_without_a_version_before_there_is_nothing_to_roll_back_to(prefect_api, write_project, home):
    """None serves yet."""
    from flows.roll_back import roll_back
    from flows.settings import VersionConfig

    with pytest.raises(RegistryError, match="'fresh' has nothing to roll back to: no version serves yet; promote another one by hand"):
        roll_back(VersionConfig(project=str(write_project(name="fresh")), home=str(home)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signing_key": None}, r"and no key to sign with; make one with `emberflow key my.key`"),
        ({"signing_key": "missing.key"}, r"can't read the key '.*missing.key'"),
        ({"publish": "s4://bucket"}, r"received publish: 's4://bucket'; expected a folder, or an address such as s3://bucket/watch\."),
    ],
)
def test_a_place_that_can_not_be_published_to_is_told_before_anything_runs(write_project, shipped, tmp_path, changes, words):
    """Not even the home folder is made."""
    from flows.settings import RunConfig, set_up

    with pytest.raises(ProjectError, match=words):
        set_up(RunConfig(project=str(write_project(**shipped | changes)), home=str(tmp_path / "home")))

    assert not (tmp_path / "home").exists()
