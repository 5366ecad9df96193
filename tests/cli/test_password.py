"""The password of servers that others reach: made once, read by its owner, never shown."""

import base64

import pytest

from emberflow.cli import password as module
from emberflow.cli.password import make_password, read_password
from emberflow.errors import EmberflowError


@pytest.fixture
def _with_package(monkeypatch):
    """As if the package that MLflow needs were there: what is tested here doesn't use it."""
    monkeypatch.setattr(module, "find_spec", lambda name: name == "flask_wtf")


@pytest.mark.usefixtures("_with_package")
def test_a_password_is_kept(tmp_path):
    """The next start reads the same; 15 bytes in base 64 are 20 letters."""
    made = make_password(tmp_path)

    assert made == read_password(tmp_path)
    assert len(made.word) == 20
    assert make_password(tmp_path).word != made.word


@pytest.mark.usefixtures("_with_package")
def test_only_its_owner_may_read_it(tmp_path):
    """Not for a moment could others: the files are made so."""
    make_password(tmp_path)

    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {"password": 0o600, "mlflow-auth.ini": 0o600}


@pytest.mark.usefixtures("_with_package")
def test_a_new_password_begins_with_no_users(tmp_path):
    """MLflow takes the password from its settings only where it has no users yet."""
    (tmp_path / "mlflow-users.db").touch()
    make_password(tmp_path)

    assert not (tmp_path / "mlflow-users.db").exists()
    assert f"sqlite:///{tmp_path / 'mlflow-users.db'}" in (tmp_path / "mlflow-auth.ini").read_text()


@pytest.mark.usefixtures("_with_package")
def test_it_goes_into_a_header_and_into_no_text(tmp_path):
    """What is printed of the value shows neither word nor key."""
    made = make_password(tmp_path)

    assert base64.b64decode(made.header.removeprefix("Basic ")).decode() == f"emberflow:{made.word}"
    assert made.word not in repr(made)
    assert made.key not in repr(made)


def test_where_none_was_made_there_is_none(tmp_path):
    """Not an error: servers of one machine need none."""
    assert read_password(tmp_path) is None


def test_without_the_package_that_mlflow_needs_nothing_is_made(tmp_path, monkeypatch):
    """And it is said how to get it, or how to do without."""
    monkeypatch.setattr(module, "find_spec", lambda name: None)

    with pytest.raises(EmberflowError) as caught:
        make_password(tmp_path)

    assert str(caught.value) == (
        "MLflow asks for a password only with the package Flask-WTF, which is missing; get it with pip install 'emberflow[team]',"
        " or listen on this machine alone: leave --host and --secure away"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_told(tmp_path):
    """With what to delete."""
    (tmp_path / "password").write_text("one-word")

    with pytest.raises(
        EmberflowError, match=rf"'{tmp_path}/password' holds no password; delete it and '{tmp_path}/mlflow-users.db', and a new one is"
    ):
        read_password(tmp_path)
