"""Permissions: what can't be written to, and what others could read, is named with the command that mends it."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from emberflow.cli.finding import Finding
from emberflow.cli.rights import look_at_rights, look_at_secrets
from emberflow.signing import make_keys

NOBODY = 65534


@pytest.fixture
def home():
    """A home folder that anybody may reach, which pytest's own folders are not."""
    place = Path(tempfile.mkdtemp(prefix="emberflow-test-"))
    place.chmod(0o755)
    folder = place / "home"
    for name in ("store/ab", "results", "prefect"):
        (folder / name).mkdir(parents=True)
    (folder / "mlflow.db").touch()
    yield folder
    shutil.rmtree(place)


@contextmanager
def as_nobody():
    """Where root runs the tests, it gives its rights away for as long: root may write anywhere."""
    is_root = os.getuid() == 0
    if is_root:
        os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        if is_root:
            os.setresuid(0, 0, 0)


def belongs_to_nobody(folder):
    """As it is where a user made it, also where root runs the tests."""
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)


def test_what_a_user_may_write_to_is_well(home):
    """Folders and data bases."""
    belongs_to_nobody(home)
    with as_nobody():
        assert list(look_at_rights(home)) == [Finding("permissions", f"{home} can be written to")]


def test_a_folder_that_was_closed_is_named_with_what_opens_it(home):
    """It is the user's own, so chmod does; here two folders of the store."""
    belongs_to_nobody(home)
    for name in ("store", "store/ab"):
        (home / name).chmod(0o555)
    with as_nobody():
        (finding,) = look_at_rights(home)

    assert finding == Finding(
        "permissions", f"'{home / 'store'}' and 1 more can't be written to", f"expected all of it to be yours: chmod -R u+rwX {home}"
    )


def test_a_data_base_that_is_read_only_is_named(home):
    """No run could be logged."""
    belongs_to_nobody(home)
    (home / "mlflow.db").chmod(0o444)
    with as_nobody():
        (finding,) = look_at_rights(home)

    assert finding.found == f"'{home / 'mlflow.db'}' can't be written to"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files to somebody else")
def test_what_root_made_is_given_to_the_user(home):
    """After one run with sudo; the other folders are the user's."""
    belongs_to_nobody(home)
    os.chown(home / "results", 0, 0)
    with as_nobody():
        (finding,) = look_at_rights(home)

    assert finding.remedy == f"expected all of it to be yours: sudo chown -R {NOBODY} {home}"


def test_a_home_that_is_not_there_has_no_permissions(tmp_path):
    """The disk's finding says whether it can be made."""
    assert list(look_at_rights(tmp_path / "home")) == []


def test_a_key_that_others_may_read_is_named(tmp_path):
    """Its pair is made as `emberflow key` makes it, which is well; then somebody copies it carelessly."""
    make_keys(key := tmp_path / "my.key")
    assert list(look_at_secrets(tmp_path, key)) == [Finding("signing key", f"{key}, yours alone")]

    key.chmod(0o644)
    assert list(look_at_secrets(tmp_path, key)) == [
        Finding("signing key", f"'{key}' is open to others (mode 644)", f"expected 600, readable by you alone: chmod 600 {key}", is_needed=False)
    ]


def test_a_key_that_is_missing_stops_a_run(tmp_path):
    """One that publishes, at its beginning."""
    key = tmp_path / "my key"

    assert list(look_at_secrets(tmp_path, key)) == [
        Finding("signing key", f"'{key}' is missing", f"expected the file of a private key; make one: emberflow key '{key}'")
    ]


def test_a_key_of_somebody_else_stops_a_run(home):
    """Nobody may read it."""
    key = home.parent / "my.key"
    key.touch()
    key.chmod(0o000)
    with as_nobody():
        (finding,) = look_at_secrets(home, key)
        user = os.getuid()

    assert finding == Finding("signing key", f"'{key}' can't be read", f"expected it to be yours: sudo chown {user} {key}")


def test_the_servers_password_is_looked_at(tmp_path):
    """Where there is one."""
    password = tmp_path / "password"
    password.write_text("word key")
    password.chmod(0o640)

    (finding,) = look_at_secrets(tmp_path, None)
    assert (finding.what, finding.remedy) == ("the password of the servers", f"expected 600, readable by you alone: chmod 600 {password}")
