"""Secrets where none belong: refused, and never shown in the refusal."""

import re

import pytest

from emberflow.errors import ProjectError
from emberflow.project import parse_project
from emberflow.secret import WITHOUT_PASSWORD, refuse_key, refuse_mlflow_password, refuse_password
from emberflow.signing import make_keys

HIDDEN = "hunter2"
GIVEN_AWAY = [
    f"s3://AKIA:{HIDDEN}@bucket/watch",
    f"s3://AKIA:{HIDDEN}/with/slashes+@bucket/watch",
    f"http://ann:{HIDDEN}@mlflow:5000",
    f"postgresql+psycopg://ann:{HIDDEN}@db:5432/mlflow",
    f"ftp://:{HIDDEN}@host/x",
    f"https://host/x?token={HIDDEN}",
    f"postgresql://db/mlflow?user=ann&password={HIDDEN}",
]
FINE = [
    *(
        "s3://bucket/watch",
        "releases",
        "../out@home",
        "http://127.0.0.1:5000",
        "http://host:5000/a@b",
        "http://ann@host:5000/",
        "sqlite:////home/a@b/m.db",
    ),
    *("gs://bucket/a:b@c", "https://host/x?region=eu"),
]
LEAST = "{{name: watch, baseline: 'w:build', data: 'w:load', target: stm32f405, {}: {!r}}}"


@pytest.mark.parametrize("address", GIVEN_AWAY)
def test_a_password_in_an_address_is_refused_unshown(address):
    """With where it belongs; in a project file too, whose copy goes into every bundle."""
    with pytest.raises(ProjectError) as raised:
        refuse_mlflow_password(address)
    assert HIDDEN not in str(raised.value)
    assert "received a password in the address of mlflow (not shown here)" in str(raised.value)
    assert "MLFLOW_TRACKING_PASSWORD" in str(raised.value)

    with pytest.raises(ProjectError) as raised:
        parse_project(LEAST.format("publish", address))
    assert str(raised.value).startswith("publish: received a password in the address of publish (not shown here)")
    assert "AWS_SECRET_ACCESS_KEY" in str(raised.value)
    assert HIDDEN not in str(raised.value)


@pytest.mark.parametrize("address", FINE)
def test_other_addresses_pass(address):
    """Ports, users without a password, and an @ in a path."""
    assert address == refuse_password(address, "publish", "")


@pytest.mark.parametrize("address", GIVEN_AWAY + FINE)
def test_the_pattern_for_forms_says_the_same(address):
    """What a server refuses before it keeps it."""
    assert (address in FINE) == bool(re.match(WITHOUT_PASSWORD, address))


def test_a_key_in_the_place_of_its_path_is_refused_unshown(tmp_path):
    """As it stands in its file, on one line, and in a project file."""
    make_keys(tmp_path / "my.key")
    text = (tmp_path / "my.key").read_text()
    secret = text.splitlines()[1]
    for given in (text, text.replace("\n", " ")):
        with pytest.raises(ProjectError) as raised:
            refuse_key(given, "EMBERFLOW_SIGNING_KEY")
        assert secret not in str(raised.value)
        assert str(raised.value).startswith("received a key itself as EMBERFLOW_SIGNING_KEY (not shown here); expected the path of its file")

    with pytest.raises(ProjectError) as raised:
        parse_project(LEAST.format("signing_key", text.replace("\n", " ")))
    assert "signing_key: received a key itself as signing_key (not shown here)" in str(raised.value)
    assert secret not in str(raised.value)

    assert "keys/my.key" == refuse_key("keys/my.key", "signing_key")
