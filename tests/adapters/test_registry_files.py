"""A version's bytes, out of a real MLflow over SQLite: whole, altered, gone."""

import shutil

import pytest

from emberflow.adapters.registry import Registry
from emberflow.adapters.registry_files import fetch_bundle, fetch_model, fetch_record
from emberflow.adapters.tracking import Tracker
from emberflow.adapters.tracking_client import connect
from emberflow.errors import RegistryError, TrackingError
from emberflow.firmware.literals import identifier
from tests.adapters.a_network import network
from tests.adapters.a_registry import record_of, register


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A registry with one version."""
    home = tmp_path_factory.mktemp("mlflow")
    register(Registry(Tracker.local(home), "watch"), 4)
    return home


@pytest.fixture
def registry(once):
    return Registry(Tracker.local(once), "watch")


@pytest.fixture
def altered(registry, once, tmp_path):
    """A function that alters files below MLflow's artifacts; afterwards they are as they were."""
    shutil.copytree(once / "mlflow-artifacts", tmp_path / "kept")
    yield lambda pattern: sorted((once / "mlflow-artifacts").rglob(pattern))
    shutil.rmtree(once / "mlflow-artifacts")
    shutil.copytree(tmp_path / "kept", once / "mlflow-artifacts")


def test_the_model_is_the_very_bytes_with_what_its_firmware_does_around_them(registry, tmp_path):
    """Standardization and labels as the run had them."""
    fetched = fetch_model(registry, registry.version(1), tmp_path)

    assert network(4) == fetched.model.read_bytes()
    assert (None, ("PEN", "ABD", "ROW")) == (fetched.standardization, fetched.labels)
    assert fetched.model.is_relative_to(tmp_path)


def test_the_bundle_is_that_of_its_run(registry, tmp_path):
    """Verified, and of the same model."""
    place, manifest = fetch_bundle(registry, registry.version(1), tmp_path)

    assert network(4) == (place / f"{identifier('watch')}.tflite").read_bytes()
    assert registry.version(1).origin.model == manifest.model.sha256


def test_the_record_is_that_of_its_run(registry):
    """With the variant's figures and verdict."""
    assert record_of(network(4)) == fetch_record(registry, registry.version(1))


def test_altered_bytes_are_noticed(registry, altered, tmp_path):
    """One bit of the .tflite: both digests are told."""
    (file,) = altered("model.tflite")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)

    with pytest.raises(
        RegistryError, match=r"the bytes of version 1 of 'watch' were altered: received SHA-256 \w{64}; expected \w{64}: put the file"
    ):
        fetch_model(registry, registry.version(1), tmp_path)


@pytest.mark.parametrize(("pattern", "fetch", "what"), [("model.tflite", fetch_model, "model"), ("bundle", fetch_bundle, "bundle")])
def test_missing_bytes_are_told(registry, altered, tmp_path, pattern, fetch, what):
    """Deleted from MLflow's artifacts."""
    (place,) = altered(pattern)
    shutil.rmtree(place) if place.is_dir() else place.unlink()

    with pytest.raises(RegistryError, match=f"the {what} of version 1 of 'watch' is .*run the project again, which registers a version anew"):
        fetch(registry, registry.version(1), tmp_path)


def test_a_model_whose_folder_is_gone_is_told(registry, altered, tmp_path):
    """All of it."""
    shutil.rmtree(altered("model.tflite")[0].parent)

    with pytest.raises(RegistryError, match="the model of version 1 of 'watch' is gone from MLflow's artifacts"):
        fetch_model(registry, registry.version(1), tmp_path)


def test_a_deleted_logged_model_is_told(once, tmp_path):
    """Somebody tidied up in MLflow's page."""
    registry = Registry(Tracker.local(tmp_path / "other"), "watch")
    version = register(registry, 5)
    connect(registry.tracker.uri).mlflow.delete_logged_model(version.model_id)

    with pytest.raises(RegistryError, match=r"the model of version 1 of 'watch' is gone from MLflow's artifacts: .* not found"):
        fetch_model(registry, version, tmp_path)


@pytest.mark.parametrize(("pattern", "text"), [("MLmodel", "flavors: {}"), ("MLmodel", "["), ("model.tflite", "no model")])
def test_a_folder_that_is_no_model_any_more_is_told(registry, altered, tmp_path, pattern, text):
    """Its description or its bytes are something else."""
    altered(pattern)[0].write_text(text)

    with pytest.raises(RegistryError, match=r"version 1 of 'watch' (is not what was registered|were altered)"):
        fetch_model(registry, registry.version(1), tmp_path)


def test_a_bundle_with_an_altered_file_is_refused(registry, altered, tmp_path):
    """The file is named."""
    altered("model_card.md")[0].write_text("other words")

    with pytest.raises(RegistryError, match=r"the bundle of version 1 of 'watch' is not what was registered: .*changed: model_card.md"):
        fetch_bundle(registry, registry.version(1), tmp_path)


def test_a_bundle_of_another_model_is_refused(registry, tmp_path):
    """Whole, but not this version's."""
    version = registry.version(1)
    other = version.model_copy(update={"origin": version.origin.model_copy(update={"model": "0" * 64})})

    with pytest.raises(RegistryError, match=r"the bytes of version 1 of 'watch' were altered: .*; expected 0{64}"):
        fetch_bundle(registry, other, tmp_path)


def test_a_record_of_another_emberflow_is_told(registry, altered):
    """Its keys are others."""
    altered("record.json")[0].write_text("{}")

    with pytest.raises(RegistryError, match="the record of version 1 of 'watch' is not what was registered"):
        fetch_record(registry, registry.version(1))


def test_a_server_that_is_down_is_told_in_the_words_of_tracking(registry, monkeypatch, tmp_path):
    """Port 9 is nobody's."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    with pytest.raises(TrackingError, match=r"MLflow at http://127.0.0.1:9 doesn't answer"):
        fetch_model(Registry(Tracker("http://127.0.0.1:9"), "watch"), registry.version(1), tmp_path)
