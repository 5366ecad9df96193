"""Addresses of fsspec: those that can be none, those that lack a package, and what they say no with."""

import sys

import pytest

from emberflow.adapters.address import check_address, failures
from emberflow.errors import ProjectError


@pytest.mark.parametrize("address", ["out", "/out", "file:///out", "memory://out", "s3://bucket/watch"])
def test_a_folder_and_an_address_are_taken(address):
    """Without asking whether they answer."""
    check_address(address, "publish")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("sftpp://host/watch", r"received publish: 'sftpp://host/watch'; expected a folder, .* such as s3://bucket/watch. Did you mean 'sftp'\?"),
        ("gs://bucket/watch", r"received publish: 'gs://bucket/watch', for which a package is missing: .*gcsfs"),
    ],
)
def test_an_address_that_can_not_be_is_told(address, words):
    """With "did you mean", or the package."""
    with pytest.raises(ProjectError, match=words):
        check_address(address, "publish")


def test_s3_without_its_package_says_which_extra(monkeypatch):
    """As for someone who installed Emberflow alone."""
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)

    with pytest.raises(ProjectError, match=r"for which a package is missing: Install s3fs to access S3; get it with pip install 'emberflow\[s3\]'"):
        check_address("s3://bucket/watch", "publish")


def test_the_failures_of_s3_are_known_once_it_was_needed(monkeypatch):
    """And importing this costs nobody botocore, which takes a second."""
    from botocore.exceptions import BotoCoreError, NoCredentialsError

    assert (OSError, BotoCoreError) == failures()
    assert issubclass(NoCredentialsError, failures())
    monkeypatch.delitem(sys.modules, "botocore.exceptions")
    assert (OSError,) == failures()
