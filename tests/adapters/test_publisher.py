"""Publishing to a folder, to a store in memory and to S3: the order of writes, a reader in a loop, and whatever must be refused."""

import json
import threading
from pathlib import Path

import fsspec
import pytest

from emberflow import sealed
from emberflow.adapters import publisher as module
from emberflow.adapters.publisher import Publisher, fetch_published, read_index
from emberflow.bundle import add_to_bundle, verify_files
from emberflow.errors import BundleError, ProjectError, PublishError
from emberflow.signing import make_keys, read_public
from tests import a_bucket
from tests.adapters.a_network import network
from tests.adapters.a_registry import make_bundle


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Bundles of versions 1 and 2."""
    folder = tmp_path_factory.mktemp("bundles")
    for version, middle in ((1, 4), (2, 5)):
        make_bundle(folder / str(version), network(middle))
    return {version: folder / str(version) for version in (1, 2)}


@pytest.fixture
def key(tmp_path):
    make_keys(tmp_path / "key")
    return tmp_path / "key"


@pytest.fixture(scope="module")
def s3():
    """An S3 of this machine, shared by the tests of a process."""
    with a_bucket.s3() as address:
        yield address


@pytest.fixture(params=["folder", "file", "memory", "s3"])
def address(request, tmp_path):
    """Each kind of address that is published to here."""
    if request.param == "s3":
        return f"{request.getfixturevalue('s3')}/{tmp_path.name}"
    places = {"folder": str(tmp_path / "out"), "file": f"file://{tmp_path}/out", "memory": f"memory://{tmp_path.name}/out"}
    return places[request.param]


def public_of(key):
    return read_public(key.with_name("key.pub"))


def test_the_champion_is_what_a_consumer_gets(bundles, key, address, tmp_path):
    """Every file of the bundle, with the manifest's signature; verified on the way."""
    index = Publisher(address, key).publish(bundles[1], 1)

    assert index == fetch_published(address, public_of(key), tmp_path / "got") == read_index(address, public_of(key))
    assert (1, ["versions/1"]) == (index.champion, [each.path for each in index.versions])
    assert verify_files(bundles[1]) == verify_files(tmp_path / "got")
    assert (tmp_path / "got" / "manifest.sig").is_file()


def test_older_versions_stay_and_can_serve_again(bundles, key, address, tmp_path):
    """A roll-back publishes nothing anew: the index names the older one."""
    publisher = Publisher(address, key)
    publisher.publish(bundles[1], 1)
    publisher.publish(bundles[2], 2)

    index = publisher.publish(bundles[1], 1)

    assert (1, [1, 2]) == (index.champion, [each.version for each in index.versions])
    fetch_published(address, public_of(key), tmp_path / "got")
    assert network(4) == (tmp_path / "got" / "watch.tflite").read_bytes()


def test_publishing_again_touches_no_file_of_the_bundle(bundles, key, tmp_path):
    """Somebody may be reading it."""
    publisher = Publisher(str(tmp_path / "out"), key)
    publisher.publish(bundles[1], 1)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "versions").rglob("*")}

    publisher.publish(bundles[1], 1)

    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "versions").rglob("*")}


def test_half_a_bundle_left_by_a_crash_is_made_whole(bundles, key, address, tmp_path):
    """Nobody has seen it, for the index didn't name it."""
    publisher = Publisher(address, key)
    publisher.publish(bundles[1], 1)
    fs, root = fsspec.core.url_to_fs(address)
    fs.rm_file(f"{root}/versions/1/manifest.json")
    fs.pipe_file(f"{root}/versions/1/watch.tflite", b"half")

    publisher.publish(bundles[1], 1)
    fetch_published(address, public_of(key), tmp_path / "got")

    assert (bundles[1] / "watch.tflite").read_bytes() == (tmp_path / "got" / "watch.tflite").read_bytes()


def test_a_consumer_that_polls_sees_the_old_or_the_new_one_whole(bundles, key, address, tmp_path):
    """A reader in a loop while two versions take turns: every byte of every answer is checked, and both are seen."""
    publisher, public = Publisher(address, key), public_of(key)
    publisher.publish(bundles[1], 1)
    seen, wrong, stop = set(), [], threading.Event()

    def poll():
        while not stop.is_set():
            try:
                seen.add(fetch_published(address, public, tmp_path / "polled").champion)
            except Exception as error:  # noqa: BLE001 - whatever it is, the test tells
                wrong.append(error)

    reader = threading.Thread(target=poll)
    reader.start()
    for turn in range(2000):
        publisher.publish(bundles[2 - turn % 2], 2 - turn % 2)
        if turn >= 20 and seen == {1, 2}:
            break
    stop.set()
    reader.join()

    assert ([], {1, 2}) == (wrong, seen)


def test_a_crash_before_the_index_leaves_the_old_one(bundles, key, address, tmp_path, monkeypatch):
    """After each single write of a publication, the last of which is the index."""
    publisher, public = Publisher(address, key), public_of(key)
    publisher.publish(bundles[1], 1)
    real, writes = module._write, []

    def write(place, name, data):
        writes.append(name)
        if name == module.INDEX:
            raise KeyboardInterrupt
        real(place, name, data)

    monkeypatch.setattr(module, "_write", write)
    with pytest.raises(KeyboardInterrupt):
        publisher.publish(bundles[2], 2)

    assert "index.json" == writes[-1]
    assert len(writes) < 2 or "versions/2/manifest.json" == writes[-2]
    assert 1 == fetch_published(address, public, tmp_path / "got").champion


def test_a_number_that_was_published_with_another_bundle_is_refused(bundles, key, address):
    """A registry that was begun anew counts from 1 again."""
    publisher = Publisher(address, key)
    publisher.publish(bundles[1], 1)

    with pytest.raises(BundleError, match=r"version 1 was published at .* with another bundle \(manifest \w{12}, not \w{12}\); expected the same"):
        publisher.publish(bundles[2], 1)


def test_an_altered_bundle_is_not_published(bundles, key, address, tmp_path):
    """And the index is not written."""
    copy = tmp_path / "copy"
    sealed.replace(copy, {path.relative_to(bundles[1]).as_posix(): path.read_bytes() for path in bundles[1].rglob("*") if path.is_file()})
    add_to_bundle(copy, {"gate.md": b"kept"})
    (copy / "gate.md").write_bytes(b"promoted")

    with pytest.raises(BundleError, match=r"changed: gate\.md"):
        Publisher(address, key).publish(copy, 1)

    assert Publisher(address, key).read() is None


@pytest.mark.parametrize("name", ["versions/1/watch.tflite", "versions/1/manifest.json", "index.json"])
def test_what_was_altered_where_it_was_published_is_noticed(bundles, key, address, tmp_path, name):
    """By whoever may write there but has no key."""
    Publisher(address, key).publish(bundles[1], 1)
    fs, root = fsspec.core.url_to_fs(address)
    data = fs.cat_file(f"{root}/{name}")
    place = len(data) // 2
    fs.pipe_file(f"{root}/{name}", data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])

    with pytest.raises(BundleError):
        fetch_published(address, public_of(key), tmp_path / "got")


def test_an_index_by_somebody_else_is_not_added_to(bundles, key, address, tmp_path):
    """Two projects that publish to one address."""
    (tmp_path / "else").mkdir()
    make_keys(tmp_path / "else" / "key")
    Publisher(address, tmp_path / "else" / "key").publish(bundles[1], 1)

    with pytest.raises(BundleError, match=r"index\.json, whose signature is not by this key"):
        Publisher(address, key).publish(bundles[1], 1)


def test_where_nothing_was_published_a_consumer_is_told(key, address, tmp_path):
    """And the index is none."""
    assert read_index(address, public_of(key)) is None
    with pytest.raises(BundleError, match=r"nothing was published at .*; expected an index\.json"):
        fetch_published(address, public_of(key), tmp_path / "got")


def test_an_address_that_can_not_be_is_told_before_anything_runs(key):
    """With "did you mean"; tests/adapters/test_address.py has the rest."""
    with pytest.raises(ProjectError, match=r"received publish: 'sftpp://host/watch'; expected a folder, .* Did you mean 'sftp'\?"):
        Publisher("sftpp://host/watch", key).check()


def test_an_address_that_does_not_answer_is_told(bundles, key, tmp_path):
    """A file where a folder should be; a task tries again."""
    (tmp_path / "out").write_text("a file")

    with pytest.raises(PublishError, match=r"can't publish to .*out; see that it answers and may be written to, then run again"):
        Publisher(str(tmp_path / "out"), key).publish(bundles[1], 1)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_CONFIG_FILE": "/none"}, "It said: Unable to locate credentials"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}, "It said: Could not connect to the endpoint URL"),
    ],
)
def test_an_s3_without_keys_or_without_a_server_is_told(bundles, key, s3, monkeypatch, environment, words):
    """Neither is an OSError; a task tries again."""
    s3fs = fsspec.get_filesystem_class("s3")
    s3fs.clear_instance_cache()
    for name, value in ({"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": "/none"} | environment).items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)

    with pytest.raises(PublishError, match=f"can't publish to {s3}/none; .*{words}"):
        Publisher(f"{s3}/none", key).publish(bundles[1], 1)
    s3fs.clear_instance_cache()


def test_a_bucket_that_is_not_there_is_told(bundles, key, s3):
    """Nobody makes one by publishing: it costs money, and has a country."""
    with pytest.raises(PublishError, match=r"can't publish to s3://none/watch; .* It said: The specified bucket does not exist"):
        Publisher("s3://none/watch", key).publish(bundles[1], 1)


def test_a_file_that_can_not_be_written_is_told(key, tmp_path, bundles, monkeypatch):
    """The index, say, of which only the folder may be read."""

    def refuse(*_: object) -> None:
        raise PermissionError("not yours")

    monkeypatch.setattr(sealed, "replace_file", refuse)

    with pytest.raises(PublishError, match="It said: not yours"):
        Publisher(str(tmp_path / "out"), key).publish(bundles[1], 1)


def test_a_manifest_that_leads_out_of_its_folder_is_refused():
    """Whatever a manifest names is written below the consumer's folder."""
    for name in ("../x", "/x"):
        with pytest.raises(BundleError, match=f"received a manifest with the file '{name}', which leads out of its folder"):
            sealed.names_in(json.dumps({"files": {name: {}}}).encode())
    with pytest.raises(BundleError, match="received a manifest that names no files"):
        sealed.names_in(b"[]")


def test_paths_of_this_test_are_no_files_of_the_house():
    """`memory://` leaves nothing in the working directory."""
    assert not Path("memory:").exists()
